"""What is asked for: options checked, defaults filled in, and the reader that understands the source."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from ..data.dicom import check_installed
from ..data.prepared_files import Settings, folder_name
from ..data.registry import PHANTOMS, DatasetInfo, lookup, names
from ..errors import InputError, did_you_mean
from .formats import covidx, folder, ham10000, kermany, medmnist, nih
from .sources.archives import open_source
from .sources.trees import Source, has_usual_suffix

if TYPE_CHECKING:
    from ..config import PrepareConfig
    from .listing import Listing

_READERS: dict[str, Callable[[Source, DatasetInfo, PrepareConfig], Listing]] = {
    "derma": ham10000.read,
    "pneumonia": kermany.read,
    "oct": kermany.read,
    "covid": covidx.read,
    "chest": nih.read,
    "folder": folder.read,
}
_DEFAULT_SIZE = 224
READING = (
    "task",
    "image_column",
    "label_column",
    "patient_column",
    "patient_pattern",
    "split_column",
    "class_level",
    "ignore",
)
"""Options that choose between readings of a user's own source."""


@dataclasses.dataclass(frozen=True)
class Request:
    """What is asked for, every default filled in.

    Attributes:
        understood: a user's own source, where its meaning settled the scheme; `listing` goes on from there, once.
    """

    info: DatasetInfo
    name: str
    scheme: str
    image_size: int
    config: PrepareConfig
    understood: list[tuple[Source, Listing]] = dataclasses.field(default_factory=list, compare=False)

    @property
    def home(self) -> Path:
        """Folder of this scheme and size; the finished data set is its subfolder `VERSION`."""
        return self.config.data_dir / folder_name(self.name) / f"{self.scheme}-{self.image_size}"

    @property
    def note(self) -> str | None:
        """What shall be said with every figure, on one line; not part of the settings."""
        return " ".join((self.config.note or "").split()) or None

    @property
    def settings(self) -> Settings:
        """All that decides what is stored."""
        source = self.config.source
        settings: Settings = {
            "source": source.resolve().name if source else None,
            "source_bytes": source.stat().st_size if source and source.is_file() else None,
            "labels": self.config.labels.name if self.config.labels else None,
            "channels": self.config.channels,
            "normal_classes": list(self.config.normal_classes) if self.config.normal_classes else None,
            "num_images": self.config.num_images,
            "seed": self.config.seed,
            "window": list(self.config.window) if self.config.window else None,
            "frames": self.config.frames,
        }
        reading = {
            name: list(value) if isinstance(value, tuple) else value
            for name in READING
            if (value := getattr(self.config, name)) is not None
        }
        return {**settings, "reading": reading} if reading else settings

    def listing(self) -> Listing:
        """What the source holds, to be stored in as many channels as asked for.

        Raises:
            InputError: see the readers.
        """
        listing, channels = self._read(), self.config.channels
        if channels not in (None, listing.info.channels):
            listing.notes.append(
                "grey images stored in colour, three equal channels"
                if channels == 3
                else "colour images stored in grey, by their luminance"
            )
            listing.info = dataclasses.replace(listing.info, channels=channels)
        return listing

    def _read(self) -> Listing:
        if self.info.synthetic:
            from .phantoms import drawing

            return drawing.read(self.info, self.config, self.image_size)
        if self.info.is_downloaded:
            return medmnist.read(self.info, self.config, self.image_size)
        if self.understood:
            return folder.settled(*self.understood.pop(), self.config)
        return _READERS[self.info.name](_opened(self.info, self.config), self.info, self.config)


def resolve(name: str, config: PrepareConfig) -> Request:
    """Fill in defaults and check the options against the data set.

    Raises:
        InputError: unknown data set or split scheme, or an option that this data set has no use for.
    """
    info = lookup(name)
    _check_options(info, config)
    stored_as = _stored_name(info, config)
    understood = []
    if config.split is None and info.name == "folder":
        source = _opened(info, config)
        understood.append((source, folder.understand(source, info, config)))
    scheme = config.split or (folder.default_scheme(*understood[0]) if understood else info.split_schemes[0])
    if scheme not in info.split_schemes:
        hint = did_you_mean(scheme, info.split_schemes)
        raise InputError(f"{name}: unknown split {scheme!r}{hint}; allowed: {', '.join(info.split_schemes)}")
    size = config.image_size or _default_size(info, config)
    return Request(info, stored_as, scheme, size, dataclasses.replace(config, split=scheme), understood)


def _check_options(info: DatasetInfo, config: PrepareConfig) -> None:
    for option in ("name", "normal_classes", *READING):
        if getattr(config, option) is not None and info.name != "folder":
            raise InputError(f"{info.name}: --{option.replace('_', '-')} is only for 'folder'")
    if config.num_images is not None and not info.synthetic:
        raise InputError(f"{info.name}: --num-images is only for {', '.join(PHANTOMS)}")
    if config.window is not None and not config.window[0] < config.window[1]:
        low, high = config.window
        raise InputError(f"--window {low:g} {high:g}: expected the lower value first, as --window LOW HIGH")
    if info.synthetic and config.source is not None:
        raise InputError(f"{info.name} is drawn by jaxpix and takes no --source")


def _stored_name(info: DatasetInfo, config: PrepareConfig) -> str:
    """What the data set is called from then on; a user's name must be a folder's, and free."""
    if info.name != "folder" or config.name is None:
        return info.name
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,63}", config.name):
        raise InputError(f"--name {config.name!r}: expected small letters, digits and '_', a letter first")
    if config.name in {folder_name(name) for name in names()} - {"folder"}:
        raise InputError(f"--name {config.name!r} is a built-in data set's; choose another")
    return config.name


def _default_size(info: DatasetInfo, config: PrepareConfig) -> int:
    if info.synthetic:
        from .phantoms.drawing import DEFAULT_SIZE

        return DEFAULT_SIZE
    if info.is_downloaded:
        return (config.source and medmnist.stored_size(config.source)) or 28
    return _DEFAULT_SIZE


def _opened(info: DatasetInfo, config: PrepareConfig) -> Source:
    if config.source is None:
        at = f" ({info.homepage})" if info.homepage else ""
        raise InputError(f"{info.name} needs --source PATH: a zip or an unpacked folder{at}")
    source = open_source(config.source)
    scan = next((member for member in source.images if not has_usual_suffix(member)), None)
    if scan is not None:
        check_installed(f"{source.path}: {scan}")
    return source
