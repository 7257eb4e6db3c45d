"""A user's own images: class folders, or one folder of images with a table of labels."""

import dataclasses
import re
from pathlib import PurePosixPath
from typing import Literal

from ...config import PrepareConfig
from ...data.images import UnreadableImageError, channels_of
from ...data.registry import DatasetInfo
from ...errors import InputError
from ..listing import Item, Listing, Skip, check_missing, check_not_empty, load_members, not_images
from ..sources.tables import header as header_of
from ..sources.tables import read_text, rows
from ..sources.trees import READ_ERRORS, Source

_SPLITS = {
    "train": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "test": "test",
}
_MAX_CLASSES = 1000
_LABELS = r"labels\.csv(\.gz)?"
_CALLED_NORMAL = re.compile(r"(\d+_)?(normal|healthy)", re.IGNORECASE)
_NORMAL = ("", "normal", "no finding", "none")


def has_table(source: Source, config: PrepareConfig) -> bool:
    """Whether labels come from a table rather than from folders."""
    return config.labels is not None or source.find(_LABELS) is not None


def default_scheme(source: Source, config: PrepareConfig) -> str:
    """`folders` where the tree has train and test, else `random`."""
    if has_table(source, config):
        return "random"
    top = _top(source)
    splits = {_place(member, top)[0] for member in source.images}
    return "folders" if {"train", "test"} <= splits else "random"


def _top(source: Source) -> str:
    """The single folder that wraps everything (zips usually have one), with "/", or ""."""
    tops = {PurePosixPath(member).parts[0] for member in source.images if "/" in member}
    wrapped = all("/" in member for member in source.images)
    if len(tops) == 1 and wrapped and next(iter(tops)).lower() not in {*_SPLITS, "images"}:
        inner = {PurePosixPath(member).parts[1:-1] for member in source.images}
        if all(inner):
            return f"{next(iter(tops))}/"
    return ""


def _place(member: str, top: str) -> tuple[str, str]:
    """Split and class folder of an image; a class folder may hold subfolders."""
    folders = [part.strip() for part in PurePosixPath(member.removeprefix(top)).parts[:-1]]
    split = _SPLITS.get(folders[0].lower(), "") if folders else ""
    if split:
        folders = folders[1:]
    return split, folders[0] if folders else ""


def read(source: Source, info: DatasetInfo, config: PrepareConfig) -> Listing:
    """List a user's own tree.

    Raises:
        InputError: no images, images outside class folders, fewer than two classes, a table that does not
            fit, or a split that the tree cannot give.
    """
    check_not_empty([Item(m, 0, m) for m in source.images], source, "[train|test]/<class>/<image>")
    listing = (
        _from_table(source, info, config)
        if has_table(source, config)
        else _from_folders(source, info, config)
    )
    channels = config.channels or _channels(source, listing.items)
    listing.info = dataclasses.replace(listing.info, channels=channels)
    _check_ids(listing.items, source)
    return listing


def _from_folders(source: Source, info: DatasetInfo, config: PrepareConfig) -> Listing:
    top = _top(source)
    places = {member: _place(member, top) for member in source.images}
    loose = [member for member, (_, class_name) in places.items() if not class_name]
    if loose:
        raise InputError(
            f"{source.path}: {len(loose):,} images lie in no class folder (first: {loose[0]}); "
            f"expected [train|test]/<class>/<image>, or a table labels.csv or --labels"
        )
    splits = {split for split, _ in places.values()}
    if config.split == "folders" and (not {"train", "test"} <= splits or "" in splits):
        raise InputError(
            f"{source.path}: split 'folders' needs every image under train or test (or val); "
            f"choose --split random"
        )
    if config.split == "folders":
        _check_test_classes(places, source)
    class_names = tuple(sorted({class_name for _, class_name in places.values()}))
    if len(class_names) < 2:
        raise InputError(f"{source.path}: expected at least two class folders, got {', '.join(class_names)}")
    _check_count(class_names, str(source.path))
    items = [
        Item(member, class_names.index(class_name), _image_id(member, top), split=split)
        for member, (split, class_name) in places.items()
    ]
    named = dataclasses.replace(
        info,
        task="multiclass",
        class_names=class_names,
        normal_classes=_normal_classes(class_names, config, source),
    )
    notes = []
    if not named.normal_classes:
        notes.append("no class is known to be normal (--normal-classes): every class counts as a disease")
    return Listing(named, items, load_members(source), not_images(source), notes)


