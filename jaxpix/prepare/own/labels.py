"""The labels of a table: one column of names, or several of 0 and 1."""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING

from ...errors import InputError
from ..sources.one_hot import read_flags
from .cells import NORMAL_WORDS, LabelSet, read_cells

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...config import Task
    from ..sources.spreadsheets import Table
    from .columns import Columns


@dataclasses.dataclass(frozen=True)
class Labels:
    """What a table says of each row.

    Attributes:
        task: `multiclass` or `multilabel`.
        class_names: sorted; of one-hot tables in the order of the columns.
        sets: labels of each row; one each where the task is `multiclass`.
        why: in what form they were found.
        remarks: what a person should know.
    """

    task: Task
    class_names: tuple[str, ...]
    sets: Sequence[LabelSet]
    why: str
    remarks: list[str]


def read_labels(table: Table, columns: Columns, task: Task | None) -> Labels:
    """Labels of all rows, from one column of names or several of 0 and 1.

    Raises:
        InputError: two readings, or none.
    """
    if len(columns.labels) == 1:
        (place,) = columns.labels
        where = f"{table.where}: column {table.columns[place]!r}"
        found, read, why = read_cells(table.column(place), task, where, columns.sure)
        classes = tuple(sorted(frozenset().union(*read)))
        return Labels(found, classes, read, f"column {table.columns[place]!r}: {why}", [])
    chosen = [table.columns[place] for place in columns.labels]
    flags = read_flags(table.columns, table.rows, chosen, table.where, table.numbers)
    if task == "multiclass" and flags.task != task:
        row = next(index for index, present in enumerate(flags.positives) if len(present) != 1)
        raise InputError(
            f"{table.where}, line {table.numbers[row]}: --task multiclass needs exactly one 1 a row, got "
            f"{len(flags.positives[row])}"
        )
    found = task or flags.task
    names, remarks = tuple(chosen), []
    sets: Sequence[LabelSet] = flags.positives
    if flags.unused:
        names = tuple(name for name in names if name not in flags.unused)
        remarks.append(f"no image has {', '.join(flags.unused)}, so that is no class")
    if found == "multilabel":
        names, sets = _without_normal(names, sets, table)
    ones = "exactly one 1 a row" if flags.task == "multiclass" else "any number of 1 a row"
    return Labels(found, names, sets, f"columns {', '.join(chosen)} of 0 and 1, {ones}", remarks)


def _without_normal(
    names: tuple[str, ...], sets: Sequence[LabelSet], table: Table
) -> tuple[tuple[str, ...], Sequence[LabelSet]]:
    """A column `No Finding` says what the absence of all others says, or contradicts them."""
    normal = frozenset(name for name in names if re.sub(r"[_-]+", " ", name.casefold()) in NORMAL_WORDS)
    for number, labels in zip(table.numbers, sets, strict=True):
        if normal and bool(labels & normal) == bool(labels - normal):
            raise InputError(
                f"{table.where}, line {number}: {' and '.join(sorted(normal))} beside "
                f"{', '.join(sorted(labels - normal)) or 'no finding at all, and not 1 either'}"
            )
    return tuple(name for name in names if name not in normal), [labels - normal for labels in sets]
