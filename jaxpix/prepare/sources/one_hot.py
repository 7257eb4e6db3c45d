"""Tables with one column of 0 or 1 per class, as ISIC's ground truth and most multi-label tables are."""

import dataclasses
import re
from collections.abc import Sequence
from typing import Literal

from ...errors import InputError

_FLAG = re.compile(r"(?:(?P<one>1(?:\.0*)?(?:e[+-]?0+)?|true)|0(?:\.0*)?(?:e[+-]?0+)?|false)", re.IGNORECASE)


@dataclasses.dataclass(frozen=True, slots=True)
class Flags:
    """What the chosen columns say.

    Attributes:
        positives: of each row, the columns that hold a 1.
        task: `multiclass` where every row has exactly one 1 (and there are two columns or more), else
            `multilabel`.
        unused: columns that hold no 1 in any row.
    """

    positives: tuple[frozenset[str], ...]
    task: Literal["multiclass", "multilabel"]
    unused: tuple[str, ...]


def read_flags(
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    columns: Sequence[str],
    where: str,
    line_numbers: Sequence[int] | None = None,
) -> Flags:
    """The classes of every row.

    Args:
        header: names of all columns.
        rows: cells of each row below the header.
        columns: the columns that are classes.
        where: the table, for messages.
        line_numbers: of each row; by default they follow one another from line 2.

    Raises:
        InputError: a column is absent or there twice, a value is neither 0 nor 1, or none is 1.
    """
    places = [_place(header, name, where) for name in columns]
    found = []
    for index, row in enumerate(rows):
        line = line_numbers[index] if line_numbers else index + 2
        present = set()
        for name, place in zip(columns, places, strict=True):
            value = row[place].strip() if place < len(row) else ""
            flag = _FLAG.fullmatch(value)
            if flag is None:
                raise InputError(f"{where}, line {line}, column {name!r}: {_explained(value)}")
            if flag["one"]:
                present.add(name)
        found.append(frozenset(present))
    if not any(found):
        raise InputError(f"{where}: no row has a 1 in any of the columns {', '.join(columns)}")
    single = len(columns) > 1 and all(len(present) == 1 for present in found)
    unused = tuple(name for name in columns if not any(name in present for present in found))
    return Flags(tuple(found), "multiclass" if single else "multilabel", unused)


def is_flag(value: str) -> bool:
    """Whether a cell holds 0 or 1, as numbers or words."""
    return _FLAG.fullmatch(value.strip()) is not None


def _place(header: Sequence[str], name: str, where: str) -> int:
    places = [place for place, found in enumerate(header) if found.strip() == name]
    if not places:
        raise InputError(
            f"{where}: column {name!r} not found; got {', '.join(found.strip() for found in header)}"
        )
    if len(places) > 1:
        raise InputError(f"{where}: {len(places)} columns are called {name!r}; rename all but one")
    return places[0]


def _explained(value: str) -> str:
    expected = f"expected 0 or 1 (or 0.0, 1.0, True, False), got {value!r}"
    if not value:
        return f"{expected}; a blank is not taken for 0: write 0 or 1 there, or leave the row out"
    try:
        number = float(value)
    except ValueError:
        return expected
    if number == -1:
        return f"{expected}, by which CheXpert marks uncertain findings; settle each as 0 or 1, or leave the row out"
    if 0 < number < 1:
        return f"{expected}, a probability; decide where 1 begins and write 0 or 1"
    return expected
