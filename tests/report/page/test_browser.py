"""The report's page in a real browser, from a file, without any network."""

import shutil

import pytest
from support.drawn_runs import make_run
from support.measured import write_measurement

from jaxpix.records.record import PixelChange
from jaxpix.report.writing import write_report

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed")

BROWSER = next(
    filter(
        None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"))
    ),
    None,
)
pytestmark = pytest.mark.skipif(BROWSER is None, reason="no Chromium here; scripts/browser.sh installs one")

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
]
CLEAR, OPACITY, NODULE = ["clear-like"], ["opacity-like"], ["nodule-like"]
HOSTILE = ["<img src=x onerror=alert(1)>", "</script><script>alert(2)</script>", '"><svg onload=alert(3)>']


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=BROWSER, args=FLAGS)
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def large_report(tmp_path_factory):
    """1,000 successes with one pixel and 4 with two."""
    folder = tmp_path_factory.mktemp("large")
    outcomes = [(CLEAR, OPACITY)] * 500 + [(OPACITY, CLEAR)] * 300 + [(NODULE, OPACITY)] * 200
    runs = [
        make_run(folder / "one", outcomes, size=16, image_id="first"),
        make_run(folder / "two", [(NODULE, CLEAR)] * 4, size=16, num_pixels=2, image_id="second"),
    ]
    return write_report(runs, folder / "out")


