"""What the folders of a tree mean: splits, classes, and what is neither."""

import dataclasses
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import PurePosixPath

from ...errors import InputError, listed
from ..sources.spelling import masks_folder, spelling_key, split_named

_CONTAINER = re.compile(r"images?|imgs?|pictures?|png|jpe?g|dicom|dcm", re.IGNORECASE)
_FOLD = re.compile(r"(k[ _-]?)?(fold|cv|part|batch|split)[ _-]?\d+", re.IGNORECASE)
_SHOWN = 12

_Folders = tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Place:
    """Where an image lies: its split, "" where there is none, and the folders that are no split and no container."""

    split: str
    folders: _Folders


@dataclasses.dataclass(frozen=True)
class Tree:
    """Places of all images, and what was noticed.

    Attributes:
        top: the folders that wrap everything, with "/" at the end, or "".
        places: by member.
        remarks: for whoever reads the summary.
    """

    top: str
    places: dict[str, Place]
    remarks: list[str]


def read_tree(images: Sequence[str], where: str, labelled: bool) -> Tree:
    """Find splits, and what wraps everything.

    Args:
        images: members of a source.
        where: for messages.
        labelled: a table has the labels, so that folders need not.

    Raises:
        InputError: masks beside images, or some images in train and test and others elsewhere.
    """
    folders = {member: tuple(part.strip() for part in PurePosixPath(member).parts[:-1]) for member in images}
    masks = sorted({masks_folder(member) for member in images} - {""})
    if masks and not labelled:
        raise InputError(
            f"{where}: folders called {', '.join(masks[:3])} hold masks rather than images; leave them out with "
            f"--ignore {' '.join(map(_quoted, masks[:3]))}\n{shown(list(folders.values()))}"
        )
    depth = 0 if labelled else _wrapping(list(folders.values()))
    top = next(iter(folders.values()), ())[:depth]
    places = {member: _place(parts[depth:], where) for member, parts in folders.items()}
    if not labelled:
        _check_splits(places, where, folders)
    containers = sorted({part for parts in folders.values() for part in parts if _CONTAINER.fullmatch(part)})
    remarks = (
        [f"folders called {', '.join(containers)} are no classes"] if containers and not labelled else []
    )
    return Tree("/".join((*top, "")) if top else "", places, remarks)


def _quoted(name: str) -> str:
    return f'"{name}"' if " " in name else name


def _wrapping(all_folders: Sequence[_Folders]) -> int:
    """How many outer folders hold everything and are no split."""
    depth = 0
    while (
        all(len(folders) > depth + 1 for folders in all_folders)
        and len({folders[depth] for folders in all_folders}) == 1
        and not split_named(all_folders[0][depth])
    ):
        depth += 1
    return depth


def _place(folders: _Folders, where: str) -> Place:
    named = [split for split in map(split_named, folders) if split]
    if len(set(named)) > 1:
        raise InputError(f"{where}: {'/'.join(folders)} names two splits, {named[0]} and {named[1]}")
    rest = tuple(part for part in folders if not split_named(part) and not _CONTAINER.fullmatch(part))
    return Place(named[0] if named else "", rest)


def _check_splits(places: dict[str, Place], where: str, folders: dict[str, _Folders]) -> None:
    outside = [member for member, place in places.items() if not place.split]
    if outside and len(outside) < len(places):
        raise InputError(
            f"{where}: {len(outside):,} images lie outside of train and test (first: {outside[0]}) and the others "
            f"within; leave a folder out with --ignore, or move it\n{shown(list(folders.values()))}"
        )


def classes_of(tree: Tree, level: int | None, where: str) -> dict[str, str]:
    """The class of each image, by member.

    Args:
        level: which folder is the class, counted from 1 without wrapping folders, splits and containers; None: there
            must be one only.

    Raises:
        InputError: images in no class folder, folds instead of classes, or folders within folders without `level`.
    """
    folders = {member: place.folders for member, place in tree.places.items()}
    seen = shown(list(folders.values()))
    too_high = [member for member, parts in folders.items() if len(parts) < (level or 1)]
    if too_high:
        raise InputError(
            f"{where}: {len(too_high):,} images lie in no class folder (first: {too_high[0]}); "
            f"expected [train|test]/<class>/<image>, or a table labels.csv or --labels\n{seen}"
        )
    if level is None:
        folds = sorted({parts[0] for parts in folders.values() if _FOLD.fullmatch(parts[0])})
        if folds:
            raise InputError(
                f"{where}: {', '.join(folds[:3])} are called like parts of a cross-validation, not like classes. "
                "--class-level 1 takes them as classes, --class-level 2 the folders within them; --ignore leaves "
                f"some out\n{seen}"
            )
        if any(len(parts) > 1 for parts in folders.values()):
            outer, inner = (
                {parts[place] for parts in folders.values() if len(parts) > place} for place in (0, 1)
            )
            raise InputError(
                f"{where}: folders lie within folders, so classes may be {listed(sorted(outer), 3)} "
                f"(--class-level 1) or {listed(sorted(inner), 3)} (--class-level 2)\n{seen}"
            )
    classes = {member: parts[(level or 1) - 1] for member, parts in folders.items()}
    check_spelling(set(classes.values()), where)
    return classes


def check_spelling(names: set[str], where: str) -> None:
    """Raise InputError where names differ by case, spaces, '-' and '_' only."""
    alike: dict[str, str] = {}
    for name in sorted(names):
        other = alike.setdefault(spelling_key(name), name)
        if other != name:
            raise InputError(
                f"{where}: classes {other!r} and {name!r} differ in spelling only; are they one? Use one spelling"
            )


def shown(all_folders: Sequence[_Folders]) -> str:
    """The folders that were seen, with the images in each."""
    counts = Counter("/".join(folders) or "." for folders in all_folders)
    lines = [f"  {folder}: {count:,} images" for folder, count in sorted(counts.items())[:_SHOWN]]
    return "\n".join(["seen:", *lines, *(["  …"] if len(counts) > _SHOWN else [])])
