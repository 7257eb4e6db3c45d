"""MedMNIST: one npz of arrays, read row by row so that the large ones need no memory."""

from __future__ import annotations

import math
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING

import numpy as np

from ...data.medmnist_files import MEMBERS, SIZES, address, file_name
from ...errors import InputError
from ..listing import Item, Listing, Loaded
from ..sources.archives import open_zip

if TYPE_CHECKING:
    from ...config import PrepareConfig
    from ...data.registry import DatasetInfo

_SPLITS = {"train": "train", "validation": "val", "test": "test"}
_MAX_LABEL_BYTES = 256 << 20
# As --image-size.
_MIN_SIDE, _MAX_SIDE = 8, 2048
_DAMAGE = (OSError, EOFError, ValueError, struct.error, zlib.error, zipfile.BadZipFile)


class Npz:
    """The arrays of an npz archive; nothing in it is ever unpickled.

    Raises:
        InputError: not an npz, an absent array, or a header that lies about its size.
    """

    def __init__(self, path: Path):
        self.path = path
        self._zip = open_zip(path, "npz file")

    def _open(self, key: str) -> IO[bytes]:
        try:
            return self._zip.open(f"{key}.npy")
        except KeyError:
            have = ", ".join(name.removesuffix(".npy") for name in self._zip.namelist()[:12])
            raise InputError(f"{self.path}: array {key!r} not found; got {have}") from None
        except (*_DAMAGE, RuntimeError) as error:
            raise InputError(f"{self.path}: array {key!r} is damaged: {error}") from None

    def header(self, key: str) -> tuple[tuple[int, ...], np.dtype]:
        """Shape and dtype of an array, checked against the bytes that are there before room is made for them."""
        with self._open(key) as file:
            shape, dtype = self._read_header(file, key)
            declared = self._zip.getinfo(f"{key}.npy").file_size - file.tell()
        if declared != math.prod(shape) * dtype.itemsize:
            raise InputError(
                f"{self.path}: array {key!r} claims shape {shape} of {dtype}, but {declared:,} bytes follow"
            )
        return shape, dtype

    def _read_header(self, file: IO[bytes], key: str) -> tuple[tuple[int, ...], np.dtype]:
        try:
            version = np.lib.format.read_magic(file)
            read = (
                np.lib.format.read_array_header_1_0
                if version == (1, 0)
                else np.lib.format.read_array_header_2_0
            )
            shape, fortran_order, dtype = read(file)
        # NumPy evaluates the header as a literal; a senseless one comes out as any kind of error.
        except Exception as error:
            raise InputError(f"{self.path}: array {key!r} has no readable header: {error}") from None
        if dtype.hasobject or fortran_order:
            raise InputError(f"{self.path}: array {key!r} is of Python objects or Fortran order; refused")
        if min(shape, default=1) < 0 or dtype.itemsize == 0 or math.prod(shape[1:]) == 0:
            raise InputError(f"{self.path}: array {key!r} claims shape {shape} of {dtype}; refused")
        return shape, dtype

    def rows(self, key: str) -> Iterator[np.ndarray]:
        """The array's rows, one at a time."""
        shape, dtype = self.header(key)
        num_bytes = math.prod(shape[1:]) * dtype.itemsize
        with self._open(key) as file:
            self._read_header(file, key)
            for _ in range(shape[0]):
                try:
                    raw = file.read(num_bytes)
                except _DAMAGE as error:
                    raise InputError(f"{self.path}: array {key!r} is damaged: {error}") from None
                if len(raw) != num_bytes:
                    raise InputError(f"{self.path}: array {key!r} ends early")
                yield np.frombuffer(raw, dtype).reshape(shape[1:])

    def labels(self, key: str) -> np.ndarray:
        """A small integer array as a whole, [N, L]."""
        shape, dtype = self.header(key)
        if not np.issubdtype(dtype, np.integer) or math.prod(shape) * dtype.itemsize > _MAX_LABEL_BYTES:
            raise InputError(f"{self.path}: {key} is {shape} of {dtype}; expected integers [N, L]")
        found = list(self.rows(key))
        return np.array(found).reshape(len(found), -1).astype(np.int64)


