"""The report's page in a real browser, from a file, without any network."""

import shutil

import pytest
from support.drawn_runs import make_run

from jaxpix.report.writing import write_report

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

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


def images(page):
    return page.locator("#cards img").count()


def test_a_thousand_successes_page_by_page(large_report, visit):
    page = visit(large_report)
    assert "1–24 of 1,004 (1,004 successes in all)" in page.inner_text("#count")
    assert page.locator("#cards > li").count() == 24
    assert images(page) <= 24 * 4
    loaded = "images => images.every(image => image.complete && image.naturalWidth > 0)"
    assert page.locator("#cards img").evaluate_all(loaded)
    assert page.is_disabled("#previous")
    page.click("#next")
    assert page.inner_text("#count").startswith("25–48 of 1,004")
    assert images(page) <= 24 * 4
    page.click("#previous")
    assert page.inner_text("#page") == "page 1 of 42"


def test_filters_search_and_order(large_report, visit):
    page = visit(large_report)
    page.select_option("#by-pixels", "2")
    assert page.inner_text("#count").startswith("1–4 of 4 ")
    page.select_option("#by-pixels", "")
    page.select_option("#by-class", "=opacity-like")
    assert page.inner_text("#count").startswith("1–24 of 300 ")
    page.select_option("#by-class", "")
    page.select_option("#by-outcome", ">Disease → Normal")
    assert page.inner_text("#count").startswith("1–24 of 304 ")
    page.select_option("#by-outcome", "=opacity-like")
    assert page.inner_text("#count").startswith("1–24 of 700 ")
    page.fill("#by-id", "FIRST-99")
    assert page.inner_text("#count").startswith("1–11 of 11 ")
    page.fill("#by-id", "nowhere")
    assert page.inner_text("#count") == "No success matches."
    page.fill("#by-id", "")
    page.select_option("#by-order", "surest")
    shown = [
        float(text.rstrip("%)").rsplit("(", 1)[1].replace("~", ""))
        for text in page.locator(".card .now").all_inner_texts()
    ]
    assert len(shown) == 24
    assert shown == sorted(shown, reverse=True)
    assert min(shown) > 95


def test_a_card_opens_with_the_pixels_details_by_mouse_and_keys(large_report, visit):
    page = visit(large_report)
    page.fill("#by-id", "second-")
    page.locator(".card").first.click()
    dialog = page.locator("dialog")
    assert dialog.is_visible()
    assert "second-0.png" in dialog.inner_text()
    assert dialog.locator(".pixel").count() == 2
    assert "Verified file: two/adversarial/second-0.png" in dialog.inner_text()
    page.keyboard.press("ArrowRight")
    assert "second-1.png" in dialog.inner_text()
    page.keyboard.press("Escape")
    assert not dialog.is_visible()
    page.locator(".card").first.focus()
    page.keyboard.press("Enter")
    assert dialog.is_visible()


def test_the_painted_pixel_has_its_place_and_value(large_report, visit):
    page = visit(large_report)
    page.fill("#by-id", "first-0.png")
    data = page.evaluate("JSON.parse(document.getElementById('gallery-data').textContent)")
    (item,) = [one for one in data["items"] if one["id"] == "first-0.png"]
    (pixel,) = item["pixels"]
    painted = page.locator(".card .views > .view").nth(1).locator("rect")
    assert [painted.get_attribute(name) for name in ("x", "y", "width", "height", "fill")] == [
        str(pixel["x"]),
        str(pixel["y"]),
        "1",
        "1",
        pixel["colour"],
    ]
    assert pixel["colour"] == f"rgb({pixel['after']}, {pixel['after']}, {pixel['after']})"


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
    page = visit(write_report([run], tmp_path / "out"))
    assert HOSTILE[0] in page.inner_text("#cards")
    assert page.locator("img[src=x], #cards script, #details script").count() == 0
    page.select_option("#by-class", f"={HOSTILE[2]}")
    page.locator(".card").first.click()
    assert HOSTILE[1] in page.inner_text("dialog")
    page.wait_for_timeout(50)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_shows_it_without_scrolling_sideways(large_report, visit, scheme):
    page = visit(large_report, viewport={"width": 360, "height": 700}, color_scheme=scheme)
    assert page.evaluate("document.body.scrollWidth") <= 360
    page.locator(".card").first.click()
    assert page.locator("dialog").evaluate("box => box.scrollWidth <= box.clientWidth")


def test_paper_gets_the_page_without_controls(large_report, visit):
    page = visit(large_report)
    page.emulate_media(media="print")
    assert not page.locator("nav").is_visible()
    assert not page.locator(".controls").is_visible()
    assert page.locator(".headline").first.is_visible()
