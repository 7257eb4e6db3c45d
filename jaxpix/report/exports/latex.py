"""Tables that fit a page of LaTeX: wide ones are split by the number of pixels, or made smaller."""

import dataclasses
import re
from collections.abc import Sequence

from ..table import Table, pixels_text

MOST_CHARACTERS = 72
"""What a line of a page holds in the usual type, of all cells of a row."""

_BETWEEN_COLUMNS = 2
_PIXELS = re.compile(r"(\d+) pixels?(?=$|, )")


def is_wide(table: Table) -> bool:
    """Whether its rows are longer than a line."""
    lengths = [[len(cell) for cell in row] for row in (table.columns, *table.rows)]
    width = sum(max(column) + _BETWEEN_COLUMNS for column in zip(*lengths, strict=True))
    return width > MOST_CHARACTERS


def fitting(table: Table) -> list[Table]:
    """The table itself, or, where it is wide and has columns of several K, one table for each K.

    The columns of no K stand in each; so do the notes, as each may be used alone. Keys end in `-k1`, `-k2`, ….
    """
    pixels = [_num_pixels(column) for column in table.columns]
    counts = list(dict.fromkeys(count for count in pixels if count is not None))
    if len(counts) < 2 or not is_wide(table):
        return [table]
    return [_of_pixels(table, pixels, count) for count in counts]


def _num_pixels(column: str) -> int | None:
    found = _PIXELS.match(column)
    return int(found[1]) if found else None


def _of_pixels(table: Table, pixels: Sequence[int | None], count: int) -> Table:
    kept = [place for place, of in enumerate(pixels) if of in (None, count)]
    return dataclasses.replace(
        table,
        key=f"{table.key}-k{count}",
        title=f"{table.title}, {pixels_text(count)}",
        columns=tuple(table.columns[place] for place in kept),
        rows=tuple(tuple(row[place] for place in kept) for row in table.rows),
    )
