"""Tables and figures as a report shows them: text, and what must be known to read it."""

import dataclasses
import re
from collections.abc import Sequence
from pathlib import Path

DASH = "–"
"""A cell that holds nothing: not attacked, not printed, or not defined."""

MOST_ROWS = 40
"""Aims of one target with rows of their own: a victim of 14 labels can have thousands of label sets."""

HOW_TO_READ_RATES = "Rates with their Wilson 95 % interval and counts."
"""The note of every table of rates."""

OTHERS = "others together"
"""What the row of all further aims is called, after their number."""


@dataclasses.dataclass(frozen=True)
class Table:
    """Text cells, ready to be shown.

    Attributes:
        key: unique in a report, and a safe file stem; reports order tables by it.
        title: what the table states, with data set and victim.
        source: table or figure of the paper that has this layout, "Table 6"; "" where the paper has none.
        columns: headings.
        rows: one cell per column each.
        notes: sentences without which the numbers must not be quoted.
    """

    key: str
    title: str
    source: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    notes: Sequence[str] = ()

    def __post_init__(self) -> None:
        assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", self.key), f"unsafe table key {self.key!r}"
        for row in self.rows:
            assert len(row) == len(self.columns), f"{self.key}: {len(row)} cells, {len(self.columns)} columns"


def bears_asterisk(table: Table) -> bool:
    """Whether a rate of it is of fewer experiments than were asked for."""
    return any(" %*" in cell for row in table.rows for cell in row)


@dataclasses.dataclass(frozen=True)
class Chart:
    """One figure of the report.

    Attributes:
        path: PNG file.
        name: what it shows, in a few words.
        title: what it shows.
        words: its numbers in words.
        source: figure or table of the paper that it follows; "" for none.
        drawing: the figure as SVG for a page; "" where only the file has it.
        is_wide: it takes the room of two.
    """

    path: Path
    name: str
    title: str
    words: str
    source: str
    drawing: str
    is_wide: bool = False


def others(count: int) -> str:
    """Heading of a row or column of `count` labels without one of their own."""
    return f"{count:,} {OTHERS}"


def pixels_text(num_pixels: int) -> str:
    """`1 pixel`, `2 pixels`."""
    return f"{num_pixels} pixel{'s' * (num_pixels != 1)}"


def percent_text(share: float | None, decimals: int | None = None) -> str:
    """0.015 as `1.5 %`, as short as it is exact unless `decimals` says otherwise; a dash for None."""
    if share is None:
        return DASH
    # A printed 41 % must not turn into 41.00000000000001 %.
    number = f"{100 * share:.6g}" if decimals is None else f"{100 * share:.{decimals}f}"
    return f"{number} %"


def number_text(value: float | None, decimals: int = 0) -> str:
    """A number with thousands separators; a dash for None."""
    return DASH if value is None else f"{value:,.{decimals}f}"


def p_text(p_value: float) -> str:
    """A p-value with two significant digits, tiny ones as a bound."""
    return "< 0.0001" if p_value < 0.0001 else f"{p_value:.2g}"


def beside_paper(measured: str, paper: str, with_paper: bool) -> list[str]:
    """Cells under the headings that `measured_and_paper` gives one name."""
    return [measured, paper] if with_paper else [measured]


def measured_and_paper(names: Sequence[str], with_paper: bool) -> list[str]:
    """Headings: what was measured and, apart from it, what the paper printed, for each name."""
    kinds = ("measured", "paper") if with_paper else ("measured",)
    return [f"{name}, {kind}" for name in names for kind in kinds]
