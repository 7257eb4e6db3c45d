"""Maps of an image's positions: where hits lie, and a value at each; as PNG files, and as SVG for a page."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from matplotlib import rc_context
from matplotlib.ticker import MaxNLocator

from .drawings import INK, PAPER, PAPER_INCHES, STYLE, new_figure, save_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

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
    # Few hits in fine fields would be scattered dots, many in coarse ones a blur.
    fields = int(np.clip(2 * math.sqrt(max(len(one.rows) for one in maps)), 8, _MOST_FIELDS))
    binned = [_binned(one, fields) for one in maps]
    most = max(float(counts.max()) for counts in binned)
    counted = [
        FieldMap(one.heading, one.image, np.where(counts > 0, counts, np.nan))
        for one, counts in zip(maps, binned, strict=True)
    ]
    figure, panels, bar = _panels(counted, "changed pixels per field", (0, most), 0.78)
    for axes, one in zip(panels, maps, strict=True):
        if len(one.rows) <= _MOST_DOTS:
            axes.plot(one.columns, one.rows, ".", color=PAPER, markeredgecolor=INK, markersize=5)
    bar.ax.yaxis.set_major_locator(MaxNLocator(integer=True))
    return save_figure(figure, title, caption, path, is_wide=len(maps) > 1)


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
) -> str:
    """Values of positions over their images, one panel a map, with one scale for all.

    Args:
        path, title, caption: see `save_figure`.
        unit: beside the colours.
        maps: the panels, at least one.
        limits: of the colours.
    """
    figure, _, _ = _panels(maps, unit, limits, 0.85)
    return save_figure(figure, title, caption, path, is_wide=len(maps) > 1)


def _panels(
    maps: Sequence[FieldMap], unit: str, limits: tuple[float, float], alpha: float
) -> tuple[Figure, Sequence[Any], Any]:
    """A figure with a panel for each map, and the scale of their colours beside them: figure, axes, colour bar.

    Values may be coarser than their image, which they cover all the same.
    """
    across = min(3, len(maps))
    down = -(-len(maps) // across)
    figure = new_figure(PAPER_INCHES, 1.1 + down * (PAPER_INCHES / max(2, across) + 0.2))
    grid = figure.subplots(down, across, squeeze=False).ravel()
    low, high = limits
    for axes, one in zip(grid, maps, strict=False):
        height, width = one.image.shape
        extent = (-0.5, width - 0.5, height - 0.5, -0.5)
        # Pale, so that the colours of the values stand out.
        axes.imshow(one.image, cmap="gray", vmin=-200, vmax=255, extent=extent)
        values = np.ma.masked_invalid(one.values)
        shown = axes.imshow(values, cmap="viridis", vmin=low, vmax=high, alpha=alpha, extent=extent)
        axes.set_title(one.heading, loc="left", fontsize=9)
        axes.set_axis_off()
    for axes in grid[len(maps) :]:
        axes.set_visible(False)
    panels = grid[: len(maps)].tolist()
    return figure, panels, figure.colorbar(shown, ax=panels, shrink=0.8, label=unit)


def _binned(one: HeatMap, fields: int) -> np.ndarray:
    height, width = one.image.shape
    bins = (min(fields, height), min(fields, width))
    edges = ((-0.5, height - 0.5), (-0.5, width - 0.5))
    return np.histogram2d(one.rows, one.columns, bins=bins, range=edges)[0]
