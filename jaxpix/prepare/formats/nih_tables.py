"""The tables of NIH ChestX-ray14: findings and patients of each image, and the official lists."""

import dataclasses
import functools
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath

from ...config import PrepareConfig
from ...errors import InputError, did_you_mean
from ..sources.one_hot import read_flags
from ..sources.spelling import file_name, spelling_key, without_suffix
from ..sources.tables import header as header_of
from ..sources.tables import lines, read_text, rows
from ..sources.trees import FolderSource, Source

_TABLE = r"(Data_Entry_2017(_v2020)?|sample_labels)\.csv(\.gz)?"
_COLUMNS = ("Image Index", "Finding Labels", "Patient ID")
_NO_FINDING = "No Finding"
_NO_FINDING_KEYS = frozenset({"nofinding", "nofindings"})


@dataclasses.dataclass
class Findings:
    """What the label table says.

    Attributes:
        class_names: the findings, in label order.
        member: of the source it came from; None: another place.
        where: it lies, for messages.
        known: of each image, by its name without suffix: name in the table, sorted label indices, patient.
        spellings: (as the table spells it, finding) where that differs, counted.
        num_paths: indices that stand there as paths.
        num_other_separators: cells whose findings are joined by other than `|`.
        has_flags: findings have a column each, of 0 and 1.
        unused: other label tables in the source.
    """

    class_names: tuple[str, ...]
    member: str | None
    where: str
    known: dict[str, tuple[str, tuple[int, ...], str]] = dataclasses.field(default_factory=dict)
    spellings: Counter[tuple[str, str]] = dataclasses.field(default_factory=Counter)
    num_paths: int = 0
    num_other_separators: int = 0
    has_flags: bool = False
    unused: tuple[str, ...] = ()

    @functools.cached_property
    def by_key(self) -> dict[str, str]:
        """Findings by what their spellings have in common."""
        return {spelling_key(name): name for name in self.class_names}

    def notes(self) -> list[str]:
        """What was read otherwise than it stands there."""
        notes = []
        if self.unused:
            notes.append(f"label tables that were not used: {', '.join(self.unused)} (--labels chooses)")
        if self.spellings:
            listed = ", ".join(
                f"{spelled!r} as {name} ({count:,} times)"
                for (spelled, name), count in self.spellings.items()
            )
            notes.append(f"findings that the table spells otherwise: {listed}")
        if self.has_flags:
            notes.append("findings are read from a column of 0 and 1 each")
        if self.num_other_separators:
            notes.append(f"{self.num_other_separators:,} rows join findings by ',' or ';' instead of '|'")
        if self.num_paths:
            notes.append(f"{self.num_paths:,} image indices are paths: their last part counts")
        return notes


def read_findings(source: Source, class_names: tuple[str, ...], config: PrepareConfig) -> Findings:
    """The label table of the source, or the user's.

    Raises:
        InputError: none, a column is absent, an unknown finding, or an image listed twice with different ones.
    """
    text, member, where = read_text(source, _TABLE, config.labels, "Data_Entry_2017_v2020.csv")
    table = Findings(class_names, member, where)
    if config.labels is None:
        there = {PurePosixPath(name).name for name in source.members}
        used = PurePosixPath(member or "").name
        table.unused = tuple(
            sorted(name for name in there - {used} if re.fullmatch(_TABLE, name, re.IGNORECASE))
        )
    for cell, findings, patient in _rows(text, table):
        index = file_name(cell)
        table.num_paths += index != cell
        entry = (index, _label_set(findings, table), patient)
        if table.known.setdefault(without_suffix(index), entry)[1:] != entry[1:]:
            raise InputError(f"{where}: {index} is listed twice with different findings or patients")
    return table


def _rows(text: str, table: Findings) -> Iterable[tuple[str, ...]]:
    """Image index, findings joined by `|`, and patient of each row; findings may have a column each, of 0 and 1."""
    header = header_of(text, table.where)
    keys = {spelling_key(name) for name in header}
    if spelling_key(_COLUMNS[1]) in keys or not table.by_key.keys() <= keys:
        return rows(text, _columns(header, _COLUMNS, table.where), table.where)
    index, patient = _columns(header, (_COLUMNS[0], _COLUMNS[2]), table.where)
    findings = _columns(header, table.class_names, table.where)
    cells = rows(text, (index, patient, *findings), table.where)
    table.has_flags = True
    flags = read_flags((index, patient, *findings), cells, findings, table.where)
    return [
        (row[0], "|".join(name for name in findings if name in present) or _NO_FINDING, row[1])
        for row, present in zip(cells, flags.positives, strict=True)
    ]


def _columns(header: Sequence[str], needed: Sequence[str], where: str) -> list[str]:
    """The columns that are needed, as the header spells them."""
    columns = []
    for wanted in needed:
        alike = [name for name in header if spelling_key(name) == spelling_key(wanted)]
        if wanted not in alike and len(alike) > 1:
            raise InputError(
                f"{where}: several columns could be {wanted!r}: {', '.join(alike)}; rename all but one"
            )
        columns.append(wanted if wanted in alike or not alike else alike[0])
    return columns


def _label_set(findings: str, table: Findings) -> tuple[int, ...]:
    """Sorted label indices of `A|B` or `No Finding`."""
    if findings == _NO_FINDING:
        return ()
    keys = table.by_key
    parts = [part.strip() for part in re.split(r"[|;,]", findings)]
    if len(parts) > 1:
        table.num_other_separators += any(separator in findings for separator in ",;")
    labels, is_empty = set(), False
    for part in parts:
        key = spelling_key(part)
        if key not in keys and key not in _NO_FINDING_KEYS:
            raise InputError(f"{table.where}: {_unknown(part, table.class_names)}")
        name = keys.get(key, _NO_FINDING)
        if part != name:
            table.spellings[part, name] += 1
        if key in keys:
            labels.add(table.class_names.index(name))
        is_empty |= key not in keys
    if is_empty and labels:
        raise InputError(f"{table.where}: {findings!r} says that there is no finding, and names some")
    return tuple(sorted(labels))


def _unknown(finding: str, class_names: tuple[str, ...]) -> str:
    allowed = (*class_names, _NO_FINDING)
    return f"unknown finding {finding!r}; allowed: {', '.join(allowed)}{did_you_mean(finding, allowed)}"


def official_splits(source: Source, config: PrepareConfig) -> tuple[dict[str, str], list[str | None]]:
    """Split of each image, by its name without suffix, and the members that said so.

    Raises:
        InputError: a list is absent, or an image is in both.
    """
    given = config.labels
    beside = given.parent if given and given.is_file() else given
    placed: dict[str, str] = {}
    tables: list[str | None] = []
    for split, name in (("train", "train_val_list.txt"), ("test", "test_list.txt")):
        pattern = re.escape(name).replace(r"\.txt", r"(_NIH)?\.txt")
        member = source.find(pattern)
        if member is not None:
            text = read_text(source, pattern, None, name)[0]
        elif beside is not None and (beside / name).is_file():
            text = read_text(FolderSource(beside), re.escape(name), beside / name, name)[0]
        else:
            raise InputError(
                f"{source.path}: the official list {name} not found; put it there or beside --labels, "
                f"or choose --split patient"
            )
        tables.append(member)
        for line in lines(text):
            index = file_name(line)
            if placed.setdefault(without_suffix(index), split) != split:
                raise InputError(f"{source.path}: {index} is in both official lists")
    return placed, tables
