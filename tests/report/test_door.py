"""The report door: one page that needs nothing else, with every text escaped."""

import html
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from PIL import Image
from support.drawn_runs import make_run

from jaxpix.errors import InputError
from jaxpix.report import __main__ as report
from jaxpix.report.page.gallery import gallery_of
from jaxpix.report.runs.reading import read_attacks
from jaxpix.report.runs.series import series_of
from jaxpix.report.writing import write_report

HOSTILE = ["<img src=x onerror=alert(1)>", "</script><script>alert(2)</script>", "{{ 7 * 7 }} $x^2$ &amp;"]
CLEAR, OPACITY, NODULE = ["clear-like"], ["opacity-like"], ["nodule-like"]
OUTCOMES = [(CLEAR, OPACITY), (OPACITY, CLEAR), (OPACITY, OPACITY), (NODULE, CLEAR), (NODULE, NODULE)]


class Elements(HTMLParser):
    """Every start tag with its attributes, and the text of each kind of element."""

    def __init__(self, page: str):
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: dict[str, str] = {}
        self._open: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self._open.append(tag)

    def handle_endtag(self, tag):
        while self._open and self._open.pop() != tag:
            pass

    def handle_data(self, data):
        for tag in set(self._open):
            self.text[tag] = self.text.get(tag, "") + data

    def all(self, name):
        return [attributes for tag, attributes in self.tags if tag == name]


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A report of two drawn attacks, and its page."""
    folder = tmp_path_factory.mktemp("report")
    runs = [make_run(folder / "runs" / f"k{count}", OUTCOMES, num_pixels=count) for count in (1, 2)]
    report.main([*map(str, runs), "--out", str(folder / "out")])
    return folder / "out", (folder / "out" / "index.html").read_text(encoding="utf-8")


def test_the_folder_holds_page_tables_summary_and_figures(written):
    out, _ = written
    assert {".lock", "index.html", "summary.json", "checklist.json", "checklist.md", "tables", "figures"} == {
        path.name for path in out.iterdir()
    }
    assert list((out / "tables").glob("*.csv"))
    assert list((out / "tables").glob("*.tex"))
    kinds = {path.name.split("-")[0] for path in (out / "figures").glob("*.png")}
    assert kinds == {"success", "queries", "positions", "intensities", "examples"}


def test_the_page_needs_no_other_file(written):
    _, page = written
    elements = Elements(page)
    for tag, attributes in elements.tags:
        assert tag not in ("link", "iframe", "object", "embed", "base", "form")
        for name in ("src", "href", "srcset", "action", "data", "poster"):
            value = attributes.get(name)
            citation = tag == "a" and (value or "").startswith("https://doi.org/")
            assert value is None or citation or value.startswith(("data:image/", "#")), (tag, name, value)
        assert not any(name.startswith("on") or name == "style" for name in attributes), (tag, attributes)
    assert "@import" not in page
    assert "url(" not in elements.text["style"]
    policy = next(one["content"] for one in elements.all("meta") if one.get("http-equiv"))
    assert policy.startswith("default-src 'none'; img-src data:; style-src 'sha256-")
    assert "unsafe" not in policy


def test_structure_for_readers_and_screen_readers(written):
    _, page = written
    elements = Elements(page)
    assert elements.all("html") == [{"lang": "en"}]
    assert len(elements.all("h1")) == 1
    named = [one for one in elements.all("table") if "aria-labelledby" in one]
    assert len(named) + len(elements.all("caption")) == len(elements.all("table")) > 10
    identifiers = [attributes["id"] for _, attributes in elements.tags if "id" in attributes]
    assert {one["aria-labelledby"] for one in named} <= set(identifiers)
    assert all(len(one["alt"]) > 10 for one in elements.all("img"))
    drawings = [one for _, one in elements.tags if one.get("role") == "img"]
    assert len(drawings) == 4
    assert all(len(one["aria-label"]) > 40 for one in drawings)
    assert {one["href"] for one in elements.all("a") if one["href"].startswith("#")} <= {
        f"#{attributes['id']}" for _, attributes in elements.tags if "id" in attributes
    }
    assert len(identifiers) == len(set(identifiers))


def test_headline_figures_and_synthetic_label(written):
    _, page = written
    text = html.unescape(page)
    assert "Changing one pixel made the classifier call 2 of 4 synthetic diseased images normal" in text
    assert text.index("diseased images normal") < text.index("normal images diseased")
    # Said once, and marked on the pictures.
    assert page.count("Synthetic images, drawn by jaxpix; no patient.") == 1
    assert page.index("Synthetic images, drawn by jaxpix") < page.index("<h1")
    assert page.count('<span class="mark">synthetic</span>') == 2
    assert len(re.findall(r"<figure.*?</figure>", page, re.DOTALL)) == 4
    assert "opacity-like, 1 pixel: 50.0 %* (9.5–90.5), 1/2" in text


def test_protocol_provenance_and_sources(written):
    out, page = written
    text = html.unescape(page)
    for words in (
        '<th scope="row">image size</th><td class="paper">224 px</td><td>48 px</td><td class="differs">differs</td>',
        "<dt>data fingerprint</dt><dd>ffffffffffffffff</dd>",
        "<dt>test accuracy</dt><dd>90.0 %</dd>",
        "Licence: Apache-2.0, as jaxpix itself",
        "https://doi.org/10.3390/cancers15174228",
        "python -m jaxpix.attack --config",
        f"--out {out}",
    ):
        assert words in text


def test_the_gallery_has_every_success(written):
    _, page = written
    block = re.search(r'<script type="application/json" id="gallery-data">(.*?)</script>', page, re.DOTALL)
    assert block is not None
    gallery = json.loads(block[1])
    assert gallery["total"] == len(gallery["items"]) == 6
    assert gallery["total_failures"] == len(gallery["failures"]) == 4
    assert {item["direction"] for item in gallery["failures"]} == {"no other label"}
    assert all(item["image"] for item in gallery["items"] + gallery["failures"])
    assert [attack["num_pixels"] for attack in gallery["attacks"]] == [1, 2]
    assert {item["direction"] for item in gallery["items"]} == {"Disease → Normal", "Normal → Disease"}


def test_hostile_names_are_text_only(tmp_path):
    outcomes = [([HOSTILE[0]], [HOSTILE[1]]), ([HOSTILE[1]], [HOSTILE[2]]), ([HOSTILE[2]], [HOSTILE[2]])]
    names = {"class_names": HOSTILE, "normal_classes": [HOSTILE[0]], "image_id": "</script>'\"><b>"}
    run = make_run(
        tmp_path / "run",
        outcomes,
        about={"title": "<i>data</i>", "note": "<u>note</u>"},
        victim="<s>v</s>",
        **names,
    )
    page = write_report([run], tmp_path / "out").read_text(encoding="utf-8")
    elements = Elements(page)
    assert not {"b", "i", "u", "s"} & {tag for tag, _ in elements.tags}
    assert len(elements.all("script")) == 2
    assert not any(one.get("src") == "x" for one in elements.all("img"))
    assert "alert(1)" not in elements.text["script"].replace("\\u003cimg src=x onerror=alert(1)\\u003e", "")
    assert HOSTILE[2] in elements.text["table"]


def test_only_so_many_pictures_all_classes_in_turn(tmp_path):
    run = make_run(tmp_path / "run", [*([(CLEAR, OPACITY)] * 6), *([(NODULE, CLEAR)] * 2)], size=16)
    gallery = gallery_of(series_of(read_attacks([run])), most=4)
    assert gallery["total"] == 8
    assert [item["before"] for item in gallery["items"]] == [*CLEAR, *NODULE, *CLEAR, *NODULE]


def test_confidences_of_label_sets(tmp_path):
    sure = {"confidences_before": [0.1] * 14}
    run = make_run(tmp_path / "run", [([], ["Mass", "Nodule"]), (["Mass"], [])], "phantom-chest", 16, **sure)
    first, second = gallery_of(series_of(read_attacks([run])))["items"]
    assert first["before_text"] == second["after_text"] == "Normal"
    assert first["confidence"] == min(first["confidences_after"][place] for place in (4, 5))
    assert second["confidence"] is None


def test_a_missing_picture_is_no_reason_to_stop(tmp_path):
    run = make_run(tmp_path / "run", OUTCOMES, size=16)
    for path in (run / "originals").iterdir():
        path.unlink()
    out = tmp_path / "out"
    write_report([run], out)
    assert not list((out / "figures").glob("positions-*"))
    assert '"image": null' in (out / "index.html").read_text(encoding="utf-8")


def test_a_report_without_any_success(tmp_path):
    run = make_run(tmp_path / "run", [(CLEAR, CLEAR), (NODULE, NODULE)], size=16)
    out = tmp_path / "out"
    page = write_report([run], out).read_text(encoding="utf-8")
    assert "No change of one pixel was found" in page
    assert [path.name.split("-")[0] for path in (out / "figures").iterdir()] == ["success"]


def test_findings_and_the_note_of_whoever_prepared_the_data(tmp_path):
    outcomes = [([], ["Mass", "Nodule"]), (["Mass"], []), (["Nodule"], ["Nodule"])]
    run = make_run(tmp_path / "run", outcomes, "phantom-chest", about={"note": "shrunk by hand"})
    page = html.unescape(write_report([run], tmp_path / "out").read_text(encoding="utf-8"))
    assert "of 2 successes: no finding (Normal) 1, 2 findings 1, with Mass 1, with Nodule 1" in page
    assert page.count("Shrunk by hand.") == 1
    assert '<span class="mark">synthetic · see note</span>' in page
    (figure,) = (tmp_path / "out" / "figures").glob("findings-*.png")
    with Image.open(figure) as picture:
        assert picture.width > 600


def test_the_default_folder_and_a_folder_of_runs(tmp_path, capsys):
    make_run(tmp_path / "study" / "one", OUTCOMES, size=16)
    report.main([str(tmp_path / "study")])
    assert (tmp_path / "study" / "report" / "index.html").exists()
    assert str(Path("study") / "report" / "index.html") in capsys.readouterr().out


def test_wrong_folders_are_named(tmp_path):
    with pytest.raises(InputError, match=r"which attacks\? python -m jaxpix\.report RUN"):
        report.main([])
    with pytest.raises(InputError, match=r"is no run folder of an attack and holds none"):
        report.main([str(tmp_path)])
