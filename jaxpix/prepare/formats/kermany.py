"""Kermany's two data sets: chest X-ray (pneumonia) and OCT, as Kaggle and Mendeley ship them."""

import re
from pathlib import PurePosixPath

from ...config import PrepareConfig
from ...data.registry import DatasetInfo
from ...errors import InputError
from ..listing import Item, Listing, check_not_empty, load_members, not_images, one_of_each
from ..sources.trees import Source

_SPLITS = {
    "train": "train",
    "val": "validation",
    "validation": "validation",
    "valid": "validation",
    "test": "test",
}
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


def _locate(member: str, info: DatasetInfo, source: Source) -> tuple[int, str]:
    """Label and split of an image, from the last folders of its path."""
    folders = [part.strip() for part in PurePosixPath(member).parts[:-1]]
    labels = {name.lower(): label for label, name in enumerate(info.class_names)}
    folder = folders[-1] if folders else ""
    if folder.lower() not in labels:
        raise InputError(
            f"{source.path}: {member} lies in the unknown class folder {folder!r}; "
            f"expected {', '.join(info.class_names)}"
        )
    split = _SPLITS.get(folders[-2].lower(), "") if len(folders) > 1 else ""
    return labels[folder.lower()], split


def read(source: Source, info: DatasetInfo, config: PrepareConfig) -> Listing:
    """List a Kermany tree; a nested second copy counts once.

    Raises:
        InputError: no images, an unknown class folder, or a scheme that this tree cannot give.
    """
    patient = pneumonia_patient if info.name == "pneumonia" else oct_patient
    places = {member: _locate(member, info, source) for member in source.images}
    ids = {member: f"{split or 'all'}_{PurePosixPath(member).stem}" for member, (_, split) in places.items()}
    kept, skipped = one_of_each(((image_id, member) for member, image_id in ids.items()), source)
    items = []
    for image_id, member in sorted(kept.items()):
        label, split = places[member]
        items.append(Item(member, label, image_id, patient(PurePosixPath(member).stem), split))
    check_not_empty(items, source, f"[train|test]/<class>/<image> with {', '.join(info.class_names)}")
    listing = Listing(info, items, load_members(source), skipped + not_images(source))
    listing.notes += _groups_note(items)
    if config.split == "public":
        _keep_public_splits(listing, source)
    return listing


def _groups_note(items: list[Item]) -> list[str]:
    unknown = sum(not item.group for item in items)
    return (
        [f"{unknown:,} file names do not say whose image it is: each counts as its own patient"]
        if unknown
        else []
    )


def _keep_public_splits(listing: Listing, source: Source) -> None:
    splits = {item.split for item in listing.items}
    if not {"train", "test"} <= splits or "" in splits:
        raise InputError(
            f"{source.path}: split 'public' needs the folders train and test; choose --split paper or patient"
        )
    num_validation = sum(item.split == "validation" for item in listing.items)
    if 0 < num_validation < _SMALLEST_VALIDATION:
        listing.items = [
            Item(item.member, item.label, item.image_id, item.group, "train")
            if item.split == "validation"
            else item
            for item in listing.items
        ]
        listing.notes.append(
            f"the {num_validation} images of the folder val are too few to validate with: they went to train"
        )
