"""Maps of an image's positions: where hits lie, and a value at each; as PNG files, and as SVG for a page."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from matplotlib import rc_context
from matplotlib.ticker import MaxNLocator
from PIL import Image

from .drawings import INK, PAPER, PAPER_INCHES, STYLE, new_figure, save_figure

if TYPE_CHECKING:
    from ..records.maps import SweepMaps
    from ..records.record import Record

_MOST_FIELDS = 32
_MOST_DOTS = 60


class HeatMap(NamedTuple):
    """Positions over an image: `image` uint8 [H, W], and the columns and rows of the pixels, one each a hit."""

    heading: str
    image: Any
    columns: Sequence[int]
    rows: Sequence[int]


@rc_context(STYLE)
def draw_heat_maps(path: Path, title: str, maps: Sequence[HeatMap], caption: str = "") -> str:
    """How often each part of the image was hit, over the image, one panel a map; the colours count hits."""
    across = min(3, len(maps))
    down = -(-len(maps) // across)
    figure = new_figure(PAPER_INCHES, 1.1 + down * (PAPER_INCHES / max(2, across) + 0.2))
    grid = figure.subplots(down, across, squeeze=False).ravel()
    # Few hits in fine fields would be scattered dots, many in coarse ones a blur.
    fields = int(np.clip(2 * math.sqrt(max(len(one.rows) for one in maps)), 8, _MOST_FIELDS))
    binned = [_binned(one, fields) for one in maps]
    most = max(float(counts.max()) for counts in binned)
    for axes, one, counts in zip(grid, maps, binned, strict=False):
        height, width = one.image.shape
        extent = (-0.5, width - 0.5, height - 0.5, -0.5)
        # Pale, so that the colours of the counts stand out.
        axes.imshow(one.image, cmap="gray", vmin=-200, vmax=255, extent=extent)
        shown = axes.imshow(
            np.ma.masked_equal(counts, 0), cmap="viridis", vmin=0, vmax=most, alpha=0.78, extent=extent
        )
        if len(one.rows) <= _MOST_DOTS:
            axes.plot(one.columns, one.rows, ".", color=PAPER, markeredgecolor=INK, markersize=5)
        axes.set_title(one.heading, loc="left", fontsize=9)
        axes.set_axis_off()
    for axes in grid[len(maps) :]:
        axes.set_visible(False)
    bar = figure.colorbar(shown, ax=grid[: len(maps)].tolist(), shrink=0.8, label="changed pixels per field")
    bar.ax.yaxis.set_major_locator(MaxNLocator(integer=True))
    return save_figure(figure, title, caption, path, is_wide=len(maps) > 1)


def draw_maps(record: Record, image: np.ndarray, maps: SweepMaps) -> Image.Image:
    """Of one image, uint8 [H, W, C]: the smallest change that is enough, and the confidence that is left."""
    grey = image.mean(-1).astype(np.uint8)
    change = np.where(maps.smallest_change > 0, maps.smallest_change, np.nan)
    left = np.where(np.isfinite(maps.lowest_confidence), np.abs(maps.lowest_confidence), np.nan)
    of = "in the original label" if record.target is None else "in the target"
    panels = [
        ("smallest change that is enough", "change of intensity", change, (1, 255)),
        (f"confidence {of}, worst value", "confidence", left, (0, 1)),
    ]
    with tempfile.TemporaryDirectory() as folder:
        pictures = []
        for number, (heading, unit, values, limits) in enumerate(panels):
            path = Path(folder) / f"{number}.png"
            draw_fields(path, record.image_id, unit, [FieldMap(heading, grey, values)], limits)
            with Image.open(path) as picture:
                pictures.append(picture.convert("RGB"))
    whole = Image.new(
        "RGB", (sum(one.width for one in pictures), max(one.height for one in pictures)), "white"
    )
    for number, one in enumerate(pictures):
        whole.paste(one, (sum(other.width for other in pictures[:number]), 0))
    return whole


class FieldMap(NamedTuple):
    """A value at each position, over an image: `image` uint8 [H, W], `values` [H, W], NaN where there is none."""

    heading: str
    image: Any
    values: Any


@rc_context(STYLE)
def draw_fields(
    path: Path,
    title: str,
    unit: str,
    maps: Sequence[FieldMap],
    limits: tuple[float, float],
    caption: str = "",
    *,
    dark_is_low: bool = True,
) -> str:
    """Values of positions over their images, one panel a map, with one scale for all.

    Args:
        path, title, caption: see `save_figure`.
        unit: beside the colours.
        maps: the panels, at least one.
        limits: of the colours.
        dark_is_low: which end of the scale is dark.
    """
    across = min(3, len(maps))
    down = -(-len(maps) // across)
    figure = new_figure(PAPER_INCHES, 1.1 + down * (PAPER_INCHES / max(2, across) + 0.2))
    grid = figure.subplots(down, across, squeeze=False).ravel()
    for axes, one in zip(grid, maps, strict=False):
        axes.imshow(one.image, cmap="gray", vmin=-200, vmax=255)
        shown = axes.imshow(
            np.ma.masked_invalid(one.values),
            cmap="viridis" if dark_is_low else "viridis_r",
            vmin=limits[0],
            vmax=limits[1],
            alpha=0.85,
        )
        axes.set_title(one.heading, loc="left", fontsize=9)
        axes.set_axis_off()
    for axes in grid[len(maps) :]:
        axes.set_visible(False)
    figure.colorbar(shown, ax=grid[: len(maps)].tolist(), shrink=0.8, label=unit)
    return save_figure(figure, title, caption, path, is_wide=len(maps) > 1)


def _binned(one: HeatMap, fields: int) -> np.ndarray:
    height, width = one.image.shape
    bins = (min(fields, height), min(fields, width))
    edges = ((-0.5, height - 0.5), (-0.5, width - 0.5))
    return np.histogram2d(one.rows, one.columns, bins=bins, range=edges)[0]
