"""Which reader understands which data set."""

import re
from collections.abc import Callable
from pathlib import Path

from ...config import PrepareConfig
from ...data.medmnist_files import MEMBERS
from ...data.registry import DatasetInfo, names
from ...errors import InputError
from ..listing import Listing
from ..sources.trees import Source, open_source
from . import covidx, folder, ham10000, kermany, medmnist, nih

_READERS: dict[str, Callable[[Source, DatasetInfo, PrepareConfig], Listing]] = {
    "derma": ham10000.read,
    "pneumonia": kermany.read,
    "oct": kermany.read,
    "covid": covidx.read,
    "chest": nih.read,
    "folder": folder.read,
}
_DEFAULT_SIZE = 224


def stored_name(info: DatasetInfo, config: PrepareConfig) -> str:
    """What the data set is called from then on.

    Raises:
        InputError: a user's name that cannot be a folder's, or that is taken.
    """
    if info.name != "folder" or config.name is None:
        return info.name
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,63}", config.name):
        raise InputError(f"--name {config.name!r}: expected small letters, digits and '_', a letter first")
    if config.name in {name.replace("-", "_") for name in names()} - {"folder"}:
        raise InputError(f"--name {config.name!r} is a built-in data set's; choose another")
    return config.name


def default_scheme(info: DatasetInfo, config: PrepareConfig) -> str:
    """The split scheme where none was named."""
    if info.name == "folder":
        return folder.default_scheme(_opened(info, config), config)
    return info.split_schemes[0]


def default_size(info: DatasetInfo, config: PrepareConfig) -> int:
    """The image size where none was named."""
    if info.synthetic:
        from .drawn import DEFAULT_SIZE

        return DEFAULT_SIZE
    if info.name in MEMBERS:
        return (config.source and medmnist.stored_size(config.source)) or 28
    return _DEFAULT_SIZE


def _opened(info: DatasetInfo, config: PrepareConfig) -> Source:
    if config.source is None:
        at = f" ({info.homepage})" if info.homepage else ""
        raise InputError(f"{info.name} needs --source PATH: a zip or an unpacked folder{at}")
    return open_source(config.source)


def _fetch(url: str, file_name: str, md5: str, into: Path) -> Path:
    from ..sources.downloads import download

    return download(url, file_name, md5, into)


def read(info: DatasetInfo, config: PrepareConfig, image_size: int) -> Listing:
    """List what the source holds.

    Raises:
        InputError: see the readers.
    """
    if info.synthetic:
        from . import drawn

        return drawn.read(info, config, image_size)
    if info.name in MEMBERS:
        return medmnist.read(info, config, image_size, _fetch)
    return _READERS[info.name](_opened(info, config), info, config)