def _normal_classes(class_names: tuple[str, ...], config: PrepareConfig, source: Source) -> tuple[str, ...]:
    """The user's word for it, else what is called normal or healthy."""
    if config.normal_classes is None:
        return tuple(name for name in class_names if _CALLED_NORMAL.fullmatch(name))
    unknown = [name for name in config.normal_classes if name not in class_names]
    if unknown:
        raise InputError(
            f"{source.path}: --normal-classes names the unknown class {unknown[0]!r}; "
            f"allowed: {', '.join(class_names)}"
        )
    return config.normal_classes


def _check_test_classes(places: dict[str, tuple[str, str]], source: Source) -> None:
    """A class that cannot be learned cannot be tested."""
    of_split = {
        split: {name for where, name in places.values() if where == split} for split in ("train", "test")
    }
    untaught = sorted(of_split["test"] - of_split["train"])
    if untaught:
        raise InputError(
            f"{source.path}: unknown class folder {untaught[0]!r} in test; train has "
            f"{', '.join(sorted(of_split['train']))}"
        )


def _image_id(member: str, top: str) -> str:
    return member.removeprefix(top).replace("/", "__")


def _from_table(source: Source, info: DatasetInfo, config: PrepareConfig) -> Listing:
    if config.split == "folders":
        raise InputError(f"{source.path}: a table of labels names no splits; choose --split random")
    if config.normal_classes is not None:
        raise InputError(
            f"{source.path}: with a table, an image without labels is normal; leave out --normal-classes"
        )
    text, table, where = read_text(source, _LABELS, config.labels, "labels.csv")
    header = header_of(text, where)[:2]
    if len(set(header)) < 2:
        raise InputError(f"{where}: expected two columns, image and labels joined by '|', got {header}")
    table_rows = rows(text, header, where)
    label_sets = {name: _label_names(labels) for name, labels in table_rows}
    if len(label_sets) < len(table_rows):
        raise InputError(f"{where}: {len(table_rows) - len(label_sets)} images are listed twice")
    class_names = tuple(sorted(set().union(*label_sets.values())))
    if not class_names:
        raise InputError(f"{where}: no image has a label; expected lines like 'image.png,label1|label2'")
    _check_count(class_names, where)
    members: dict[str, str] = {}
    for member in source.images:
        path = PurePosixPath(member)
        for key in (path.stem, path.name, member):
            members.setdefault(key, member)
    if header[0] in members:
        raise InputError(f"{where}: expected a header like 'image,labels' in the first line, got {header}")
    items, missing = [], []
    for name, labels in label_sets.items():
        if name not in members:
            missing.append(name)
            continue
        indices = tuple(sorted(class_names.index(label) for label in labels))
        items.append(Item(members[name], indices, PurePosixPath(members[name]).name))
    notes = check_missing(missing, len(label_sets), config.allow_missing, source)
    used = {item.member for item in items}
    skipped = [Skip(member, "not in the label table") for member in source.images if member not in used]
    named = dataclasses.replace(info, task="multilabel", class_names=class_names, normal_classes=())
    skipped += not_images(source, [table])
    return Listing(named, items, load_members(source), skipped, notes, len(missing))


def _check_count(class_names: tuple[str, ...], where: str) -> None:
    if len(class_names) > _MAX_CLASSES:
        raise InputError(
            f"{where}: {len(class_names):,} classes ({class_names[0]!r}, {class_names[1]!r}, …), "
            f"{_MAX_CLASSES:,} are allowed; are these labels?"
        )


def _label_names(cell: str) -> frozenset[str]:
    if cell.strip().lower() in _NORMAL:
        return frozenset()
    return frozenset(part.strip() for part in cell.split("|") if part.strip())


def _channels(source: Source, items: list[Item]) -> Literal[1, 3]:
    """3 if any image is in colour."""
    for item in items:
        try:
            if channels_of(source.read(item.member)) == 3:
                return 3
        except (UnreadableImageError, *READ_ERRORS):
            # A corrupt image is booked when it is stored.
            continue
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
