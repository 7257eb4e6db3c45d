"""HAM10000 (derma): images by stem from any folder, labels and lesions from the metadata table."""

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
from ..sources.tables import read_text, rows
from ..sources.trees import Source

_METADATA = r"HAM10000_metadata(\.csv|\.tab|\.tsv|\.txt)?(\.gz)?"


def read(source: Source, info: DatasetInfo, config: PrepareConfig) -> Listing:
    """List HAM10000 in any of its layouts.

    Raises:
        InputError: no metadata, an unknown diagnosis, no images, or absent images that were not allowed.
    """
    text, table, where = read_text(source, _METADATA, config.labels, "HAM10000_metadata.csv")
    known = _labels(rows(text, ("lesion_id", "image_id", "dx"), where), info, where)
    named, skipped = [], []
    for member in source.images:
        stem = PurePosixPath(member).stem
        if re.fullmatch(r"ISIC_\d+", stem) and stem in known:
            named.append((stem, member))
        else:
            skipped.append(Skip(member, "not in the metadata"))
    check_not_empty(
        [Item("", 0, stem) for stem, _ in named], source, "ISIC_*.jpg images that the metadata names"
    )
    kept, copies = one_of_each(named, source)
    missing = sorted(known.keys() - kept.keys())
    notes = check_missing(missing, len(known), config.allow_missing, source)
    items = [
        Item(kept[image_id], known[image_id][0], image_id, known[image_id][1]) for image_id in sorted(kept)
    ]
    skipped += copies + not_images(source, [table])
    return Listing(info, items, load_members(source), skipped, notes, len(missing))


def _labels(table: list[tuple[str, ...]], info: DatasetInfo, where: str) -> dict[str, tuple[int, str]]:
    """Label and lesion of each image id."""
    known: dict[str, tuple[int, str]] = {}
    for lesion, image_id, diagnosis in table:
        if diagnosis not in info.class_names:
            raise InputError(
                f"{where}: unknown class {diagnosis!r} of {image_id}; allowed: {', '.join(info.class_names)}"
            )
        entry = (info.class_names.index(diagnosis), lesion)
        if known.setdefault(image_id, entry) != entry:
            raise InputError(f"{where}: {image_id} is listed twice with different lesions or classes")
    return known
