"""Tables as people have them: commas, semicolons or tabs, any Unicode encoding, or an Excel file."""

import csv
import dataclasses
import io
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ...errors import InputError
from .tables import decoded, read_bytes
from .trees import Source

_DELIMITERS = {",": "", ";": "separated by semicolons", "\t": "separated by tabs"}
_EXCEL = b"PK\x03\x04"


@dataclasses.dataclass(frozen=True)
class Table:
    """A table with a header.

    Attributes:
        where: where it lies, for messages.
        member: its name within the source, None where it lies elsewhere.
        columns: names of the columns, stripped; all different but for empty ones.
        rows: as many cells as columns in each, stripped, in Unicode's composed form.
        numbers: the line of each row, for messages.
        remarks: what was tolerated.
    """

    where: str
    member: str | None
    columns: tuple[str, ...]
    rows: list[tuple[str, ...]]
    numbers: list[int]
    remarks: list[str]

    def column(self, place: int) -> list[str]:
        """The cells of one column, top to bottom."""
        return [row[place] for row in self.rows]

    def place(self, name: str, flag: str) -> int:
        """Where the column called `name` stands, in any case if only one is called so.

        Raises:
            InputError: no or several columns are called so.
        """
        same = [place for place, column in enumerate(self.columns) if column == name]
        same = same or [
            place for place, column in enumerate(self.columns) if column.casefold() == name.casefold()
        ]
        if len(same) != 1:
            raise InputError(
                f"{self.where}: {flag} {name!r} names {len(same) or 'no'} column{'s' * (len(same) > 1)}; "
                f"there are {', '.join(filter(None, self.columns))}"
            )
        return same[0]


def read_table(source: Source, pattern: str, given: Path | None, expected: str) -> Table:
    """Read a table of labels.

    Args:
        pattern: regular expression of its base name within `source`.
        given: the user's `--labels`: a file that wins, or a folder to look in.
        expected: the name, for the error message.

    Raises:
        InputError: there is none, or it is no table with a header and rows as long as it.
    """
    raw, member, where = read_bytes(source, pattern, given, expected)
    if raw.startswith(_EXCEL):
        lines, remarks = _excel(raw, where), ["an Excel file"]
    else:
        text, encoding = decoded(raw)
        lines, remarks = _separated(text, where)
        remarks += [f"encoded as {encoding}"] if encoding else []
    if not lines:
        raise InputError(f"{where} is empty")
    (first, header), *rest = lines
    columns = tuple(map(_composed, header))
    while (
        columns and not columns[-1] and all(len(cells) < len(columns) or not cells[-1] for _, cells in rest)
    ):
        columns = columns[:-1]
    _check_header(columns, f"{where}, line {first}")
    rows = [(number, _fitted(cells, columns, f"{where}, line {number}")) for number, cells in rest]
    if not rows:
        raise InputError(f"{where} has a header and no rows")
    return Table(where, member, columns, [row for _, row in rows], [number for number, _ in rows], remarks)


def _composed(cell: str) -> str:
    return unicodedata.normalize("NFC", cell.strip())


def _check_header(columns: tuple[str, ...], where: str) -> None:
    twice = sorted({name for name in columns if name and columns.count(name) > 1})
    if twice:
        raise InputError(f"{where}: several columns are called {twice[0]!r}; rename or remove all but one")


def _fitted(cells: Sequence[str], columns: tuple[str, ...], where: str) -> tuple[str, ...]:
    """A row as long as the header; separators at its end may be too many."""
    row = tuple(map(_composed, cells))
    while len(row) > len(columns) and not row[-1]:
        row = row[:-1]
    if len(row) != len(columns):
        raise InputError(
            f"{where}: expected {len(columns)} columns ({', '.join(columns)}), got {len(row)}: {list(row)}; "
            "cells that hold the separator must be quoted"
        )
    return row


def _separated(text: str, where: str) -> tuple[list[tuple[int, list[str]]], list[str]]:
    """Numbered lines of cells, split by the one separator that gives every row as many cells as the header."""
    found = {delimiter: _split(text, delimiter, where) for delimiter in _DELIMITERS if delimiter in text}
    several = {delimiter: lines for delimiter, lines in found.items() if lines and len(lines[0][1]) > 1}
    if len(several) > 1:
        even = {
            delimiter: lines
            for delimiter, lines in several.items()
            if all(len(cells) == len(lines[0][1]) for _, cells in lines)
        }
        several = even or several
    if len(several) > 1:
        raise InputError(
            f"{where}: its columns may be separated by {' or '.join(map(repr, several))}; "
            "quote the cells that hold the other"
        )
    for delimiter, lines in several.items():
        return lines, [_DELIMITERS[delimiter]] if _DELIMITERS[delimiter] else []
    return _split(text, ",", where), []


def _split(text: str, delimiter: str, where: str) -> list[tuple[int, list[str]]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        return [(reader.line_num, cells) for cells in reader if any(cell.strip() for cell in cells)]
    except csv.Error as error:
        if delimiter != "," and "," in text:
            return []
        raise InputError(f"{where}, line {reader.line_num}: not a readable table: {error}") from None


def _excel(raw: bytes, where: str) -> list[tuple[int, list[str]]]:
    """Numbered rows of the only sheet that holds any."""
    try:
        import openpyxl
    except ImportError:
        raise InputError(
            f'{where} is an Excel file: pip install "jaxpix[excel]", or save it as CSV'
        ) from None
    try:
        book = openpyxl.load_workbook(io.BytesIO(raw), read_only=True, data_only=True)
        sheets = {
            sheet.title: [
                (number, [_cell_text(cell) for cell in cells])
                for number, cells in enumerate(sheet.iter_rows(values_only=True), 1)
                if any(cell not in (None, "") for cell in cells)
            ]
            for sheet in book.worksheets
        }
    # openpyxl lets every kind of error out on a broken file.
    except Exception as error:
        raise InputError(f"{where}: not a readable Excel file: {error}") from None
    filled = {title: lines for title, lines in sheets.items() if lines}
    if len(filled) > 1:
        raise InputError(
            f"{where}: {len(filled)} sheets hold something ({', '.join(filled)}); save the one with labels as CSV"
        )
    return next(iter(filled.values()), [])


def _cell_text(cell: Any) -> str:
    if cell is None:
        return ""
    # Excel keeps whole numbers as floating-point ones.
    return str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell)
