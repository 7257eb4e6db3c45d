"""Plots of numbers, as PNG files and, returned, as SVG for a page."""

import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from matplotlib import rc_context
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator, PercentFormatter, StrMethodFormatter

from .drawings import (
    GRID,
    INK,
    LEGEND_COLUMNS,
    PALETTE,
    PAPER,
    PAPER_INCHES,
    PRINTED_RED,
    STYLE,
    new_figure,
    save_figure,
)

_COLOURS = tuple(PALETTE.values())
_LINES = ("-", "--", "-.", ":")
_PRINTED: dict[str, Any] = {
    "linestyle": "none",
    "marker": "D",
    "markersize": 6.5,
    "markerfacecolor": PAPER,
    "markeredgecolor": PRINTED_RED,
    "markeredgewidth": 1.6,
}
_LINE_INCHES = 0.34
_MARGIN_INCHES = 1.6


class Bar(NamedTuple):
    """One horizontal bar: its label, its value with the least and the most seen, and what decides its colour."""

    label: str
    value: float
    low: float
    high: float
    group: str


@rc_context(STYLE)
def draw_bars(path: Path, title: str, unit: str, bars: Sequence[Bar], caption: str = "") -> str:
    """Horizontal bars from the top down, with whiskers and their values in words."""
    width = PAPER_INCHES if max(len(bar.label) for bar in bars) < 30 else 8.0
    figure = new_figure(width, 1.4 + _LINE_INCHES * len(bars))
    axes = figure.add_subplot()
    groups = list(dict.fromkeys(bar.group for bar in bars))
    places = range(len(bars))
    whiskers = [[bar.value - bar.low for bar in bars], [bar.high - bar.value for bar in bars]]
    colours = [_COLOURS[groups.index(bar.group) % len(_COLOURS)] for bar in bars]
    axes.barh(places, [bar.value for bar in bars], xerr=whiskers, color=colours, height=0.72, ecolor=INK)
    for place, bar in zip(places, bars, strict=True):
        text = f"{bar.value:,.0f}" if bar.value >= 100 else f"{bar.value:.3g}"
        axes.annotate(text, (bar.high, place), (4, 0), textcoords="offset points", va="center", fontsize=9)
    axes.set_yticks(places, [bar.label for bar in bars], fontsize=9)
    axes.invert_yaxis()
    axes.set_xlim(0, 1.14 * max(bar.high for bar in bars))
    axes.set_xlabel(unit)
    _grid(axes)
    return save_figure(figure, title, caption, path, is_list=True)


class Curve(NamedTuple):
    """A line of points with a band around it: x, y and the band's limits, all of one length."""

    x: Sequence[float]
    y: Sequence[float]
    low: Sequence[float]
    high: Sequence[float]


@rc_context(STYLE)
def draw_steps(
    path: Path,
    title: str,
    axes_names: tuple[str, str],
    curves: Mapping[str, Curve],
    caption: str = "",
    *,
    is_logarithmic: bool = False,
) -> str:
    """Curves that stay level between their points, with bands; y in 0..1, shown in percent.

    A logarithmic axis begins at 1; what was before stands there.
    """
    figure = new_figure(PAPER_INCHES, 4.0)
    axes = figure.add_subplot()
    for number, (name, curve) in enumerate(curves.items()):
        colour = _COLOURS[number % len(_COLOURS)]
        line = _LINES[number % len(_LINES)]
        x = [max(one, 1.0) for one in curve.x] if is_logarithmic else curve.x
        axes.step(x, curve.y, where="post", color=colour, linestyle=line, label=name)
        axes.fill_between(x, curve.low, curve.high, step="post", color=colour, alpha=0.18, linewidth=0)
    top = min(1.0, 1.1 * max(max(curve.high) for curve in curves.values()))
    axes.set_ylim(0, top)
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0 if top > 0.08 else 1))
    if is_logarithmic:
        axes.set_xscale("log")
        # Its own labels are mathematics, which no figure of ours parses.
        axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    axes.set_xlim(left=1 if is_logarithmic else 0)
    axes.set(xlabel=axes_names[0], ylabel=axes_names[1])
    if len(curves) > 1:
        _legend_above(axes, axes.get_legend_handles_labels()[0])
    _grid(axes)
    return save_figure(figure, title, caption, path)


class RateBar(NamedTuple):
    """A measured rate with its interval, and the printed one beside it; all in 0..1, None: there is none.

    `category` names its place on the axis, `series` decides its colour and its place among the category's bars.
    """

    category: str
    series: str
    rate: float | None
    low: float
    high: float
    printed: float | None = None


