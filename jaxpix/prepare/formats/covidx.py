"""COVIDx, V9A and other releases: flat folders of images and the official lists."""

from __future__ import annotations

import dataclasses
import re
from collections import Counter, defaultdict
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from ...errors import InputError
from ..listing import Item, Listing, Members, Skip, check_missing, not_images
from ..sources.spelling import split_named
from ..sources.tables import lines, read_text
from .covidx_lists import THREE_CLASSES, TWO_CLASSES, Line, ListFile, find_lists, parse, title_of

if TYPE_CHECKING:
    from ...config import PrepareConfig
    from ...data.registry import DatasetInfo
    from ..sources.trees import Source


@dataclasses.dataclass
class _Found:
    """What the lists say, and what of it is there."""

    named: list[tuple[str, str]] = dataclasses.field(default_factory=list)
    present: list[tuple[str, str, str, Line, str]] = dataclasses.field(default_factory=list)
    missing: list[str] = dataclasses.field(default_factory=list)
    tables: list[str | None] = dataclasses.field(default_factory=list)
    spellings: Counter[tuple[str, str]] = dataclasses.field(default_factory=Counter)
    first_of: dict[str, str] = dataclasses.field(default_factory=dict)


def read(source: Source, info: DatasetInfo, config: PrepareConfig) -> Listing:
    """List COVIDx by its official lists.

    Raises:
        InputError: a list is missing, malformed or of two readings, an unknown class or classes of two releases,
            or absent images that were not allowed or were all there is of a class.
    """
    lists, unused = find_lists(source, config.labels)
    members, found = _by_folder(source), _Found()
    for one in lists:
        _look_up(one, source, members, found)
    class_names = _classes(found, source, config)
    kept = [(split, line.class_name) for split, _, _, line, _ in found.present]
    notes = [
        f"understood as {title_of(lists[0].release)} by {', '.join(one.name for one in lists)}: classes "
        f"{', '.join(class_names)}"
    ]
    notes += check_missing(found.missing, len(found.named), config.allow_missing, source, found.named, kept)
    notes += _tolerated(found, unused, class_names)
    items = [
        Item(
            member,
            class_names.index(line.class_name),
            f"{split}_{name}",
            f"{line.origin} {patient}".strip(),
            split,
        )
        for split, patient, name, line, member in found.present
    ]
    _check_ids(items, source)
    notes += _confounding(found)
    listed = {item.member for item in items}
    skipped = [Skip(member, "in no official list") for member in source.images if member not in listed]
    understood = dataclasses.replace(
        info,
        title=title_of(lists[0].release),
        class_names=class_names,
        normal_classes=tuple(name for name in ("normal", "negative") if name in class_names),
    )
    skipped += not_images(source, found.tables)
    return Listing(understood, items, Members(source), skipped, notes, len(found.missing))


def _look_up(one: ListFile, source: Source, members: dict[tuple[str, str], str], found: _Found) -> None:
    """Settle what each line of a list means by the files that are there."""
    text, table, where = read_text(source, re.escape(one.name), one.path, one.name)
    found.tables.append(table)
    for number, row in enumerate(lines(text), 1):
        place = f"{where}, line {number}"
        line = parse(row, place)
        found.named.append((one.split, line.class_name))
        found.first_of.setdefault(line.class_name, place)
        if line.class_name != line.as_spelled:
            found.spellings[line.as_spelled, line.class_name] += 1
        there = [
            (one.split, patient, name, line, member)
            for patient, name in line.readings
            if (member := members.get((one.split, name)) or members.get((one.split, name.lower())))
        ]
        if len(there) > 1:
            raise InputError(
                f"{place}: two readings, since both files are there: {there[0][2]!r} of patient {there[0][1]!r} and "
                f"{there[1][2]!r} of patient {there[1][1]!r}; rename one of them, there and in the list"
            )
        if there:
            found.present.append(there[0])
        else:
            found.missing.append(f"{one.split}/{line.readings[0][1]}")


def _by_folder(source: Source) -> dict[tuple[str, str], str]:
    """Members by (split, file name), and by the lower-case name too where that is free."""
    exact, loose = {}, {}
    for member in reversed(source.images):
        path = PurePosixPath(member)
        split = split_named(path.parent.name)
        exact[split, path.name] = member
        loose[split, path.name.lower()] = member
    return loose | exact


def _classes(found: _Found, source: Source, config: PrepareConfig) -> tuple[str, ...]:
    """Names of the classes, settled by those that the lists hold."""
    occurring = set(found.first_of)
    three, two = occurring & set(THREE_CLASSES), occurring & set(TWO_CLASSES)
    if three and two:
        firsts = " and ".join(f"{name} ({found.first_of[name]})" for name in (min(three), min(two)))
        raise InputError(
            f"classes of two kinds of COVIDx releases are mixed: {firsts}; expected "
            f"{', '.join(THREE_CLASSES)}, or {', '.join(TWO_CLASSES)}: take both lists from one release"
        )
    if len(occurring) < 2:
        raise InputError(
            f"{source.path}: the lists name images of one class only ({', '.join(occurring) or 'none'})"
        )
    in_train = {name for split, name in found.named if split == "train"}
    untaught = sorted(name for split, name in {*found.named} if split != "train" and name not in in_train)
    if untaught and config.split == "official":
        raise InputError(f"{source.path}: the train list names no image of the class {untaught[0]}")
    return tuple(name for name in (*THREE_CLASSES, *TWO_CLASSES) if name in occurring)


def _tolerated(found: _Found, unused: list[str], class_names: tuple[str, ...]) -> list[str]:
    """What was read otherwise than it stands there, or not at all."""
    notes = [
        f"{count:,} lines spell the class {name} {spelled!r}"
        for (spelled, name), count in found.spellings.items()
    ]
    spaced = [patient for _, patient, _, _, _ in found.present if " " in patient]
    if spaced:
        notes.append(f"{len(spaced):,} lines have a patient id with spaces (first: {spaced[0]!r})")
    if unused:
        notes.append(f"lists that were not used: {', '.join(unused)} (--labels chooses)")
    if "negative" in class_names:
        notes.append("negative means no COVID-19, other pneumonias included; it counts as normal")
    elif absent := [name for name in THREE_CLASSES if name not in class_names]:
        notes.append(f"the lists name no image of {', '.join(absent)}")
    return notes


def _check_ids(items: list[Item], source: Source) -> None:
    """Refuse two lines that mean one file, be it in another case or by another end of its patient's id."""
    counts = Counter(item.member for item in items)
    twice = [item.image_id for item in items if counts[item.member] > 1]
    if twice:
        num_files = sum(count > 1 for count in counts.values())
        raise InputError(
            f"{source.path}: the lists name {num_files} images twice (first: {' and '.join(twice[:2])})"
        )


def _confounding(found: _Found) -> list[str]:
    """A warning where a source has images of one class only."""
    classes_of: dict[str, set[str]] = defaultdict(set)
    for _, _, _, line, _ in found.present:
        classes_of[line.origin].add(line.class_name)
    if set(classes_of) == {""}:
        return ["the lists do not say which source an image is from"]
    single = sorted(origin or "unknown" for origin, classes in classes_of.items() if len(classes) == 1)
    if not single:
        return []
    return [
        f"warning: class and source are confounded: {len(single)} of {len(classes_of)} sources "
        f"({', '.join(single)}) {'has' if len(single) == 1 else 'have'} images of one class only, so a model can "
        f"tell classes by the source"
    ]
