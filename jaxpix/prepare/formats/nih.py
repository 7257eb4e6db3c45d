"""NIH ChestX-ray14 (chest): images by Image Index from any folder, a table of labels, official lists."""

import re
from pathlib import PurePosixPath

from ...config import PrepareConfig
from ...data.registry import DatasetInfo
from ...errors import InputError
from ..listing import (
    Item,
    Listing,
    Skip,
    check_missing,
    check_not_empty,
    load_members,
    not_images,
    one_of_each,
)
from ..sources.tables import lines, read_text, rows
from ..sources.trees import FolderSource, Source

_TABLE = r"Data_Entry_2017(_v2020)?\.csv(\.gz)?"
_COLUMNS = ("Image Index", "Finding Labels", "Patient ID")
_NO_FINDING = "No Finding"


def read(source: Source, info: DatasetInfo, config: PrepareConfig) -> Listing:
    """List NIH ChestX-ray14, nested or flattened.

    Raises:
        InputError: no table, an unknown finding, official lists that are needed and absent, no images, or
            absent images that were not allowed.
    """
    text, table, where = read_text(source, _TABLE, config.labels, "Data_Entry_2017_v2020.csv")
    known = _known(rows(text, _COLUMNS, where), info, where)
    official, tables = _official(source, config) if config.split == "official" else ({}, [])
    named, skipped = [], []
    for member in source.images:
        index = PurePosixPath(member).name
        if index not in known:
            skipped.append(Skip(member, "not in the label table"))
        elif official and index not in official:
            skipped.append(Skip(member, "in no official list"))
        else:
            named.append((index, member))
    check_not_empty([Item("", 0, index) for index, _ in named], source, "images named as in the label table")
    kept, copies = one_of_each(named, source)
    wanted = official.keys() & known.keys() if official else known.keys()
    missing = sorted(wanted - kept.keys())
    notes = check_missing(missing, len(wanted), config.allow_missing, source)
    items = [
        Item(
            kept[index], known[index][0], PurePosixPath(index).stem, known[index][1], official.get(index, "")
        )
        for index in sorted(kept)
    ]
    skipped += copies + not_images(source, [table, *tables])
    return Listing(info, items, load_members(source), skipped, notes, len(missing))


def _known(
    table: list[tuple[str, ...]], info: DatasetInfo, where: str
) -> dict[str, tuple[tuple[int, ...], str]]:
    """Findings and patient of each Image Index."""
    known: dict[str, tuple[tuple[int, ...], str]] = {}
    for index, findings, patient in table:
        entry = (_label_set(findings, info, where), patient)
        if known.setdefault(index, entry) != entry:
            raise InputError(f"{where}: {index} is listed twice with different findings or patients")
    return known


def _label_set(findings: str, info: DatasetInfo, where: str) -> tuple[int, ...]:
    """Sorted label indices of `A|B` or `No Finding`."""
    if findings == _NO_FINDING:
        return ()
    labels = set()
    for finding in findings.split("|"):
        name = re.sub(r"\s+", "_", finding.strip())
        if name not in info.class_names:
            raise InputError(
                f"{where}: unknown finding {finding!r}; allowed: {', '.join(info.class_names)}, {_NO_FINDING}"
            )
        labels.add(info.class_names.index(name))
    return tuple(sorted(labels))


def _official(source: Source, config: PrepareConfig) -> tuple[dict[str, str], list[str | None]]:
    """Split of each Image Index, and the members that said so."""
    given = config.labels
    beside = given.parent if given and given.is_file() else given
    placed: dict[str, str] = {}
    tables: list[str | None] = []
    for split, name in (("train", "train_val_list.txt"), ("test", "test_list.txt")):
        member = source.find(re.escape(name))
        if member is not None:
            text = read_text(source, re.escape(name), None, name)[0]
        elif beside is not None and (beside / name).is_file():
            text = read_text(FolderSource(beside), re.escape(name), beside / name, name)[0]
        else:
            raise InputError(
                f"{source.path}: the official list {name} not found; put it there or beside --labels, "
                f"or choose --split patient"
            )
        tables.append(member)
        for index in lines(text):
            if placed.setdefault(index, split) != split:
                raise InputError(f"{source.path}: {index} is in both official lists")
    return placed, tables
