"""What a source holds, before any pixel is read: one light record an image, and why files were left out."""

import dataclasses
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import partial

import numpy as np

from ..config import PrepareConfig
from ..data.prepared_files import Values
from ..data.registry import DatasetInfo
from ..errors import InputError
from .sources.spelling import SPLITS
from .sources.trees import READ_ERRORS, Source

Label = int | tuple[int, ...]
Loaded = bytes | np.ndarray | tuple[np.ndarray, Label]
Pairs = Iterable[tuple[str, str]]
"""Split and class of each of some images, "" where it has none or that does not count."""


def indices_of(label: Label) -> tuple[int, ...]:
    """The classes of a label of either kind, as sorted indices."""
    return label if isinstance(label, tuple) else (label,)


@dataclasses.dataclass(frozen=True, slots=True)
class Item:
    """One image that will be stored.

    Attributes:
        member: where its source keeps it.
        label: class index; multi-label: the sorted indices of the labels present.
        image_id: unique within the data set, without "/".
        group: patient or lesion, "" where unknown.
        split: the split its publisher put it in ("train", "validation", "test"), "" where there is none.
        frame: which image of a file that holds several, from 0.
    """

    member: str
    label: Label
    image_id: str
    group: str = ""
    split: str = ""
    frame: int = 0


@dataclasses.dataclass(frozen=True, slots=True)
class Skip:
    """A file that was left out, and why."""

    member: str
    reason: str


@dataclasses.dataclass
class Listing:
    """All of a source.

    Attributes:
        info: the data set, with class names and channels settled.
        items: the images.
        skipped: files left out.
        notes: what a person should know.
        num_missing: images that tables name and the source lacks.
        understood: what a source was taken for, as (what, how it was found), for `prepare` to say.
        load: gives, in order, a function per item that returns encoded bytes, or pixels uint8 [H, W] or
            [H, W, C], or (pixels, label) where the label is only known then. The functions run in threads.
        values: what the values of images become that are deeper than 8 bits; None where there are none.
        dicom_tags: elements of DICOM files that were looked at.
    """

    info: DatasetInfo
    items: list[Item]
    load: Callable[[Sequence[Item]], Iterator[Callable[[], Loaded]]]
    skipped: list[Skip] = dataclasses.field(default_factory=list)
    notes: list[str] = dataclasses.field(default_factory=list)
    num_missing: int = 0
    understood: list[tuple[str, str]] = dataclasses.field(default_factory=list)
    values: Values | None = None
    dicom_tags: list[str] = dataclasses.field(default_factory=list)


@dataclasses.dataclass(frozen=True)
class Members:
    """`Listing.load` for images that are files of `source`."""

    source: Source

    def __call__(self, items: Sequence[Item]) -> Iterator[Callable[[], bytes]]:
        for item in items:
            yield partial(self.source.read, item.member)


def by_table(
    source: Source,
    info: DatasetInfo,
    config: PrepareConfig,
    wanted: Mapping[str, Item],
    named: Iterable[tuple[str, str]],
    expected: str,
) -> Listing:
    """List the images of a table that the source holds, one member of each.

    Args:
        wanted: by image id; in place of the member what the table calls it.
        named: (image id, member) of files of the source.
        expected: describes them, for the error message.

    Raises:
        InputError: there are none, two different ones claim one id, or `check_missing` finds too many absent.
    """
    kept, copies = one_of_each(named, source, expected)
    missing = sorted(item.member for image_id, item in wanted.items() if image_id not in kept)
    pairs = {
        image_id: (item.split, info.class_names[item.label] if isinstance(item.label, int) else "")
        for image_id, item in wanted.items()
    }
    left = [pairs[image_id] for image_id in kept]
    notes = check_missing(missing, len(wanted), config.allow_missing, source, pairs.values(), left)
    items = [dataclasses.replace(wanted[image_id], member=kept[image_id]) for image_id in sorted(kept)]
    return Listing(info, items, Members(source), copies, notes, len(missing))