@pytest.fixture
def visit(browser):
    """Opens a page and fails the test if anything is logged, thrown, asked of the network or shown as a dialog."""
    troubles = []
    contexts = []

    def opened(path, **options):
        context = browser.new_context(**options)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: troubles.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: troubles.append(f"error: {error}"))
        page.on("dialog", lambda dialog: (troubles.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        address = path.as_uri()
        page.on(
            "request",
            lambda request: (
                None
                if request.url == address or request.url.startswith("data:")
                else troubles.append(request.url)
            ),
        )
        page.goto(address)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert troubles == []


PHONE, DESK = {"width": 390, "height": 844}, {"width": 1400, "height": 900}
SIZES = [PHONE, DESK, {"width": 360, "height": 700}, {"width": 820, "height": 1180}]


@pytest.fixture(scope="module")
def small_report(tmp_path_factory):
    """Two series of a few successes each, of colour and of label sets: as much as the demonstration has."""
    folder = tmp_path_factory.mktemp("small")
    naevus, melanoma, keratosis = ([f"{name}-like"] for name in ("naevus", "melanoma", "keratosis"))
    outcomes = [(naevus, melanoma), (melanoma, naevus), (keratosis, naevus), *[(melanoma, melanoma)] * 12] * 2
    findings = [([], ["Mass"]), (["Effusion"], []), (["Effusion"], ["Effusion", "Mass"]), *[([], [])] * 12]
    runs = [
        make_run(folder / "derma", outcomes, "phantom-derma"),
        make_run(folder / "chest", findings, "phantom-chest", fitness="cosine"),
    ]
    return write_report(runs, folder / "out")


def visible(page):
    return page.locator("#cards > li").count()


def shown_part(page, box="[data-compare]"):
    """Percent of the original that covers the changed image."""
    return float(page.locator(box).evaluate("box => box.style.getPropertyValue('--cut')").rstrip("%"))


def wait_until(page, is_so):
    """The page's own policy forbids what Playwright waits with."""
    for _ in range(100):
        if is_so():
            return
        page.wait_for_timeout(50)
    pytest.fail("waited 5 s in vain")


@pytest.mark.parametrize("size", SIZES, ids=lambda size: str(size["width"]))
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_first_picture_and_no_sideways_scroll(small_report, visit, size, scheme):
    page = visit(small_report, viewport=size, color_scheme=scheme)
    place = page.locator(".lead .view").first.bounding_box()
    assert place["y"] > 0
    assert place["y"] + place["height"] < size["height"]
    assert place["width"] > 0.33 * min(size["width"], 1100)
    assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
    page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
    assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
    page.locator(".card").first.click()
    assert page.locator("dialog").evaluate("box => box.scrollWidth <= box.clientWidth")


@pytest.fixture(scope="module")
def study_report(tmp_path_factory):
    """Three numbers of pixels and two victims."""
    folder = tmp_path_factory.mktemp("study")
    labels = (CLEAR, OPACITY, NODULE)
    runs = []
    for place, victim in enumerate(("resnet50", "densenet121")):
        for count in (1, 2, 3):
            changed = 1 + count + place
            outcomes = [
                (label, labels[(at + 1 + one % 2) % 3] if one < changed else label)
                for at, label in enumerate(labels)
                for one in range(8)
            ]
            about = {"victim": victim, "victim_id": str(place) * 16, "num_pixels": count}
            runs.append(make_run(folder / f"{victim}-{count}", outcomes, size=16, **about))
    return write_report(runs, folder / "out")


OPEN = "document.querySelectorAll('details').forEach(one => { one.open = true; })"
HEIGHT = "document.documentElement.scrollHeight"


@pytest.mark.parametrize("which", ["small_report", "study_report"])
@pytest.mark.parametrize(("size", "most"), [(DESK, 6), (PHONE, 9)], ids=["wide", "phone"])
def test_the_page_is_short(request, visit, which, size, most):
    report = request.getfixturevalue(which)
    page = visit(report, viewport=size)
    assert page.evaluate(HEIGHT) <= most * size["height"]
    if size is DESK:
        page.evaluate(OPEN)
        assert page.evaluate(HEIGHT) <= 14 * size["height"]
    assert report.stat().st_size <= 1_500_000


@pytest.fixture(scope="module")
def rich_report(tmp_path_factory):
    """An exhaustive search, two others of the same images, and defences of two victims."""
    folder = tmp_path_factory.mktemp("rich")
    outcomes = [(CLEAR, OPACITY), (OPACITY, CLEAR), *[(NODULE, OPACITY)] * 2, *[(NODULE, NODULE)] * 8]
    truth = {"preset": "scipy", "exhaustive_flips": 3, "exhaustive_positions": 2}
    runs = [make_run(folder / "truth", outcomes, size=16, **truth)]
    runs += [
        make_run(folder / preset, outcomes[place:] + outcomes[:place], size=16, preset=preset)
        for place, preset in enumerate(("tsai2023", "su2019"))
    ]
    measured = write_measurement(folder / "defend", victims=("resnet50", "densenet121"))
    (measured / "resnet50-median3").mkdir()
    runs.append(
        make_run(measured / "resnet50-median3" / "evolution-k1", outcomes, size=16, victim_id="3" * 16)
    )
    return write_report(runs, folder / "out")


@pytest.mark.parametrize("size", SIZES, ids=lambda size: str(size["width"]))
def test_recall_and_defences_are_folded_and_fit(rich_report, visit, size):
    page = visit(rich_report, viewport=size)
    assert page.evaluate(HEIGHT) <= (6 if size is DESK else 12) * size["height"]
    for name, rows in (("recall", 2), ("defences", 8)):
        part = page.locator(f"#{name}")
        assert not part.locator("table").is_visible()
        part.locator("summary").first.click()
        assert part.locator("tbody tr").count() == rows
        assert part.locator("figure svg").first.is_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
    assert page.locator("#defences .scroll").evaluate("box => box.scrollWidth - box.clientWidth") <= (
        0 if size in (PHONE, DESK) else 400
    )
    assert "random search is not better" not in page.inner_text(".doubt")
    assert "something guides the search: failed" in page.inner_text(".doubt")


@pytest.mark.parametrize(("scheme", "size"), [("light", DESK), ("dark", PHONE)])
def test_a_checker_of_accessibility_finds_nothing(rich_report, visit, scheme, size):
    page = visit(rich_report, viewport=size, color_scheme=scheme)
    page.evaluate(OPEN)
    found = axe.Axe().run(page, options={"resultTypes": ["violations", "incomplete"]}).response
    doubted = {one["id"] for one in found["incomplete"]}
    # It cannot tell what is behind letters on an image, and a plot's column of bars has no text.
    assert doubted <= {"color-contrast", "th-has-data-cells"}
    assert [(one["id"], one["nodes"][0]["html"]) for one in found["violations"]] == []


def test_a_link_to_a_table_opens_what_it_lies_in(rich_report, visit):
    page = visit(rich_report, viewport=DESK)
    page.locator("#defences summary").first.click()
    page.get_by_role("link", name="Transfer between victims").click()
    table = page.locator("#table-00-defences-transfer table")
    wait_until(page, table.is_visible)
    assert table.locator("tbody tr").count() == 6


def test_a_card_draws_the_best_fitness_so_far(tmp_path, visit):
    outcomes = [(CLEAR, OPACITY), (NODULE, NODULE)]
    run = make_run(tmp_path / "run", outcomes, size=16, generations=4, trajectory=[0.9, 0.5, 0.5, 0.5, 0.25])
    old = make_run(tmp_path / "old", [(OPACITY, CLEAR)], size=16, num_pixels=2, image_id="old")
    page = visit(write_report([run, old], tmp_path / "out"), viewport=DESK)
    page.get_by_role("button", name="image-0.png").click()
    drawing = page.locator("dialog .trajectory svg")
    assert drawing.get_attribute("aria-label") == (
        "Best fitness so far: 0.9 after the first population, 0.25 after generation 4"
    )
    texts = drawing.locator("text").all_text_contents()
    assert texts == ["0.9", "0.25", "0", "4", "generation", "fitness (confidence)"]
    # Down at a quarter of the way, level, and down at its end.
    assert drawing.locator("path:not(.axes)").get_attribute("d") == "M46.0 8.0H107.5V54.8H292.0V84.0"
    page.keyboard.press("ArrowRight")
    assert page.locator("dialog .facts").count() == 1
    assert page.locator("dialog .trajectory").count() == 0


@pytest.mark.parametrize(("x", "y"), [(1, 15), (14, 15), (1, 1)])
def test_the_mark_covers_no_changed_pixel(tmp_path, visit, x, y):
    pixels = [PixelChange(x, y, [10], [255])]
    run = make_run(tmp_path / "run", [(CLEAR, OPACITY)], size=16, pixels=pixels)
    page = visit(write_report([run], tmp_path / "out"), viewport=DESK)
    for picture in (".lead .side + .side .view", ".card > .view"):
        ring = page.locator(f"{picture} > svg .ring").last.bounding_box()
        mark = page.locator(f"{picture} > .mark").bounding_box()
        assert (
            ring["x"] > mark["x"] + mark["width"]
            or ring["x"] + ring["width"] < mark["x"]
            or (ring["y"] + ring["height"] < mark["y"])
        )


def test_several_maps_of_hits_leave_no_gap(study_report, visit):
    page = visit(study_report, viewport=DESK)
    wide = page.locator("figure.wide").first.bounding_box()
    beside = page.locator(".figures .sentences").first.bounding_box()
    whole = page.locator(".figures").first.bounding_box()
    assert beside["y"] == wide["y"]
    assert beside["x"] + beside["width"] == pytest.approx(whole["x"] + whole["width"], abs=1)


def test_many_successes_are_usable_within_a_second(large_report, visit):
    page = visit(large_report)
    took = page.evaluate(
        "(() => { const [one] = performance.getEntriesByType('navigation'); return one.loadEventEnd; })()"
    )
    assert 0 < took < 1_000


def test_the_slider_by_keyboard_mouse_and_touch(small_report, visit):
    page = visit(small_report, viewport=DESK, has_touch=True)
    slider = page.locator(".lead input[type=range]")
    slider.focus()
    page.keyboard.press("Home")
    assert shown_part(page) == 0
    page.keyboard.press("ArrowRight")
    assert shown_part(page) == 1
    assert slider.get_attribute("aria-valuetext") == "1 % original, 99 % changed"
    page.keyboard.press("End")
    assert shown_part(page) == 100
    place = page.locator(".lead .view").first.bounding_box()
    middle = place["y"] + place["height"] / 2
    page.mouse.move(place["x"] + 0.25 * place["width"], middle)
    page.mouse.down()
    assert shown_part(page) == pytest.approx(25, abs=1)
    page.mouse.move(place["x"] + 0.75 * place["width"], middle)
    assert shown_part(page) == pytest.approx(75, abs=1)
    page.mouse.up()
    page.touchscreen.tap(place["x"] + 0.5 * place["width"], middle)
    assert shown_part(page) == pytest.approx(50, abs=1)
    # Both pictures lie on one spot, and the edge cuts the changed one.
    boxes = [page.locator(".lead .compare .view").nth(number).bounding_box() for number in (0, 1)]
    assert boxes[0] == boxes[1]


def test_blinking_begins_and_ends_with_its_button(small_report, visit):
    page = visit(small_report)
    blink = page.get_by_role("button", name="Blink")
    blink.click()
    assert blink.get_attribute("aria-pressed") == "true"
    wait_until(page, lambda: shown_part(page) == 100)
    wait_until(page, lambda: shown_part(page) == 0)
    blink.click()
    assert blink.get_attribute("aria-pressed") == "false"
    now = shown_part(page)
    page.wait_for_timeout(800)
    assert shown_part(page) == now


def test_without_scripts_there_are_two_pictures(small_report, visit):
    page = visit(small_report, viewport=DESK, java_script_enabled=False)
    one, other = (page.locator(".lead .compare .view").nth(number).bounding_box() for number in (0, 1))
    assert one["x"] + one["width"] < other["x"]
    assert one["y"] == other["y"]
    assert page.locator(".lead .slide").count() == 0
    assert page.locator("noscript p").is_visible()


def test_a_thousand_successes_a_few_at_a_time(large_report, visit):
    page = visit(large_report)
    assert page.inner_text("#count") == "8 of 1,004 successes"
    assert visible(page) == 8
    page.click("#more")
    assert page.inner_text("#count") == "32 of 1,004 successes"
    assert visible(page) == 32
    # Whoever goes on by keyboard is at the first new card.
    assert page.evaluate("[...document.querySelectorAll('.card')].indexOf(document.activeElement)") == 8
    loaded = "images => images.every(image => image.complete && image.naturalWidth > 0)"
    assert page.locator("#cards img").evaluate_all(loaded)


def test_filters_search_and_order(large_report, visit):
    page = visit(large_report, viewport=DESK)
    page.select_option("#by-pixels", "2")
    assert page.inner_text("#count") == "4 of 4 successes"
    assert page.locator("#more").is_hidden()
    page.select_option("#by-pixels", "")
    page.select_option("#by-class", "=opacity-like")
    assert page.inner_text("#count") == "8 of 300 successes"
    page.select_option("#by-class", "")
    page.select_option("#by-outcome", ">Disease → Normal")
    assert page.inner_text("#count") == "8 of 304 successes"
    page.select_option("#by-outcome", "=opacity-like")
    assert page.inner_text("#count") == "8 of 700 successes"
    page.fill("#by-id", "FIRST-99")
    assert page.inner_text("#count") == "8 of 11 successes"
    page.fill("#by-id", "nowhere")
    assert page.inner_text("#count") == "No success matches."
    page.fill("#by-id", "")
    page.select_option("#by-order", "surest")
    page.click("#more")
    shown = [
        float(text.rstrip("%)").rsplit("(", 1)[1].replace("~", ""))
        for text in page.locator(".card .now").all_inner_texts()
    ]
    assert len(shown) == 32
    assert shown == sorted(shown, reverse=True)
    assert min(shown) > 95


def test_failures_are_the_other_half(small_report, visit):
    page = visit(small_report, viewport=DESK)
    page.click("#show-failures")
    assert page.inner_text("#count") == "8 of 36 failures"
    assert "not that nothing exists" in page.inner_text("#about-failures")
    assert "% sure" in page.locator(".card").first.inner_text()
    page.locator(".card").first.click()
    assert "no other label" in page.locator("dialog").inner_text()
    page.keyboard.press("Escape")
    page.click("#show-successes")
    assert page.inner_text("#count") == "8 of 9 successes"
    assert page.locator("#about-failures").is_hidden()


def test_a_run_without_successes_begins_with_its_failures(tmp_path, visit):
    run = make_run(tmp_path / "run", [(CLEAR, CLEAR), (NODULE, NODULE)], size=16)
    page = visit(write_report([run], tmp_path / "out"), viewport=DESK)
    assert "The nearest miss is shown." in page.inner_text(".lead")
    assert page.locator(".lead .compare img").count() == 2
    assert page.inner_text("#count") == "2 of 2 failures"
    page.click("#show-successes")
    assert page.inner_text("#count") == "No attack succeeded."


def test_a_card_opens_with_the_pixels_details_by_mouse_and_keys(large_report, visit):
    page = visit(large_report, viewport=DESK)
    page.fill("#by-id", "second-")
    page.locator(".card").first.click()
    dialog = page.locator("dialog")
    assert dialog.is_visible()
    assert "second-0.png" in dialog.inner_text()
    assert dialog.locator(".enlarged").count() == 2
    assert "two/adversarial/second-0.png" in dialog.inner_text()
    assert dialog.locator(".confidences tbody tr").count() == 3
    filled = dialog.locator(".bar.after > span").first.evaluate("bar => parseFloat(bar.style.width)")
    assert f"{filled:.1f} %" == dialog.locator("tbody td:nth-child(3) .number").first.inner_text()
    page.keyboard.press("ArrowRight")
    assert "second-1.png" in dialog.inner_text()
    # The slider keeps its own arrows.
    dialog.locator("input[type=range]").focus()
    before = shown_part(page, "dialog .compare")
    page.keyboard.press("ArrowRight")
    assert shown_part(page, "dialog .compare") == before + 1
    assert "second-1.png" in dialog.inner_text()
    page.keyboard.press("Escape")
    assert not dialog.is_visible()
    page.locator(".card").first.focus()
    page.keyboard.press("Enter")
    assert dialog.is_visible()


def test_the_painted_pixel_has_its_place_and_value(large_report, visit):
    page = visit(large_report, viewport=DESK)
    page.fill("#by-id", "first-0.png")
    data = page.evaluate("JSON.parse(document.getElementById('gallery-data').textContent)")
    (item,) = [one for one in data["items"] if one["id"] == "first-0.png"]
    (pixel,) = item["pixels"]
    painted = page.locator(".card > .view > svg rect")
    assert [painted.get_attribute(name) for name in ("x", "y", "width", "height", "fill")] == [
        str(pixel["x"]),
        str(pixel["y"]),
        "1",
        "1",
        pixel["colour"],
    ]
    assert pixel["colour"] == f"rgb({pixel['after']}, {pixel['after']}, {pixel['after']})"


def test_tables_are_searched_and_copied(small_report, visit):
    page = visit(small_report, viewport=DESK)
    page.evaluate(
        "Object.defineProperty(navigator, 'clipboard', "
        "{ value: { writeText: async (text) => { window.copied = text; } } })"
    )
    page.get_by_role("link", name="All numbers").click()
    assert page.locator("#numbers > details").evaluate("one => one.open")
    page.fill("#find", "melanoma")
    shown = page.locator("details.numbers:visible")
    assert page.inner_text("#found-tables").startswith(f"{shown.count()} of ")
    assert all(
        "melanoma" in row for row in page.locator("details.numbers tbody tr:visible").all_inner_texts()
    )
    page.fill("#find", "")
    table = page.locator("details.numbers").first
    table.locator("summary").click()
    table.get_by_role("button", name="Copy as CSV").click()
    wait_until(page, lambda: page.evaluate("window.copied"))
    (written,) = small_report.parent.glob(f"tables/{table.locator('table').get_attribute('data-key')}.csv")
    assert page.evaluate("window.copied") == written.read_bytes().decode("utf-8")


def test_hostile_names_run_nothing(tmp_path, visit):
    outcomes = [([HOSTILE[0]], [HOSTILE[1]]), ([HOSTILE[1]], [HOSTILE[2]]), ([HOSTILE[2]], [HOSTILE[0]])]
    run = make_run(
        tmp_path / "run",
        outcomes,
        size=16,
        class_names=HOSTILE,
        normal_classes=[HOSTILE[0]],
        image_id=HOSTILE[1],
        about={"title": HOSTILE[0], "note": HOSTILE[1], "citation": HOSTILE[2]},
        victim=HOSTILE[0],
    )
    page = visit(write_report([run], tmp_path / "out"), viewport=DESK)
    assert HOSTILE[0] in page.inner_text("#cards")
    assert page.locator("img[src=x], #cards script, #details script").count() == 0
    page.select_option("#by-class", f"={HOSTILE[2]}")
    page.locator(".card").first.click()
    assert HOSTILE[1] in page.inner_text("dialog")
    page.wait_for_timeout(50)


@pytest.mark.parametrize("which", ["small_report", "study_report"])
def test_nothing_is_wider_than_paper(request, visit, which):
    # A4 between the page's margins: what is wider would make a browser print all of it smaller.
    page = visit(request.getfixturevalue(which), viewport={"width": 690, "height": 1000})
    page.emulate_media(media="print")
    page.evaluate(OPEN)
    assert page.evaluate("document.documentElement.scrollWidth") <= 690


def test_paper_gets_the_page_unfolded_without_controls(small_report, visit):
    page = visit(small_report)
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print")
    for name in ("nav", ".controls", ".slide"):
        assert not page.locator(name).first.is_visible()
    assert page.locator(".verdict").is_visible()
    assert page.locator("details:not([open])").count() == 0
    assert page.locator("#method pre").last.is_visible()
    one, other = (page.locator(".lead .compare .view").nth(number).bounding_box() for number in (0, 1))
    assert one["width"] == pytest.approx(other["width"])
    assert one["x"] + one["width"] <= other["x"]
    changed = page.locator(".lead .compare .view").nth(1)
    assert changed.evaluate("view => getComputedStyle(view).clipPath") == "none"
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert not page.locator("#method > details").evaluate("one => one.open")


def test_links_open_what_is_folded(small_report, visit):
    page = visit(small_report)
    page.get_by_role("link", name="How it was done").click()
    assert page.locator("#method table").first.is_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_words_stand_out_from_their_ground(small_report, visit, scheme):
    """AA: 4.5 to 1 for every colour that words have, on every ground of the page."""
    page = visit(small_report, color_scheme=scheme)
    names = ("--ink", "--soft", "--link", "--red", "--amber")
    grounds, tints = ("--paper", "--card"), ("--amber-tint", "--red-tint", "--tint")
    read = (
        "names => names.map(name => getComputedStyle(document.documentElement).getPropertyValue(name).trim())"
    )
    every = [*names, *grounds, *tints]
    colours = dict(zip(every, page.evaluate(read, every), strict=True))
    pairs = [(name, ground) for name in names for ground in grounds]
    pairs += [("--amber", "--amber-tint"), ("--red", "--red-tint"), ("--ink", "--tint"), ("--soft", "--tint")]
    for name, ground in pairs:
        light, dark = sorted((luminance(colours[name]), luminance(colours[ground])), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 4.5, (name, ground)


def luminance(colour):
    channels = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
