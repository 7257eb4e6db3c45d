"""Kermany's two data sets: chest X-ray (pneumonia) and OCT, as Kaggle and Mendeley ship them."""

from __future__ import annotations

import dataclasses
import re
from collections import defaultdict
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from ...errors import InputError, did_you_mean
from ..listing import Item, Listing, Members, not_images, one_of_each
from ..sources.spelling import masks_folder, split_named

if TYPE_CHECKING:
    from ...config import PrepareConfig
    from ...data.registry import DatasetInfo
    from ..sources.trees import Source

# Kaggle's `val` has 16 images: too few to choose or to stop by.
_SMALLEST_VALIDATION = 50


def pneumonia_patient(stem: str) -> str:
    """Who is on a chest X-ray, from the file's name; "" where it does not say.

    Virus and bacteria cases are numbered apart, so the number alone would merge different people.
    """
    if match := re.fullmatch(r"person(\d{1,18})_(virus|bacteria)(?:_\d+)+", stem, re.IGNORECASE):
        return f"{match[2].lower()}-{int(match[1])}"
    if match := re.fullmatch(r"((?:NORMAL2-)?IM)-(\d{1,18})(?:-\d+)*", stem, re.IGNORECASE):
        return f"{match[1].upper()}-{int(match[2])}"
    if match := re.fullmatch(r"(NORMAL|BACTERIA|VIRUS)-(\d{1,18})-\d+", stem, re.IGNORECASE):
        return f"{match[1].lower()}-{int(match[2])}"
    return ""


def oct_patient(stem: str) -> str:
    """Whose eye an OCT image shows. One number can occur under several classes: it is one person."""
    match = re.fullmatch(r"[A-Za-z]+-(\d+)-\d+", stem)
    return match[1] if match else ""


@dataclasses.dataclass(frozen=True)
class _Place:
    """Where an image lies: label and split ("" where none), from the last folders of its path."""

    label: int
    split: str
    class_folder: str
    split_folder: str
    in_images: bool


def _locate(member: str, info: DatasetInfo, source: Source) -> _Place:
    folders = [part.strip() for part in PurePosixPath(member).parts[:-1]]
    if masks := masks_folder(member):
        raise InputError(
            f"{source.path}: {member} lies in {masks!r}, which is called like masks and not like images; take that "
            f"folder out, or give the folder of the images as --source"
        )
    in_images = bool(folders) and folders[-1].lower() == "images"
    if in_images:
        folders = folders[:-1]
    labels = {name.lower(): label for label, name in enumerate(info.class_names)}
    folder = folders[-1] if folders else ""
    if folder.lower() not in labels:
        raise InputError(
            f"{source.path}: {member} lies in the unknown class folder {folder!r}; "
            f"expected {', '.join(info.class_names)}{did_you_mean(folder, info.class_names)}"
        )
    split_folder = folders[-2] if len(folders) > 1 else ""
    return _Place(labels[folder.lower()], split_named(split_folder), folder, split_folder, in_images)


def read(source: Source, info: DatasetInfo, config: PrepareConfig) -> Listing:
    """List a Kermany tree; a nested second copy counts once.

    Raises:
        InputError: no images, an unknown class folder, masks, a class without images, images both inside and outside
            of train and test, or a scheme that this tree cannot give.
    """
    patient = pneumonia_patient if info.name == "pneumonia" else oct_patient
    places = {member: _locate(member, info, source) for member in source.images}
    ids = _ids(places, info)
    expected = f"[train|test]/<class>/<image> with {', '.join(info.class_names)}"
    kept, skipped = one_of_each(((image_id, member) for member, image_id in ids.items()), source, expected)
    items = []
    for image_id, member in sorted(kept.items()):
        place = places[member]
        items.append(Item(member, place.label, image_id, patient(PurePosixPath(member).stem), place.split))
    _check_places(items, info, source, config)
    listing = Listing(info, items, Members(source), skipped + not_images(source))
    listing.notes += _groups_note(items) + _spelling_notes([places[item.member] for item in items], info)
    if config.split == "public":
        _keep_public_splits(listing, source)
    return listing


def _ids(places: dict[str, _Place], info: DatasetInfo) -> dict[str, str]:
    """Image id of each member: split and name, and where two classes have the same name, the class between them."""
    stems = {member: (place.split or "all", PurePosixPath(member).stem) for member, place in places.items()}
    labels: dict[tuple[str, str], set[int]] = defaultdict(set)
    for member, place in places.items():
        labels[stems[member]].add(place.label)
    return {
        member: f"{split}_{info.class_names[places[member].label]}_{stem}"
        if len(labels[split, stem]) > 1
        else f"{split}_{stem}"
        for member, (split, stem) in stems.items()
    }


def _check_places(items: list[Item], info: DatasetInfo, source: Source, config: PrepareConfig) -> None:
    """Refuse a tree in which a class has no images, or of which only a part has splits."""
    inside = next((item.member for item in items if item.split), None)
    outside = next((item.member for item in items if not item.split), None)
    if config.split != "public" and inside and outside:
        raise InputError(
            f"{source.path}: images lie inside of train or test ({inside}) and outside ({outside}); if one is a "
            f"second copy, take it out"
        )
    splits = ("train", "test") if config.split == "public" and not outside else ("",)
    for split in splits:
        present = {item.label for item in items if not split or item.split == split}
        absent = [name for label, name in enumerate(info.class_names) if label not in present]
        if present and absent:
            raise InputError(
                f"{source.path}: no image {f'in {split} ' if split else ''}is of the class {', '.join(absent)}; "
                f"{info.name} has the classes {', '.join(info.class_names)}, other sets of classes are prepared with "
                f"'folder'"
            )


def _spelling_notes(places: list[_Place], info: DatasetInfo) -> list[str]:
    """Folders that are called otherwise than the publisher calls them."""
    folders = {place.class_folder: info.class_names[place.label] for place in places}
    folders |= {place.split_folder: place.split for place in places if place.split}
    usual = {*info.class_names, "train", "test", "val"}
    otherwise = [f"{folder} as {name}" for folder, name in sorted(folders.items()) if folder not in usual]
    notes = [f"folders that are called otherwise: {', '.join(otherwise)}"] if otherwise else []
    if num_inner := sum(place.in_images for place in places):
        notes.append(f"{num_inner:,} images lie one folder deeper, in 'images'")
    return notes


def _groups_note(items: list[Item]) -> list[str]:
    unknown = sum(not item.group for item in items)
    note = f"{unknown:,} file names do not say whose image it is: each counts as its own patient"
    return [note] if unknown else []


def _keep_public_splits(listing: Listing, source: Source) -> None:
    splits = {item.split for item in listing.items}
    if not {"train", "test"} <= splits or "" in splits:
        raise InputError(
            f"{source.path}: split 'public' needs the folders train and test; choose --split paper or patient"
        )
    num_validation = sum(item.split == "validation" for item in listing.items)
    if 0 < num_validation < _SMALLEST_VALIDATION:
        listing.items = [
            dataclasses.replace(item, split="train") if item.split == "validation" else item
            for item in listing.items
        ]
        listing.notes.append(
            f"the {num_validation} images of the folder val are too few to validate with: they went to train"
        )
