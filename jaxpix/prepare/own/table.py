"""Images with a table of labels: one row an image."""

from collections.abc import Sequence
from itertools import chain
from pathlib import PurePosixPath

from ...config import PrepareConfig
from ...data.registry import DatasetInfo
from ...errors import InputError
from ..listing import Item, Listing, Members, Skip, check_missing, not_images
from ..sources.spelling import split_named
from ..sources.spreadsheets import Table, read_table
from ..sources.trees import Source, is_image
from .columns import Columns, find_columns
from .labels import Labels, read_labels
from .matching import Names
from .naming import named
from .tree import Tree

LABELS = r"labels\.(csv|tsv|txt|xlsx)(\.gz)?"


def read_labelled(source: Source, info: DatasetInfo, config: PrepareConfig, tree: Tree) -> Listing:
    """List images by a table.

    Raises:
        InputError: the table does not fit the images, or has two readings.
    """
    table = read_table(source, LABELS, config.labels, "labels.csv")
    names = Names(tree.places)
    _check_is_header(table, [name for name in table.columns if is_image(name)], names)
    columns = find_columns(table, config, names)
    _check_is_header(table, [table.columns[columns.image]], names)
    cells = table.column(columns.image)
    found, remarks = names.match(cells, table.where)
    labels = read_labels(table, columns, config.task)
    settled = named(info, labels.task, labels.class_names, config, table.where)
    splits = _splits(table, columns, tree, found, config)
    missing = [cell for cell, member in zip(cells, found, strict=True) if member is None]
    # By these it is known whether absent images take a whole class or split with them.
    pairs = [
        [(split, name) for name in sorted(names) or [""]]
        for split, names in zip(splits, labels.sets, strict=True)
    ]
    there = chain.from_iterable(row for row, member in zip(pairs, found, strict=True) if member)
    notes = check_missing(
        missing, len(cells), config.allow_missing, source, chain.from_iterable(pairs), there
    )
    ids = _image_ids([member for member in found if member is not None])
    items = []
    for row, member in enumerate(found):
        if member is not None:
            group = table.rows[row][columns.patient] if columns.patient is not None else ""
            indices = tuple(sorted(map(settled.class_names.index, labels.sets[row])))
            label = indices[0] if labels.task == "multiclass" else indices
            items.append(Item(member, label, ids[member], group, splits[row]))
    listed = set(found)
    skipped = [Skip(member, "not in the label table") for member in tree.places if member not in listed]
    skipped += not_images(source, [table.member])
    listing = Listing(settled, items, Members(source), skipped, notes, len(missing))
    listing.understood = _understood(table, columns, labels, remarks)
    return listing


def _understood(
    table: Table, columns: Columns, labels: Labels, remarks: Sequence[str]
) -> list[tuple[str, str]]:
    def name(place: int | None) -> str:
        return "none" if place is None else table.columns[place] or "(no name)"

    ignored = ", ".join(map(name, columns.ignored)) or "none"
    lines = [
        ("table", "; ".join([table.where, *table.remarks])),
        ("task", f"{labels.task}: {labels.why}"),
        ("images", "; ".join([f"column {name(columns.image)!r}", *remarks])),
        ("columns ignored", ignored),
        ("patients", "unknown" if columns.patient is None else f"column {name(columns.patient)!r}"),
    ]
    if columns.split is not None:
        lines.append(("splits", f"column {name(columns.split)!r}"))
    return lines + [("labels", remark) for remark in labels.remarks]


def _check_is_header(table: Table, words: Sequence[str], names: Names) -> None:
    known = [word for word in words if names.knows(word)]
    if known:
        raise InputError(
            f"{table.where}: expected a header like 'image,labels' in the first line, got the image {known[0]!r}"
        )


def _splits(
    table: Table, columns: Columns, tree: Tree, found: Sequence[str | None], config: PrepareConfig
) -> list[str]:
    """The split of each row, from its column or else its folder; "" where there is none."""
    by_folder = [tree.places[member].split if member else "" for member in found]
    if columns.split is None or config.split == "folders":
        return by_folder
    by_column = []
    for number, cell in zip(table.numbers, table.column(columns.split), strict=True):
        by_column.append(split_named(cell))
        if not by_column[-1]:
            raise InputError(
                f"{table.where}, line {number}: {cell!r} in {table.columns[columns.split]!r} is no split; "
                "allowed: train, val, validation, test"
            )
    differing = [
        member
        for member, one, other in zip(found, by_folder, by_column, strict=True)
        if member and one and one != other
    ]
    if differing and config.split is None and config.split_column is None:
        raise InputError(
            f"{table.where}: {len(differing):,} images lie in another split's folder than the column "
            f"{table.columns[columns.split]!r} says (first: {differing[0]}); choose --split folders or --split column"
        )
    return by_column


def _image_ids(members: Sequence[str]) -> dict[str, str]:
    """File names, or whole paths where two files are called the same."""
    names = [PurePosixPath(member).name for member in members]
    if len(set(names)) == len(names):
        return dict(zip(members, names, strict=True))
    return {member: member.replace("/", "__") for member in members}
