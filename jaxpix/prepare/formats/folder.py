"""A user's own images: class folders, or images with a table of labels."""

from __future__ import annotations

import contextlib
import dataclasses
import re
from fnmatch import fnmatchcase
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Literal

from ...data.images import UnreadableImageError, channels_of
from ...errors import InputError, listed
from ..listing import Item, Listing, Members, Skip, check_not_empty, indices_of, not_images
from ..own.naming import named
from ..own.table import LABELS, read_labelled
from ..own.tree import Tree, classes_of, read_tree
from ..sources.trees import READ_ERRORS, Source, has_usual_suffix

if TYPE_CHECKING:
    from ...config import PrepareConfig
    from ...data.registry import DatasetInfo

_TABLES = re.compile(r".*\.(csv|tsv|xlsx)(\.gz)?", re.IGNORECASE)


def default_scheme(source: Source, listing: Listing) -> str:
    """How a source that was understood is split where nobody says how: as it is, else by patient, else at random.

    Raises:
        InputError: only some images lie in splits.
    """
    splits = {item.split for item in listing.items}
    if _are_whole(splits):
        return "column" if any(what == "splits" for what, _ in listing.understood) else "folders"
    if len(splits) > 1 and "" not in splits:
        raise InputError(
            f"{source.path}: there are {' and '.join(sorted(splits))} and no "
            f"{' or '.join(sorted({'train', 'test'} - splits))}; call one so, or choose --split random"
        )
    # Whose DICOM files are is known once they are read.
    grouped = any(item.group or not has_usual_suffix(item.member) for item in listing.items)
    return "patient" if grouped else "random"


def _are_whole(splits: set[str]) -> bool:
    """Whether every image lies in a split, and train and test are among them."""
    return {"train", "test"} <= splits and "" not in splits


def read(source: Source, info: DatasetInfo, config: PrepareConfig) -> Listing:
    """List a user's own images, channels settled.

    Raises:
        InputError: see `understand` and `settled`.
    """
    return settled(source, understand(source, info, config), config)


def settled(source: Source, listing: Listing, config: PrepareConfig) -> Listing:
    """What was understood, with its channels, fit for the scheme.

    Raises:
        InputError: the scheme needs splits that are not there, or a class of the test cannot be learned.
    """
    _check_scheme(listing, config, source)
    channels = config.channels or _channels(source, listing.items)
    listing.info = dataclasses.replace(listing.info, channels=channels)
    return listing


def understand(source: Source, info: DatasetInfo, config: PrepareConfig) -> Listing:
    """What a source means, no image opened.

    Raises:
        InputError: no images, a tree or a table that has two readings or none, or options that do not fit it.
    """
    kept, ignored = _without(source, config.ignore or ())
    check_not_empty(kept, source, "[train|test]/<class>/<image>")
    labelled = config.labels is not None or source.find(LABELS) is not None
    tree = read_tree(kept, str(source.path), labelled)
    if labelled:
        listing = read_labelled(source, info, config, tree)
    else:
        _check_table_options(source, config)
        listing = _from_folders(source, info, config, tree)
    ignored_members = {skip.member for skip in ignored}
    listing.skipped = [skip for skip in listing.skipped if skip.member not in ignored_members] + ignored
    if config.patient_pattern is not None:
        _group(listing, config.patient_pattern, source)
    _check_ids(listing.items, source)
    return listing


def _without(source: Source, ignore: tuple[str, ...]) -> tuple[list[str], list[Skip]]:
    """Images, and those that `--ignore` leaves out by the name of a folder or file on their way."""
    kept, ignored = [], []
    used = set()
    for member in source.images:
        parts = [part.casefold() for part in PurePosixPath(member).parts]
        pattern = next(
            (one for one in ignore if any(fnmatchcase(part, one.casefold()) for part in parts)), None
        )
        used.add(pattern)
        if pattern is None:
            kept.append(member)
        else:
            ignored.append(Skip(member, f"left out by --ignore {pattern}"))
    idle = [one for one in ignore if one not in used]
    if idle:
        raise InputError(
            f"{source.path}: --ignore {idle[0]} leaves out nothing; no folder or file is called so"
        )
    return kept, ignored