@rc_context(STYLE)
def draw_rates(path: Path, title: str, axis_name: str, bars: Sequence[RateBar], caption: str = "") -> str:
    """Horizontal bars with intervals, grouped by category; a diamond marks the printed value."""
    categories = list(dict.fromkeys(bar.category for bar in bars))
    series = list(dict.fromkeys(bar.series for bar in bars))
    thickness = 0.8 / len(series)
    inches = max(0.42, 0.2 * len(series) + 0.16)
    figure = new_figure(PAPER_INCHES, 1.5 + inches * len(categories))
    axes = figure.add_subplot()
    for bar in bars:
        number = series.index(bar.series)
        place = categories.index(bar.category) + (number - (len(series) - 1) / 2) * thickness
        if bar.rate is not None:
            colour = _COLOURS[number % len(_COLOURS)]
            axes.barh(place, bar.rate, height=0.9 * thickness, color=colour)
            axes.plot([bar.low, bar.high], [place, place], color=INK, linewidth=1.4, solid_capstyle="butt")
        if bar.printed is not None:
            axes.plot(bar.printed, place, **_PRINTED)
    axes.set_yticks(range(len(categories)), [textwrap.fill(name, 22) for name in categories])
    axes.set_ylim(len(categories) - 0.5, -0.5)
    axes.set_xlim(-0.015, 1.015)
    axes.xaxis.set_major_formatter(PercentFormatter(1.0))
    axes.set_xlabel(axis_name)
    handles: list[Any] = [
        Patch(color=_COLOURS[number % len(_COLOURS)], label=name) for number, name in enumerate(series)
    ]
    handles.append(Line2D([], [], color=INK, linewidth=1.4, label="95 % interval"))
    if any(bar.printed is not None for bar in bars):
        handles.append(Line2D([], [], label="printed in the paper", **_PRINTED))
    _legend_above(axes, handles)
    _grid(axes)
    return save_figure(figure, title, caption, path, is_list=True)


class Tradeoff(NamedTuple):
    """Two shares in 0..1 with their intervals, (rate, low, high) each; `group` decides the colour."""

    name: str
    group: str
    x: tuple[float, float, float]
    y: tuple[float, float, float]


@rc_context(STYLE)
def draw_tradeoffs(
    path: Path, title: str, axes_names: tuple[str, str], points: Sequence[Tradeoff], caption: str = ""
) -> str:
    """Points with their intervals in both directions; their names in the margin, a line from each to its point."""
    figure = new_figure(PAPER_INCHES + _MARGIN_INCHES, 4.6)
    axes = figure.add_subplot()
    groups = list(dict.fromkeys(point.group for point in points))
    for point in points:
        spans = [[[one[0] - one[1]], [one[2] - one[0]]] for one in (point.x, point.y)]
        colour = _COLOURS[groups.index(point.group) % len(_COLOURS)]
        axes.errorbar(
            point.x[0], point.y[0], xerr=spans[0], yerr=spans[1], fmt="o", color=colour, linewidth=1
        )
    for axis, name in ((axes.xaxis, axes_names[0]), (axes.yaxis, axes_names[1])):
        axis.set_major_formatter(PercentFormatter(1.0, decimals=0))
        axis.set_label_text(name)
    axes.set_ylim(-0.02, 1.02)
    _name_in_margin(axes, points)
    if len(groups) > 1:
        colours = (_COLOURS[number % len(_COLOURS)] for number in range(len(groups)))
        _legend_above(
            axes,
            [Patch(color=colour, label=group) for colour, group in zip(colours, groups, strict=True)],
        )
    _grid(axes, "both")
    return save_figure(figure, title, caption, path)


def _name_in_margin(axes: Any, points: Sequence[Tradeoff]) -> None:
    """Names right of the axes from low to high, at equal distances, so that none covers another."""
    ordered = sorted(points, key=lambda point: (point.y[0], point.x[0]))
    distance = min(0.075, 1 / max(1, len(ordered)))
    middle = sum(point.y[0] for point in ordered) / max(1, len(ordered))
    lowest = min(max(0.0, middle - distance * (len(ordered) - 1) / 2), 1 - distance * (len(ordered) - 1))
    for number, point in enumerate(ordered):
        axes.annotate(
            point.name,
            (point.x[0], point.y[0]),
            (1.05, lowest + number * distance),
            textcoords="axes fraction",
            va="center",
            fontsize=9,
            arrowprops={"arrowstyle": "-", "color": PALETTE["grey"], "linewidth": 0.6},
        )


@rc_context(STYLE)
def draw_intensities(
    path: Path, title: str, values: Mapping[str, tuple[Sequence[int], Sequence[int]]], caption: str = ""
) -> str:
    """Histograms of pixel values 0..255 in steps of 16, a panel per channel: (before, after)."""
    figure = new_figure(PAPER_INCHES, 1.2 + 1.6 * len(values))
    grid = figure.subplots(len(values), 1, squeeze=False, sharex=True)[:, 0]
    edges = np.arange(0, 257, 16)
    for axes, (name, (before, after)) in zip(grid, values.items(), strict=True):
        axes.hist(after, bins=edges, color=_COLOURS[0], label="after: what the attack set")
        axes.hist(before, bins=edges, histtype="step", color=_COLOURS[1], linewidth=1.8, label="before")
        axes.set_ylabel(name)
        axes.yaxis.set_major_locator(MaxNLocator(integer=True, nbins=4))
        _grid(axes, "y")
    grid[-1].set_xticks(range(0, 257, 64), ["0", "64", "128", "192", "255"])
    grid[-1].set_xlabel("value of the changed pixels; bars count pixels")
    _legend_above(grid[0], grid[0].get_legend_handles_labels()[0])
    return save_figure(figure, title, caption, path)


def _legend_above(axes: Any, handles: Sequence[Any]) -> None:
    # Of the whole figure: beside long names the axes are too narrow for it.
    axes.figure.legend(handles=handles, loc="outside upper left", ncols=LEGEND_COLUMNS)


def _grid(axes: Any, axis: str = "x") -> None:
    axes.grid(axis=axis, color=GRID, linewidth=0.6)
    axes.set_axisbelow(True)