def one_of_each(
    named: Iterable[tuple[str, str]], source: Source, expected: str
) -> tuple[dict[str, str], list[Skip]]:
    """Keep one member of each image id; identical second copies are skipped.

    Args:
        named: (image id, member).
        expected: describes them, for the error message.

    Raises:
        InputError: there are none, or two different images claim one id.
    """
    kept: dict[str, str] = {}
    skipped = []
    for image_id, member in sorted(named, key=lambda pair: (pair[1].count("/"), pair[1])):
        if image_id not in kept:
            kept[image_id] = member
        elif _alike(source, member, kept[image_id]):
            skipped.append(Skip(member, "second copy of an image"))
        else:
            raise InputError(
                f"{source.path}: two different images are called {image_id}: {kept[image_id]} and {member}"
            )
    check_not_empty(kept, source, expected)
    return kept, skipped


def _alike(source: Source, one: str, other: str) -> bool:
    try:
        return source.digest(one) == source.digest(other)
    except READ_ERRORS as error:
        raise InputError(f"{source.path}: {one} or {other} cannot be read: {error}") from None


def check_missing(
    missing: Sequence[str], num_named: int, allow_missing: bool, source: Source, named: Pairs, found: Pairs
) -> list[str]:
    """Notes on images that tables name and the source lacks.

    Args:
        missing: their names.
        num_named: images that the tables name.
        allow_missing: the user's word that it may be so.
        source: for messages.
        named: all that the tables name.
        found: those of the images that are there.

    Raises:
        InputError: some are missing and that was not allowed, or all are, or a class or split would be lost.
    """
    if not missing:
        return []
    counted = f"{len(missing):,} of {num_named:,} images named by the tables are not in {source.path}"
    if len(missing) == num_named:
        raise InputError(f"{counted} (first: {missing[0]}); is this the right folder?")
    if lost := _lost(named, found):
        raise InputError(
            f"{counted} (first: {missing[0]}), so that no image is left of {lost}; add them, or take the lines that "
            f"name them out of the tables if that is meant (--allow-missing never drops a class or a split)"
        )
    if not allow_missing:
        raise InputError(f"{counted} (first: {missing[0]}); --allow-missing prepares the others")
    return [f"partial copy: {len(missing):,} of {num_named:,} images named by the tables are absent"]


def _lost(named: Pairs, found: Pairs) -> str:
    """What absent images take with them: whole splits, classes, or a class within a split; "" where nothing."""
    left = set(found)
    gone = list(dict.fromkeys(pair for pair in named if pair not in left))
    known_splits, known_classes = {split for split, _ in left}, {name for _, name in left}
    whole_splits = sorted({split for split, _ in gone} - known_splits, key=[*SPLITS, ""].index)
    whole_classes = sorted({name for _, name in gone} - known_classes)
    rest = [
        f"class {name} in {split}"
        for split, name in gone
        if split and split in known_splits and name in known_classes
    ]
    return ", ".join(
        [f"split {name}" for name in whole_splits]
        + [f"class {name}" for name in whole_classes if name]
        + rest
    )


def check_not_empty(found: Collection[str], source: Source, expected: str) -> None:
    """Raise InputError where nothing was found; `expected` describes the tree."""
    if found:
        return
    suffixes = Counter(member.rpartition(".")[2].lower() for member in source.members)
    there = ", ".join(f"{count} .{suffix}" for suffix, count in suffixes.most_common(4))
    inner = " (unpack the archives inside it first)" if suffixes.keys() & {"zip", "gz", "tar", "7z"} else ""
    raise InputError(f"{source.path}: no images found; expected {expected}, got {there}{inner}")


def not_images(source: Source, tables: Iterable[str | None] = ()) -> list[Skip]:
    """Files that are neither images nor the tables that were read."""
    known = {*tables, *source.images}
    skipped = [Skip(member, "not an image") for member in source.members if member not in known]
    if source.num_junk:
        skipped += [Skip("", "left by an operating system")] * source.num_junk
    return skipped