def _check_table_options(source: Source, config: PrepareConfig) -> None:
    """Options for a table, where there is none."""
    tables = [member for member in source.members if _TABLES.fullmatch(member)]
    for option in ("image_column", "label_column", "patient_column", "split_column", "task"):
        if getattr(config, option) is not None:
            seen = f"; give one of these with --labels: {', '.join(tables[:4])}" if tables else ""
            raise InputError(
                f"{source.path}: --{option.replace('_', '-')} is for a table, and there is no labels.csv{seen}"
            )


def _from_folders(source: Source, info: DatasetInfo, config: PrepareConfig, tree: Tree) -> Listing:
    class_of = classes_of(tree, config.class_level, str(source.path))
    settled = named(info, "multiclass", tuple(sorted(set(class_of.values()))), config, str(source.path))
    items = [
        Item(
            member,
            settled.class_names.index(class_of[member]),
            member.removeprefix(tree.top).replace("/", "__"),
            split=place.split,
        )
        for member, place in tree.places.items()
    ]
    notes = []
    if not settled.normal_classes:
        notes.append("no class is known to be normal (--normal-classes): every class counts as a disease")
    listing = Listing(settled, items, Members(source), not_images(source), notes)
    listing.understood = [
        ("task", "multiclass: each folder is a class"),
        *(("folders", r) for r in tree.remarks),
    ]
    tables = [member for member in source.members if _TABLES.fullmatch(member)]
    if tables:
        listing.understood.append(("table", f"not read: {listed(tables, 4)} (--labels reads one)"))
    return listing


def _check_scheme(listing: Listing, config: PrepareConfig, source: Source) -> None:
    splits = {item.split for item in listing.items}
    if config.split in ("folders", "column"):
        if not _are_whole(splits):
            raise InputError(
                f"{source.path}: split {config.split!r} needs every image under train or test (or val); "
                "choose --split random"
            )
        _check_test_classes(listing, source)


def _check_test_classes(listing: Listing, source: Source) -> None:
    """A class that cannot be learned cannot be tested."""
    of_split: dict[str, set[int]] = {"train": set(), "test": set()}
    for item in listing.items:
        if item.split in of_split:
            of_split[item.split].update(indices_of(item.label))
    names = listing.info.class_names
    untaught = sorted(names[label] for label in of_split["test"] - of_split["train"])
    if untaught:
        taught = ", ".join(names[label] for label in sorted(of_split["train"]))
        raise InputError(f"{source.path}: unknown class {untaught[0]!r} in test; train has {taught}")


def _group(listing: Listing, pattern: str, source: Source) -> None:
    """Patients by a regular expression on the images' paths: its first group, or all of what it matches."""
    try:
        regex = re.compile(pattern)
    except re.error as error:
        raise InputError(f"--patient-pattern {pattern!r} is no regular expression: {error}") from None
    grouped = []
    for item in listing.items:
        match = regex.search(item.member)
        patient = match and match.group(min(regex.groups, 1))
        if not patient:
            raise InputError(
                f"{source.path}: --patient-pattern {pattern!r} finds no patient in {item.member}; "
                "every path needs one"
            )
        grouped.append(dataclasses.replace(item, group=patient))
    listing.items = grouped
    listing.understood = [line for line in listing.understood if line[0] != "patients"]
    listing.understood.append(("patients", f"by {pattern} on the paths, as {grouped[0].group!r}"))


def _channels(source: Source, items: list[Item]) -> Literal[1, 3]:
    """3 if any image is in colour."""
    for item in items:
        # A corrupt image is booked when it is stored.
        with contextlib.suppress(UnreadableImageError, *READ_ERRORS):
            if channels_of(source.read(item.member)) == 3:
                return 3
    return 1


def _check_ids(items: list[Item], source: Source) -> None:
    seen: dict[str, str] = {}
    for item in items:
        if item.image_id in seen:
            raise InputError(
                f"{source.path}: two images would be called {item.image_id}: "
                f"{seen[item.image_id]} and {item.member}"
            )
        seen[item.image_id] = item.member
