"""What a source was taken for, said before anything is stored."""

import contextlib
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from ..data.images import UnreadableImageError
from ..data.registry import DatasetInfo
from .listing import Item, Listing, Members, indices_of
from .sources.trees import READ_ERRORS
from .storing import open_image

_CLASSES_SHOWN = 40
_LOOKED_AT = 32
_SIZES_SHOWN = 3


def understood(listing: Listing, parts: Mapping[str, Sequence[Item]], scheme: str) -> list[list[str]]:
    """Rows (what, what it was taken for): task, columns, patients, splits, and what was left out."""
    info = listing.info
    found = listing.understood or [("task", info.task)]
    rows = [[what, how] for what, how in found]
    groups = {item.group for item in listing.items} - {""}
    if groups and not any(what == "patients" for what, _ in found):
        rows.append(["patients", f"{len(groups):,} patients or lesions"])
    counts = ", ".join(f"{name} {len(items):,}" for name, items in parts.items())
    rows.append([f"split '{scheme}'", counts])
    if info.normal_classes:
        rows.append(["no disease", ", ".join(info.normal_classes)])
    if info.channels is not None:
        rows.append(["stored as", "grey" if info.channels == 1 else "colour"])
    for reason, count in Counter(skip.reason for skip in listing.skipped).most_common():
        example = next(skip.member for skip in listing.skipped if skip.reason == reason)
        rows.append(["left out", f"{count:,} {reason}" + (f" (first: {example})" if example else "")])
    return rows + _looked_at(listing) + [["note", note] for note in listing.notes]


def _looked_at(listing: Listing) -> list[list[str]]:
    """Sizes and grey levels of some images, evenly taken."""
    if not isinstance(listing.load, Members):
        return []
    step = -(-len(listing.items) // _LOOKED_AT) or 1
    some = listing.items[::step]
    images = []
    for item, load in zip(some, listing.load(some), strict=True):
        with contextlib.suppress(UnreadableImageError, *READ_ERRORS):
            images.append(open_image(load(), item, listing)[0])
    if not images:
        return []
    sizes = Counter(image.size for image in images).most_common()
    shown = ", ".join(f"{width}x{height}" for (width, height), _ in sizes[:_SIZES_SHOWN])
    levels = [level for image in images for level in np.ravel(image.getextrema())]
    of = f" ({len(images):,} of {len(listing.items):,} looked at)"
    return [
        ["sizes", shown + f" and {len(sizes) - _SIZES_SHOWN} more" * (len(sizes) > _SIZES_SHOWN) + of],
        ["levels, in 8 bits", f"{min(levels)}..{max(levels)}{of}"],
    ]


def classes(info: DatasetInfo, parts: Mapping[str, Sequence[Item]]) -> tuple[list[str], list[list[str]]]:
    """Header and rows of the table of classes: images of each in each split, and one file as an example."""
    counts: dict[str, Counter[str]] = {split: Counter() for split in parts}
    examples: dict[str, str] = {}
    for split, items in parts.items():
        for item in items:
            for name in info.names_of(indices_of(item.label)):
                counts[split][name] += 1
                examples.setdefault(name, item.member)
    rows = [
        [name, *(f"{counts[split][name]:,}" for split in parts), examples.get(name, "–")]
        for name in info.counted[:_CLASSES_SHOWN]
    ]
    if len(info.counted) > _CLASSES_SHOWN:
        rows.append([f"… {len(info.counted) - _CLASSES_SHOWN:,} more", *("" for _ in parts), ""])
    return ["class", *parts, "for example"], rows
