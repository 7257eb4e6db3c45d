"""Names as people spell them: of splits, of classes and findings, of image files in tables."""

import re
from pathlib import PurePosixPath

from .trees import is_image

_SPELLED_SPLITS = {
    "train": re.compile(r"tr(ai)?n(ing)?"),
    "validation": re.compile(r"val(id)?(ation|ate)?|dev"),
    "test": re.compile(r"te?st(ing)?"),
}
SPLITS = tuple(_SPELLED_SPLITS)
_ADDED_TO_SPLITS = re.compile(r"[ _-]*(set|data|dataset|images|imgs|split|folder)$")
_MASKS = re.compile(
    r"(.*[ _.-])?(masks?|segmentations?|annotations?|ground[ _-]?truth|heat[ _-]?maps?)([ _.-].*)?",
    re.IGNORECASE,
)


def split_named(name: str) -> str:
    """`train`, `validation` or `test` where a folder, list or cell is called so, in any case; else ""."""
    plain = _ADDED_TO_SPLITS.sub("", name.strip().casefold())
    return next((split for split, pattern in _SPELLED_SPLITS.items() if pattern.fullmatch(plain)), "")


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
    """A file name without the suffix of an image or a DICOM file, if it has one; other dots stay."""
    return name.rpartition(".")[0] if is_image(name) else name
