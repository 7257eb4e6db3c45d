"""Plots: files that are pictures and show what they were given."""

import itertools
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
from PIL import Image

from jaxpix.pictures import drawings
from jaxpix.pictures.fields import HeatMap, draw_heat_maps
from jaxpix.pictures.plots import (
    Bar,
    Curve,
    RateBar,
    Tradeoff,
    draw_bars,
    draw_intensities,
    draw_rates,
    draw_steps,
    draw_tradeoffs,
)


def colours(path: Path) -> np.ndarray:
    """Of a picture, int [H, W, 3]."""
    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB")).astype(int)


def colour_share(path: Path, colour: tuple[int, int, int]) -> float:
    return float((np.abs(colours(path) - colour).sum(-1) < 12).mean())


BLUE, ORANGE, RED = (0x00, 0x72, 0xB2), (0xE6, 0x9F, 0x00), (0xB3, 0x26, 0x1E)


def test_bars_are_as_long_as_their_values(tmp_path: Path) -> None:
    path = tmp_path / "new" / "bars.png"
    bars = [Bar("ours", 900.0, 850.0, 950.0, "a"), Bar("theirs", 300.0, 300.0, 310.0, "b")]
    draw_bars(path, "Speed", "candidates/s", bars, "made up")
    assert 2.7 < colour_share(path, BLUE) / colour_share(path, ORANGE) < 3.3


def test_curves_have_bands(tmp_path: Path) -> None:
    curve = Curve([0, 100, 400], [0.0, 0.25, 0.5], [0.0, 0.1, 0.3], [0.2, 0.5, 0.7])
    flat = Curve([0, 400], [0.1, 0.1], [0.0, 0.0], [0.3, 0.3])
    draw_steps(tmp_path / "one.png", "Success", ("queries", "success"), {"a": curve})
    draw_steps(tmp_path / "two.png", "Success", ("queries", "success"), {"a": curve, "b": flat})
    assert colour_share(tmp_path / "one.png", BLUE) > 0.001
    assert colour_share(tmp_path / "one.png", ORANGE) == 0
    assert colour_share(tmp_path / "two.png", ORANGE) > 0.001


def test_rates_beside_printed_ones(tmp_path: Path) -> None:
    one = [RateBar("a", "1 pixel", 0.8, 0.7, 0.9), RateBar("b", "1 pixel", 0.2, 0.1, 0.3)]
    two = [RateBar("a", "1 pixel", 0.8, 0.7, 0.9), RateBar("b", "1 pixel", 0.2, 0.1, 0.3, printed=0.5)]
    none = [RateBar("a", "1 pixel", None, 0.0, 1.0, printed=0.5), RateBar("a", "2 pixels", 0.5, 0.4, 0.6)]
    for name, bars in (("one", one), ("two", two), ("none", none)):
        draw_rates(tmp_path / f"{name}.png", "Success", "rate", bars, "made up")
    assert colour_share(tmp_path / "one.png", RED) == 0
    assert colour_share(tmp_path / "two.png", RED) > 0.0002
    # What was not measured has no bar; only the legend shows its colour.
    assert colour_share(tmp_path / "none.png", BLUE) < 0.1 * colour_share(tmp_path / "none.png", ORANGE)


def test_heat_maps_are_brightest_where_most_hits_are(tmp_path: Path) -> None:
    image = np.full((32, 32), 90, np.uint8)
    many = HeatMap("many", image, [4] * 90 + [28], [28] * 90 + [4])
    draw_heat_maps(tmp_path / "one.png", "Hits", [many])
    draw_heat_maps(tmp_path / "four.png", "Hits", [many] * 4, "made up")
    pixels = colours(tmp_path / "one.png")
    # Viridis ends in yellow: the fullest field, below and left of the middle of the map; the colour bar is beside it.
    yellow = (pixels[..., 0] > 200) & (pixels[..., 1] > 180) & (pixels[..., 2] < 110)
    rows, columns = np.nonzero(yellow[:, : int(0.7 * pixels.shape[1])])
    assert len(rows) > 100
    assert rows.mean() > 0.5 * pixels.shape[0]
    assert columns.mean() < 0.5 * pixels.shape[1]


def test_intensities_have_a_panel_for_each_channel(tmp_path: Path) -> None:
    values = ([10, 20, 200], [255, 255, 0])
    draw_intensities(tmp_path / "grey.png", "Values", {"intensity": values})
    draw_intensities(tmp_path / "colour.png", "Values", dict.fromkeys(("red", "green", "blue"), values))
    heights = [len(colours(tmp_path / name)) for name in ("grey.png", "colour.png")]
    assert heights[1] > 2 * heights[0]
    assert colour_share(tmp_path / "grey.png", BLUE) > 0.01


def test_names_that_look_like_mathematics_are_text(tmp_path: Path) -> None:
    bars = [RateBar("$\\frac{$ <b>", "$x_$", 0.5, 0.4, 0.6)]
    draw_rates(tmp_path / "odd.png", "$\\oops$ " * 20, "$%", bars, "$")
    assert (tmp_path / "odd.png").stat().st_size > 1_000


def test_no_window_system_is_looked_for() -> None:
    program = "import sys, jaxpix.pictures.plots; sys.exit('matplotlib.pyplot' in sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True, cwd=Path(__file__).parents[2])


def test_the_title_stands_above_the_legend_and_both_above_the_axes(tmp_path, monkeypatch):
    kept = []
    monkeypatch.setattr(drawings, "write_atomically", lambda path, content: None)
    monkeypatch.setattr(drawings, "_to_svg", lambda figure, *_: kept.append(figure) or "")
    curve = Curve([0, 5], [0.1, 0.3], [0.1, 0.3], [0.1, 0.3])
    for title in ("short", "of two lines, since " + "it is so long that one does not hold it " * 2):
        draw_steps(tmp_path / "a.png", title, ("x", "y"), dict.fromkeys("abcde", curve))
        figure = kept.pop()
        [legend], [axes] = figure.legends, figure.axes
        lines = figure.get_suptitle().replace("\n\u00a0", "").count("\n") + 1
        title_end = figure._suptitle.get_window_extent().y1 - lines * 0.19 * figure.dpi
        assert legend.get_window_extent().y1 <= title_end
        assert axes.get_window_extent().y1 <= legend.get_window_extent().y0 + 0.05 * figure.dpi


def test_names_of_points_that_lie_together_do_not_cover_each_other(tmp_path):
    points = [Tradeoff(f"name {number}", "one", (0.8, 0.7, 0.9), (0.8, 0.7, 0.9)) for number in range(6)]
    drawing = draw_tradeoffs(tmp_path / "a.png", "Tradeoff", ("clean", "worst"), points)
    heights = {float(match[1]) for match in re.finditer(r'y="([\d.]+)"[^>]*>name \d<', drawing)}
    heights |= {
        float(match[1]) for match in re.finditer(r"translate\([\d.]+ ([\d.]+)\)[^>]*>name \d<", drawing)
    }
    assert len(heights) == 6
    ordered = sorted(heights)
    assert min(high - low for low, high in itertools.pairwise(ordered)) > 9
