"""The rows of tables by class: every aim, or the most attacked ones and all the others together."""

import dataclasses
from collections.abc import Iterator, Sequence

from .cells import Aim, Cell
from .series import Series

MOST_ROWS = 40
"""Aims of one target with rows of their own: a victim of 14 labels can have thousands of label sets."""

OTHERS = "others together"
"""What the row of all further aims is called, after their number."""


@dataclasses.dataclass(frozen=True)
class Row:
    """Aims that a table shows in one row.

    Attributes:
        name: heading of the row.
        aims: one, or several of one target together.
    """

    name: str
    aims: tuple[Aim, ...]


def rows_of(series: Series, aims: Sequence[Aim] | None = None) -> list[Row]:
    """A row for each of `aims` (None: all), in their order.

    Of more than `MOST_ROWS` at one target, those have rows that the paper printed or that have the most experiments,
    in this order; the others are one row at the end.
    """
    aims = list(series.cells if aims is None else aims)
    ranked = sorted(aims, key=lambda aim: _rank(series, aim))
    hidden = []
    for target in dict.fromkeys(aim.target for aim in aims):
        further = [aim for aim in ranked if aim.target == target][MOST_ROWS:]
        if further:
            hidden.append(Row(series.aim_name(Aim((others(len(further)),), target)), tuple(further)))
    without = {aim for row in hidden for aim in row.aims}
    shown = [aim for aim in (ranked if hidden else aims) if aim not in without]
    return [Row(series.aim_name(aim), (aim,)) for aim in shown] + hidden


def others(count: int) -> str:
    """Heading of a row or column of `count` labels without one of their own."""
    return f"{count:,} {OTHERS}"


def _rank(series: Series, aim: Aim) -> tuple[bool, int]:
    cells = series.cells[aim]
    is_printed = any((aim.before, aim.target, num_pixels) in series.printed.success for num_pixels in cells)
    return not is_printed, -sum(len(cell.records) for cell in cells.values())


def filled_cells(series: Series) -> Iterator[tuple[Row, int, Cell]]:
    """Rows and numbers of pixels with any experiments."""
    for row in rows_of(series):
        for num_pixels in series.num_pixels:
            cell = series.cell(row.aims, num_pixels)
            if cell is not None and cell.records:
                yield row, num_pixels, cell