def stored_size(path: Path) -> int | None:
    """Side of the images in a local file, None where it is not there.

    Raises:
        InputError: what is there are no square images of up to `_MAX_SIDE` pixels.
    """
    if not path.is_file():
        return None
    shape, _ = Npz(path).header("train_images")
    if len(shape) not in (3, 4) or shape[1] != shape[2] or not _MIN_SIDE <= shape[1] <= _MAX_SIDE:
        raise InputError(
            f"{path}: train_images has the shape {shape}; expected square images of {_MIN_SIDE} to "
            f"{_MAX_SIDE} pixels, [N, H, W] or [N, H, W, 3]"
        )
    return shape[1]


def read(info: DatasetInfo, config: PrepareConfig, image_size: int) -> Listing:
    """List a member of MedMNIST from a local npz, or from the publisher's.

    Raises:
        InputError: the file is absent and cannot be fetched, or its arrays are not what they should be.
    """
    if config.source is None:
        archive = Npz(_fetched(info.name, image_size, config.data_dir / "downloads"))
    else:
        archive = Npz(_local(config.source, info, image_size))
    items, counts = [], []
    for split, key in _SPLITS.items():
        labels = _checked_labels(archive, key, info, image_size)
        counts.append(len(labels))
        width = len(str(max(len(labels) - 1, 0)))
        items += [
            Item(f"{key}_images", _label(row, info), f"{key}_{number:0{width}}", split=split)
            for number, row in enumerate(labels)
        ]
    listing = Listing(info, items, partial(_load, archive))
    official = MEMBERS[info.name].counts
    if tuple(counts) != official:
        listing.notes.append(
            f"unofficial copy: {'/'.join(map(str, counts))} images (train/val/test), "
            f"published are {'/'.join(map(str, official))}"
        )
    return listing


def _fetched(name: str, image_size: int, folder: Path) -> Path:
    if image_size not in SIZES:
        raise InputError(f"{name} is published at {SIZES} pixels; --image-size {image_size} is none")
    from ..sources.downloads import download

    md5 = MEMBERS[name].md5[SIZES.index(image_size)]
    return download(address(name, image_size), file_name(name, image_size), md5, folder)


def _local(source: Path, info: DatasetInfo, image_size: int) -> Path:
    path = source / file_name(info.name, image_size) if source.is_dir() else source
    if not path.is_file():
        raise InputError(f"source not found: {path} (expected MedMNIST's npz file)")
    return path


def _checked_labels(archive: Npz, key: str, info: DatasetInfo, image_size: int) -> np.ndarray:
    shape, dtype = archive.header(f"{key}_images")
    expected = (image_size, image_size) if info.channels == 1 else (image_size, image_size, 3)
    if dtype != np.uint8 or shape[1:] != expected:
        raise InputError(
            f"{archive.path}: {key}_images is {shape} of {dtype}; expected uint8 "
            f"[N, {', '.join(map(str, expected))}] (leave --image-size out to take the file's own)"
        )
    labels = archive.labels(f"{key}_labels")
    multilabel = info.task == "multilabel"
    columns, largest = (len(info.class_names), 1) if multilabel else (1, len(info.class_names) - 1)
    if labels.shape != (shape[0], columns):
        raise InputError(f"{archive.path}: {key}_labels is {labels.shape}; expected {(shape[0], columns)}")
    if labels.size and not 0 <= labels.min() <= labels.max() <= largest:
        raise InputError(f"{archive.path}: {key}_labels has values outside 0..{largest}")
    return labels


def _label(row: np.ndarray, info: DatasetInfo) -> int | tuple[int, ...]:
    return tuple(np.flatnonzero(row).tolist()) if info.task == "multilabel" else int(row[0])


def _load(archive: Npz, items: Sequence[Item]) -> Iterator[Callable[[], Loaded]]:
    """Pixels of all items of one split, which are in the file's own order."""
    for _, pixels in zip(items, archive.rows(items[0].member), strict=True):
        yield lambda pixels=pixels: pixels  # type: ignore[misc]
