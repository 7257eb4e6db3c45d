"""What the cells of a label column mean: one class each, or lists of labels."""

import ast
import re
from collections import Counter
from collections.abc import Sequence

from ...config import Task
from ...errors import InputError

# Said of an image in which nothing was found.
NORMAL_WORDS = frozenset({"", "normal", "no finding", "no findings", "none"})
# What programs write where nobody wrote anything.
_ABSENT = frozenset({"nan", "na", "n/a", "#n/a", "null", "nil", "<na>", "?", "-"})
_NUMBER = re.compile(r"[+-]?\d{1,15}(\.\d*)?")
_SEPARATORS = ("|", ";", ",")
_WHICH = "--task multiclass (each cell is one class) or --task multilabel (each cell is a list)"

LabelSet = frozenset[str]


def read_cells(
    cells: Sequence[str], task: Task | None, where: str, sure: bool
) -> tuple[Task, list[LabelSet], str]:
    """Task, labels of each row, and why.

    Args:
        task: the user's word for it.
        sure: the user or the column's name says that it holds labels, so that numbers are classes.

    Raises:
        InputError: cells have two readings, or none.
    """
    _check_written(cells, where)
    if not any(cells):
        raise InputError(f"{where}: no image has a label")
    if all(cell.startswith("[") and cell.endswith("]") for cell in cells if cell):
        return "multilabel", [_listed(cell, where) for cell in cells], "its cells are lists in brackets"
    if task is None:
        _check_numbers(cells, where, sure)
        separator = _separator(cells, where)
        task = "multilabel" if separator else "multiclass"
        why = f"its cells are lists joined by {separator!r}" if separator else "every cell holds one label"
    else:
        separator = _separator(cells, where, asked=True) if task == "multilabel" else ""
        why = "--task says so" + (f"; lists joined by {separator!r}" if separator else "")
    if task == "multilabel":
        return task, [_split(cell, separator, where) for cell in cells], why
    values = Counter(cells)
    if "" in values:
        raise InputError(
            f"{where}: {values['']:,} cells are empty: a normal image (--task multilabel), or one that nobody "
            "labelled (leave such rows out)?"
        )
    if len(cells) > 2 and len(values) == len(cells):
        raise InputError(
            f"{where}: every row has a value of its own ({cells[0]!r}, {cells[1]!r}, …); are these labels? "
            "Choose the column with --label-column"
        )
    return task, [frozenset({cell}) for cell in cells], why


def _check_written(cells: Sequence[str], where: str) -> None:
    absent = [cell for cell in cells if cell.casefold() in _ABSENT]
    if absent:
        raise InputError(
            f"{where}: {len(absent):,} cells hold {absent[0]!r}, which programs write where a label is missing; "
            "leave such rows out, or write what the image shows"
        )


def _check_numbers(cells: Sequence[str], where: str, sure: bool) -> None:
    """Measurements are no classes; 0 and 1 may say that something is there."""
    numbers = [cell for cell in cells if _NUMBER.fullmatch(cell)]
    broken = [cell for cell in numbers if float(cell) != int(float(cell))]
    if broken:
        raise InputError(f"{where} holds numbers like {broken[0]}; classes are names or whole numbers")
    if numbers and not sure:
        raise InputError(
            f"{where} holds numbers ({', '.join(sorted(set(numbers))[:4])}): are these classes? --label-column "
            "with this column's name says so. A single label that is there (1) or not (0) is written as two names"
        )


def _separator(cells: Sequence[str], where: str, asked: bool = False) -> str:
    """What joins the lists, "" where every cell holds one label.

    '|' always joins. Commas and semicolons occur in names, too: they join where every part also stands alone.
    """
    present = [mark for mark in _SEPARATORS if any(mark in cell for cell in cells)]
    if not present:
        return ""
    if len(present) > 1:
        raise InputError(
            f"{where}: cells hold {' and '.join(map(repr, present))} "
            f"({next(cell for cell in cells if present[-1] in cell)!r}); lists are joined by one of them. "
            + (f"Choose {_WHICH}" if not asked else "Use '|' to join and no other")
        )
    (mark,) = present
    alone = {cell for cell in cells if mark not in cell}
    joined = [cell for cell in cells if mark in cell]
    if mark != "|" and not asked and any(not _split(cell, mark, where) <= alone for cell in joined):
        raise InputError(
            f"{where}: cells like {joined[0]!r} are lists, or names that hold a {mark!r}; choose {_WHICH}"
        )
    return mark


def _split(cell: str, separator: str, where: str) -> LabelSet:
    return _without_normal(cell.split(separator) if separator else [cell], where)


def _without_normal(parts: Sequence[str], where: str) -> LabelSet:
    labels = {part.strip() for part in parts} - {""}
    normal = {label for label in labels if label.casefold() in NORMAL_WORDS}
    if normal and normal != labels:
        raise InputError(f"{where}: {' and '.join(sorted(labels))} of one image contradict each other")
    return frozenset(labels - normal)


def _listed(cell: str, where: str) -> LabelSet:
    """Labels of `['a', 'b']`, as Python and JSON write lists."""
    try:
        parts = ast.literal_eval(cell or "[]")
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        parts = None
    if not isinstance(parts, list) or not all(isinstance(part, str) for part in parts):
        raise InputError(f"{where}: {cell!r} is no list of names like ['a', 'b']")
    return _without_normal(parts, where)
