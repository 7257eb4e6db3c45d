"""A drawn figure, kept twice: as PNG for papers, and as SVG that takes the colours and the fonts of a page."""

from __future__ import annotations

import io
import math
import re
import textwrap
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from ..storage.files import write_atomically

INK, GRID, PAPER = "#222222", "#dddddd", "#ffffff"
PALETTE: Mapping[str, str] = {
    "blue": "#0072b2",
    "orange": "#e69f00",
    "green": "#009e73",
    "pink": "#cc79a7",
    "sky": "#56b4e9",
    "grey": "#8c8c8c",
}
"""Okabe and Ito's palette: told apart by all common kinds of colour vision. A page names its colours by class."""

PRINTED_RED = "#b3261e"

STYLE: dict[Any, Any] = {
    # Names of classes and data sets are text, even where they look like mathematics.
    "text.parse_math": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "legend.columnspacing": 1.2,
    "svg.fonttype": "none",
    "svg.hashsalt": "jaxpix",
    **dict.fromkeys(
        ("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color", "axes.titlecolor"),
        INK,
    ),
}
PAPER_INCHES = 6.0
"""Width of a figure on paper; wider ones have long names, and are wider on a page, too."""
LEGEND_COLUMNS = 3
_TITLE_INCHES = 0.2

_PAGE_INCHES, _PAGE_HEIGHT = 3.8, 2.9
_CLASSES = {
    INK: "ink",
    GRID: "grid",
    PAPER: "paper",
    PRINTED_RED: "printed",
    **{value: name for name, value in PALETTE.items()},
}
# What matplotlib says in `style`, which a page's Content-Security-Policy forbids, as attributes, which it allows.
_KEPT = {
    "fill-opacity",
    "stroke-opacity",
    "opacity",
    "stroke-width",
    "stroke-dasharray",
    "stroke-dashoffset",
    "stroke-linejoin",
    "stroke-linecap",
    "text-anchor",
    "font-size",
}
_ATTRIBUTES = {"d", "x", "y", "width", "height", "transform", "clip-path", "href", "preserveAspectRatio"}


def new_figure(width: float, height: float) -> Figure:
    """An empty figure of so many inches."""
    # No pyplot: nothing is global, and no window system is looked for.
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def save_figure(
    figure: Figure, title: str, caption: str, path: Path, *, is_list: bool = False, is_wide: bool = False
) -> str:
    """Write a figure as PNG with its title above and its caption below.

    Args:
        is_list: its height follows the number of its rows, on a page too.
        is_wide: a page gives it the room of two.

    Returns:
        The figure alone as SVG for a page: no `style`, colours as classes (`fill-blue`, `stroke-ink`), ids that
        no figure of another path has.
    """
    with warnings.catch_warnings():
        # Names of users may need other fonts than matplotlib's; a page has them, a file shows boxes.
        warnings.filterwarnings("ignore", message="Glyph .* missing")
        # Names longer than the figure is wide.
        warnings.filterwarnings("ignore", message="constrained_layout not applied")
        drawn = _to_svg(figure, path.stem, is_list, is_wide)
        width, _ = figure.get_size_inches()
        _set_title(figure, textwrap.fill(title, int(12 * width)))
        if caption:
            wrapped = textwrap.fill(caption, int(17 * width))
            figure.supxlabel(wrapped, fontsize=8, color="#555555", x=0.01, ha="left")
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", dpi=150)
    write_atomically(path, buffer.getvalue())
    return drawn


def _set_title(figure: Figure, title: str) -> None:
    """A title above the legend, if there is one: left to themselves both take the same place."""
    height = (title.count("\n") + 1) * _TITLE_INCHES / figure.get_size_inches()[1]
    rows = 0
    for legend in figure.legends:
        legend.set_bbox_to_anchor((0.0, 0.0, 1.0, 1.0 - height), transform=figure.transFigure)
        rows = max(rows, math.ceil(len(legend.get_texts()) / LEGEND_COLUMNS))
    # Lines that are empty keep the room of the legend's rows.
    figure.suptitle(title + "\n\u00a0" * rows, x=0.01, ha="left", fontsize=11)


def _to_svg(figure: Figure, name: str, is_list: bool, is_wide: bool) -> str:
    width, height = map(float, figure.get_size_inches())
    buffer = io.BytesIO()
    # Narrower than on paper, so that its letters are as large as the page's where it is shown small.
    across = 2 * _PAGE_INCHES if is_wide else _PAGE_INCHES + max(0.0, width - PAPER_INCHES)
    figure.set_size_inches(across, max(_PAGE_HEIGHT, height - 1.1) if is_list else _PAGE_HEIGHT)
    nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    figure.savefig(buffer, format="svg", transparent=True, metadata=nothing)
    figure.set_size_inches(width, height)
    # Names of users may hold characters that no XML has.
    text = re.sub(
        r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]", "\ufffd", buffer.getvalue().decode("utf-8", "replace")
    )
    root = _rewritten(ElementTree.fromstring(text))
    root.set("aria-hidden", "true")
    _prefix_ids(root, re.sub(r"[^A-Za-z0-9]+", "-", name))
    return ElementTree.tostring(root, encoding="unicode")


def _prefix_ids(root: ElementTree.Element, prefix: str) -> None:
    """Ids that no other figure of a page has."""
    for element in root.iter():
        if "id" in element.attrib:
            element.set("id", f"{prefix}-{element.get('id')}")
        if "clip-path" in element.attrib:
            element.set("clip-path", element.get("clip-path", "").replace("url(#", f"url(#{prefix}-"))
        if element.get("href", "").startswith("#"):
            element.set("href", f"#{prefix}-{element.get('href', '')[1:]}")


def _rewritten(element: ElementTree.Element) -> ElementTree.Element:
    """The element as HTML takes it: no namespaces, nothing that a reader does not see."""
    tag = element.tag.rpartition("}")[2]
    made = ElementTree.Element(tag, dict(_attributes(element, tag)))
    text = (element.text or "").strip()
    made.text = text or None
    for child in element:
        if child.tag.rpartition("}")[2] not in ("style", "metadata"):
            made.append(_rewritten(child))
    return made


def _attributes(element: ElementTree.Element, tag: str) -> Iterator[tuple[str, str]]:
    classes = []
    for name, value in element.attrib.items():
        plain = name.rpartition("}")[2]
        if plain == "viewBox" or (plain == "id" and tag in ("path", "clipPath")):
            yield plain, value
        elif plain in _ATTRIBUTES and tag != "svg":
            # A tenth of a point is finer than any screen.
            is_numbers = plain in ("d", "x", "y", "width", "height")
            yield plain, _short(value) if is_numbers else "".join(value.split("\n"))
        elif plain == "style":
            for key, words in _declarations(value):
                if key in ("fill", "stroke") and words in _CLASSES:
                    classes.append(f"{key}-{_CLASSES[words]}")
                elif key in ("fill", "stroke") or key in _KEPT:
                    yield key, words
    if classes:
        yield "class", " ".join(classes)


def _declarations(style: str) -> Iterator[tuple[str, str]]:
    for part in style.split(";"):
        key, colon, words = part.partition(":")
        if colon:
            key, words = key.strip(), words.strip()
            if key == "font":
                size = re.search(r"([\d.]+)px", words)
                key, words = "font-size", size[1] if size else "10"
            yield key, words.removesuffix("px")


def _short(numbers: str) -> str:
    rounded = re.sub(r"-?\d+\.\d+", lambda found: f"{float(found[0]):.1f}".removesuffix(".0"), numbers)
    return " ".join(rounded.split())
