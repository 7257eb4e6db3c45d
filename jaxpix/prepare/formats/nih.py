"""NIH ChestX-ray14 (chest): images by Image Index from any folder, a table of labels, official lists."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from ..listing import Item, Listing, Skip, by_table, indices_of, not_images
from ..sources.spelling import file_name, masks_folder, without_suffix
from .nih_tables import Findings, official_splits, read_findings

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ...config import PrepareConfig
    from ...data.registry import DatasetInfo
    from ..sources.trees import Source


def read(source: Source, info: DatasetInfo, config: PrepareConfig) -> Listing:
    """List NIH ChestX-ray14, nested or flattened, or the sample of it.

    Raises:
        InputError: no table, an unknown finding, official lists that are needed and absent, no images, or
            absent images that were not allowed or were all there is of a split.
    """
    table = read_findings(source, info.class_names, config)
    official, tables = official_splits(source, config) if config.split == "official" else ({}, [])
    named, skipped, num_copies = _named(source, table, official)
    wanted = {
        name: Item(index, labels, name, patient, official.get(name, ""))
        for name, (index, labels, patient) in table.known.items()
        if not official or name in official
    }
    listing = by_table(source, info, config, wanted, named, "images named as in the label table")
    listing.notes += table.notes()
    if num_copies:
        listing.notes.append(
            f"{num_copies:,} images are copies in another format than the table names: matched by name without suffix"
        )
    listing.notes += _without_images(info, wanted.values(), listing.items)
    listing.skipped = skipped + listing.skipped + not_images(source, [table.member, *tables])
    return listing


def _named(
    source: Source, table: Findings, official: dict[str, str]
) -> tuple[list[tuple[str, str]], list[Skip], int]:
    """(image, member) of each file to take, what is left out, and how many have another suffix than in the table."""
    named: dict[str, list[str]] = defaultdict(list)
    skipped = []
    for member in source.images:
        name = without_suffix(file_name(member))
        if name not in table.known:
            skipped.append(Skip(member, "not in the label table"))
        elif official and name not in official:
            skipped.append(Skip(member, "in no official list"))
        elif masks_folder(member):
            skipped.append(Skip(member, "in a folder of masks"))
        else:
            named[name].append(member)
    taken, num_copies = [], 0
    for name, members in named.items():
        exact = [member for member in members if file_name(member) == table.known[name][0]]
        skipped += [
            Skip(member, "the same image in another format")
            for member in members
            if exact and member not in exact
        ]
        num_copies += not exact
        taken += [(name, member) for member in exact or members]
    return taken, skipped, num_copies


def _without_images(info: DatasetInfo, wanted: Iterable[Item], items: list[Item]) -> list[str]:
    """A warning for each part in which no image is left of findings that the table names."""
    named = {label for item in wanted for label in indices_of(item.label)}
    notes = []
    for split in sorted({item.split for item in items}):
        left = {label for item in items if item.split == split for label in indices_of(item.label)}
        gone = [name for label, name in enumerate(info.class_names) if label in named - left]
        if gone:
            notes.append(
                f"warning: no image {f'in {split} ' if split else ''}has the finding {', '.join(gone)}"
            )
    return notes
