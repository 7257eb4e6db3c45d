"""Plots: files that are pictures and show what they were given."""

import subprocess
import sys
from pathlib import Path

import numpy as np
from PIL import Image

from jaxpix.figures import Bar, Curve, draw_bars, draw_steps


def colour_share(path: Path, colour: tuple[int, int, int]) -> float:
    pixels = np.asarray(Image.open(path).convert("RGB")).astype(int)
    return float((np.abs(pixels - colour).sum(-1) < 12).mean())


BLUE, ORANGE = (0x3B, 0x6E, 0xA5), (0xE0, 0x8A, 0x3C)


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


def test_no_window_system_is_looked_for() -> None:
    program = "import sys, jaxpix.figures; sys.exit('matplotlib.pyplot' in sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True, cwd=Path(__file__).parents[1])
