"""HAM10000 (derma): images by stem from any folder, labels and lesions from its metadata or ISIC's tables."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from ...errors import InputError, did_you_mean
from ..listing import (
    Item,
    Listing,
    Skip,
    check_missing,
    check_not_empty,
    load_members,
    lost_of,
    not_images,
    one_of_each,
)
from ..sources.spelling import masks_folder
from .isic_tables import image_id, read_table

if TYPE_CHECKING:
    from ...config import PrepareConfig
    from ...data.registry import DatasetInfo
    from ..sources.trees import Source
    from .isic_tables import Table


def read(source: Source, info: DatasetInfo, config: PrepareConfig) -> Listing:
    """List HAM10000 in any of its layouts.

    Raises:
        InputError: no table, an unknown diagnosis, no images, absent images that were not allowed or were all there
            is of a class, or a split by lesions that no table tells.
    """
    table = read_table(source, config)
    _check_classes(table, info)
    if config.split == "lesion" and not table.knows_lesions:
        raise InputError(
            f"{table.where} does not say which images show the same lesion, so --split lesion is not possible; put "
            f"ISIC2018_Task3_Training_LesionGroupings.csv beside it, or choose --split paper"
        )
    named, skipped = [], []
    for member in source.images:
        name = image_id(member)
        if not re.fullmatch(r"ISIC_\d+", name) or name not in table.labels:
            skipped.append(Skip(member, "not in the metadata"))
        elif masks_folder(member):
            skipped.append(Skip(member, "in a folder of masks"))
        else:
            named.append((name, member))
    check_not_empty(
        [Item("", 0, name) for name, _ in named], source, "ISIC_*.jpg images that the metadata names"
    )
    kept, copies = one_of_each(named, source)
    missing = sorted(table.labels.keys() - kept.keys())
    lost = lost_of(
        [("", name) for name, _ in table.labels.values()], [("", table.labels[name][0]) for name in kept]
    )
    notes = check_missing(missing, len(table.labels), config.allow_missing, source, lost)
    items = [
        Item(kept[name], info.class_names.index(table.labels[name][0]), name, table.labels[name][1])
        for name in sorted(kept)
    ]
    notes += [*table.notes, *_tolerated(table, items, info)]
    skipped += copies + not_images(source, [table.member])
    return Listing(info, items, load_members(source), skipped, notes, len(missing))


def _check_classes(table: Table, info: DatasetInfo) -> None:
    for name, (diagnosis, _) in table.labels.items():
        if diagnosis not in info.class_names:
            raise InputError(
                f"{table.where}: unknown class {diagnosis!r} of {name}; allowed: {', '.join(info.class_names)}"
                f"{did_you_mean(diagnosis, info.class_names)}"
            )


def _tolerated(table: Table, items: list[Item], info: DatasetInfo) -> list[str]:
    notes = []
    if table.num_other_names:
        notes.append(
            f"{table.num_other_names:,} ids of the table are file names, paths or …_downsampled: of each, ISIC_ and "
            f"its digits count"
        )
    downsampled = sum("_downsampled" in PurePosixPath(item.member).stem for item in items)
    if downsampled:
        notes.append(f"{downsampled:,} images are called …_downsampled, which ids leave out")
    alone = sum(not item.group for item in items)
    if not table.knows_lesions:
        notes.append("no table says which images show the same lesion: a split by image may separate them")
    elif alone:
        notes.append(f"{alone:,} images have no lesion id: each counts as its own lesion")
    present = {item.label for item in items}
    unused = [name for label, name in enumerate(info.class_names) if label not in present]
    if unused:
        notes.append(f"warning: no image is of the class {', '.join(unused)}")
    return notes
