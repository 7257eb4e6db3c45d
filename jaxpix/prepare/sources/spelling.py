"""Names as people spell them: of splits, of classes and findings, of image files in tables."""

import re
from pathlib import PurePosixPath

from .trees import IMAGE_SUFFIXES

# Folders and lists of a split, in any case, and what it is called here.
SPLIT_NAMES = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "test": "test",
    "testing": "test",
}
_MASKS = re.compile(
    r"(.*[ _.-])?(masks?|segmentations?|annotations?|ground[ _-]?truth)([ _.-].*)?", re.IGNORECASE
)


def split_named(folder: str) -> str:
    """The split that a folder or list is called after, "" where it is none."""
    return SPLIT_NAMES.get(folder.strip().lower(), "")


def masks_folder(member: str) -> str:
    """The folder of a file's path that is called after masks, which show nobody; "" where none is."""
    folders = PurePosixPath(member).parts[:-1]
    return next((folder for folder in folders if _MASKS.fullmatch(folder.strip())), "")


def spelling_key(name: str) -> str:
    """What is left of a name without case, spaces, `_`, `-` and `.`: equal for `Pleural_Thickening` and
    `pleural thickening`."""
    return re.sub(r"[\s_.-]+", "", name).casefold()


def file_name(cell: str) -> str:
    """The last part of a path in a table, whichever system wrote it."""
    return PurePosixPath(cell.strip().replace("\\", "/")).name


def without_suffix(name: str) -> str:
    """A file name without the suffix of an image, if it has one; other dots stay."""
    path = PurePosixPath(name)
    return path.stem if path.suffix.lower() in IMAGE_SUFFIXES else name
