"""Figures for a page: SVG that a strict Content-Security-Policy allows, and that takes the page's colours."""

from html.parser import HTMLParser

import numpy as np
import pytest

from jaxpix.pictures.fields import HeatMap, draw_heat_maps
from jaxpix.pictures.plots import Curve, RateBar, draw_rates, draw_steps

HOSTILE = '<script>alert(1)</script>" onload=alert(2) &amp; \x00\x1b $x^2$'


class Elements(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.tags, self.words = [], ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.words += data


@pytest.fixture
def drawings(tmp_path):
    bars = [RateBar("a", "1 pixel", 0.8, 0.7, 0.9, printed=0.5), RateBar(HOSTILE, "1 pixel", 0.2, 0.1, 0.3)]
    curve = Curve([0, 100, 400], [0.0, 0.25, 0.5], [0.0, 0.1, 0.3], [0.2, 0.5, 0.7])
    one = HeatMap(HOSTILE, np.full((32, 32), 90, np.uint8), [4, 5], [28, 4])
    return [
        Elements(draw_rates(tmp_path / "a.png", "Rates", "rate", bars)),
        Elements(draw_steps(tmp_path / "b.png", "Steps", ("x", "y"), {"k": curve, HOSTILE: curve})),
        Elements(draw_heat_maps(tmp_path / "c.png", "Map", [one])),
    ]


def test_nothing_in_it_is_live_or_styled(drawings):
    allowed = {"svg", "g", "path", "defs", "use", "text", "clippath", "rect", "image", "tspan"}
    for drawing in drawings:
        for tag, attributes in drawing.tags:
            assert tag in allowed, tag
            assert not any(name == "style" or name.startswith("on") for name in attributes)
            assert attributes.get("href", "#").startswith(("#", "data:image/png;base64,"))
    assert all("<script>alert(1)</script>" in drawing.words for drawing in drawings)


def test_colours_are_the_pages(drawings):
    rates, steps, _ = drawings
    classes = {name for _, one in rates.tags for name in one.get("class", "").split()}
    assert {"fill-blue", "stroke-ink", "stroke-grid", "stroke-printed", "fill-paper"} <= classes
    colours = {
        one[name]
        for drawing in (rates, steps)
        for _, one in drawing.tags
        for name in ("fill", "stroke")
        if name in one
    }
    assert colours <= {"none"}


def test_what_is_referred_to_is_there_and_in_no_other_figure(drawings):
    seen = set()
    for drawing in drawings:
        names = {one["id"] for _, one in drawing.tags if "id" in one}
        used = {one["href"][1:] for _, one in drawing.tags if one.get("href", "").startswith("#")}
        used |= {one["clip-path"][5:-1] for _, one in drawing.tags if "clip-path" in one}
        assert used
        assert used <= names
        assert not names & seen
        seen |= names
    assert len(seen) > 5
