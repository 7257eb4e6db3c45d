"""Label tables and file lists: CSV, tab-separated or plain, from the source itself or given with --labels."""

import codecs
import csv
import gzip
import io
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ...errors import InputError
from .trees import READ_ERRORS, FolderSource, Source

_MAX_TABLE_BYTES = 256 << 20


_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


def _unpacked(raw: bytes, where: str) -> bytes:
    if raw[:2] == b"\x1f\x8b":
        try:
            with gzip.open(io.BytesIO(raw)) as packed:
                raw = packed.read(_MAX_TABLE_BYTES + 1)
        except (OSError, EOFError, zlib.error) as error:
            raise InputError(f"{where} is not readable as gzip: {error}") from None
    if len(raw) > _MAX_TABLE_BYTES:
        raise InputError(f"{where}: more than {_MAX_TABLE_BYTES:,} bytes; is this a label table?")
    return raw


def decoded(raw: bytes) -> tuple[str, str]:
    """The text of a table's bytes, and its encoding's name where that is not UTF-8."""
    for mark, encoding in _MARKS.items():
        if raw.startswith(mark):
            try:
                return raw.decode(encoding), "" if mark == codecs.BOM_UTF8 else encoding.upper()
            except UnicodeDecodeError:
                break
    try:
        return raw.decode("utf-8"), ""
    except UnicodeDecodeError:
        # Every byte means something in it, so it cannot fail; Western spreadsheets write nearly that.
        return raw.decode("latin-1"), "Latin-1"


def read_bytes(
    source: Source, pattern: str, given: Path | None, expected: str
) -> tuple[bytes, str | None, str]:
    """The bytes of a table, unpacked if they are gzip's.

    Args:
        pattern: regular expression of its base name within `source`.
        given: the user's `--labels`: a file that wins, or a folder to look in.
        expected: the name, for the error message.

    Returns:
        Bytes, the member of `source` they came from (None: another place), and where it lies, for messages.

    Raises:
        InputError: there is none, or it cannot be read.
    """
    if given is not None:
        try:
            if not given.exists():
                raise InputError(f"--labels not found: {given} (expected {expected})")
            if given.is_file():
                with given.open("rb") as file:
                    return _unpacked(file.read(_MAX_TABLE_BYTES + 1), str(given)), None, str(given)
        # No permission to look, or longer than a path can be.
        except OSError as error:
            raise InputError(f"--labels cannot be read: {error}") from None
        source = FolderSource(given)
    member = source.find(pattern)
    if member is None:
        raise InputError(f"{source.path}: {expected} not found; put it there or give it with --labels PATH")
    where = f"{source.path}: {member}"
    try:
        raw = source.read(member)
    except READ_ERRORS as error:
        raise InputError(f"{where} cannot be read: {error}") from None
    return _unpacked(raw, where), None if given else member, where


def read_text(source: Source, pattern: str, given: Path | None, expected: str) -> tuple[str, str | None, str]:
    """The text of a table; see `read_bytes`."""
    raw, member, where = read_bytes(source, pattern, given, expected)
    return decoded(raw)[0], member, where


def rows(text: str, columns: Sequence[str], where: str) -> list[tuple[str, ...]]:
    """Values of `columns`, taken by name from the left, of every row.

    A header whose names hold commas, or rows with a trailing comma, are fine as long as the wanted columns
    stand before them.

    Raises:
        InputError: a column is absent or a row too short.
    """
    reader = _reader(text)
    try:
        header = [name.strip() for name in next(reader)]
        absent = [name for name in columns if name not in header]
        if absent:
            raise InputError(
                f"{where}: column {absent[0]!r} not found; expected {', '.join(columns)}, got {header}"
            )
        places = [header.index(name) for name in columns]
        found = []
        for row in reader:
            if not any(cell.strip() for cell in row):
                continue
            if len(row) <= max(places):
                raise InputError(
                    f"{where}, line {reader.line_num}: expected {len(header)} columns, got {row}"
                )
            found.append(tuple(row[place].strip() for place in places))
    except StopIteration:
        raise InputError(f"{where} is empty") from None
    except csv.Error as error:
        raise InputError(f"{where}, line {reader.line_num}: not a readable table: {error}") from None
    return found


def header(text: str, where: str) -> list[str]:
    """Names of the columns.

    Raises:
        InputError: the first line cannot be read.
    """
    try:
        return [name.strip() for name in next(_reader(text), [])]
    except csv.Error as error:
        raise InputError(f"{where}, line 1: not a readable table: {error}") from None


def _reader(text: str) -> Any:
    first = text.partition("\n")[0]
    comma_or_semicolon = ";" if first.count(";") > first.count(",") else ","
    return csv.reader(io.StringIO(text), delimiter="\t" if "\t" in first else comma_or_semicolon)


def lines(text: str) -> list[str]:
    """Lines that are not empty, stripped."""
    return [line.strip() for line in text.splitlines() if line.strip()]
