"""Plots of numbers, as PNG files; the only user of matplotlib."""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from .files import write_atomically

_COLOURS = ("#3b6ea5", "#e08a3c", "#4f9d69", "#b5495b", "#7d6bb0", "#8c8c8c")
_LINE_INCHES = 0.34


class Bar(NamedTuple):
    """One horizontal bar: its label, its value with the least and the most seen, and what decides its colour."""

    label: str
    value: float
    low: float
    high: float
    group: str


def draw_bars(path: Path, title: str, unit: str, bars: Sequence[Bar], caption: str = "") -> None:
    """Horizontal bars from the top down, with whiskers and their values in words."""
    figure, axes = _figure(8.0, 1.4 + _LINE_INCHES * len(bars))
    groups = list(dict.fromkeys(bar.group for bar in bars))
    places = range(len(bars))
    whiskers = [[bar.value - bar.low for bar in bars], [bar.high - bar.value for bar in bars]]
    colours = [_COLOURS[groups.index(bar.group) % len(_COLOURS)] for bar in bars]
    axes.barh(
        places, [bar.value for bar in bars], xerr=whiskers, color=colours, height=0.72, ecolor="#333333"
    )
    for place, bar in zip(places, bars, strict=True):
        text = f"{bar.value:,.0f}" if bar.value >= 100 else f"{bar.value:.3g}"
        axes.annotate(text, (bar.high, place), (4, 0), textcoords="offset points", va="center", fontsize=8)
    axes.set_yticks(places, [bar.label for bar in bars], fontsize=8)
    axes.invert_yaxis()
    axes.set_xlim(0, 1.14 * max(bar.high for bar in bars))
    axes.set_xlabel(unit)
    _finish(figure, axes, title, caption, path)


class Curve(NamedTuple):
    """A line of points with a band around it: x, y and the band's limits, all of one length."""

    x: Sequence[float]
    y: Sequence[float]
    low: Sequence[float]
    high: Sequence[float]


def draw_steps(
    path: Path, title: str, axes_names: tuple[str, str], curves: Mapping[str, Curve], caption: str = ""
) -> None:
    """Curves that stay level between their points, with bands; y in 0..1, shown in percent."""
    figure, axes = _figure(7.0, 4.4)
    for number, (name, curve) in enumerate(curves.items()):
        colour = _COLOURS[number % len(_COLOURS)]
        axes.step(curve.x, curve.y, where="post", color=colour, label=name)
        axes.fill_between(curve.x, curve.low, curve.high, step="post", color=colour, alpha=0.18, linewidth=0)
    axes.set_ylim(0, min(1.0, 1.1 * max(max(curve.high) for curve in curves.values())))
    axes.yaxis.set_major_formatter(PercentFormatter(1.0))
    axes.set_xlim(left=0)
    axes.set_xlabel(axes_names[0])
    axes.set_ylabel(axes_names[1])
    if len(curves) > 1:
        axes.legend(frameon=False, fontsize=8)
    _finish(figure, axes, title, caption, path)


def _figure(width: float, height: float) -> tuple[Figure, Any]:
    # No pyplot: nothing is global, and no window system is looked for.
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure, figure.add_subplot()


def _finish(figure: Figure, axes: Any, title: str, caption: str, path: Path) -> None:
    axes.set_title(title, loc="left", fontsize=10)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="x", color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)
    if caption:
        figure.supxlabel(caption, fontsize=7, color="#666666", x=0.01, ha="left")
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=150)
    write_atomically(path, buffer.getvalue())
