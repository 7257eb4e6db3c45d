"""HAM10000 (derma): images by stem from any folder, labels and lesions from its metadata or ISIC's tables."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from ...errors import InputError, did_you_mean
from ..listing import Item, Listing, Skip, by_table, not_images
from ..sources.spelling import masks_folder
from .isic_tables import Table, image_id, read_table

if TYPE_CHECKING:
    from ...config import PrepareConfig
    from ...data.registry import DatasetInfo
    from ..sources.trees import Source


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
    wanted = {
        name: Item(name, info.class_names.index(diagnosis), name, lesion)
        for name, (diagnosis, lesion) in table.labels.items()
    }
    named, skipped = [], []
    for member in source.images:
        name = image_id(member)
        if not re.fullmatch(r"ISIC_\d+", name) or name not in wanted:
            skipped.append(Skip(member, "not in the metadata"))
        elif masks_folder(member):
            skipped.append(Skip(member, "in a folder of masks"))
        else:
            named.append((name, member))
    listing = by_table(source, info, config, wanted, named, "ISIC_*.jpg images that the metadata names")
    listing.notes += [*table.notes, *_tolerated(table, listing.items, info)]
    listing.skipped = skipped + listing.skipped + not_images(source, [table.member])
    return listing


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
