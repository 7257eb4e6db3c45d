"""What an exhaustive search says of one image: position by position, and which candidates change the label."""

from __future__ import annotations

import dataclasses
import io
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError
from ..storage.files import file_stem, write_atomically
from .pixel_sets import PixelSets

EXHAUSTIVE = "exhaustive"
"""Folder of a run folder that holds the maps."""


def maps_path(run: Path, image_id: str) -> Path:
    """Where the maps of an image lie in a run folder."""
    return Path(run) / EXHAUSTIVE / f"{file_stem(image_id)}.npz"


def unfinished_path(scratch: Path, image_id: str) -> Path:
    """Where a search keeps what it has found of an image that it has not finished."""
    return scratch / f"{file_stem(image_id)}.unfinished"


@dataclasses.dataclass(frozen=True)
class SweepMaps:
    """Of one image. Positions that were not tried are NaN, or 0 in whole numbers.

    Attributes:
        lowest_distance: float32 [H, W], of all candidates that have a pixel there: logits to the change of label; < 0
            behind it.
        lowest_confidence: float32 [H, W], in the original label; targeted: minus the highest in the target.
        flips: int32 [H, W], candidates with a pixel there that change the label (targeted: to the target); of several
            pixels those alone all of whose pixels are needed, since no smaller set within them changes it, too.
        smallest_change: int16 [H, W], of these the least change of intensity, 1..255, largest over the channels and
            pixels; 0: none does.
        packed: uint8 [M, V / 8 rounded up], a bit for each position that was tried with each value; see `flipping`.
        positions: int32 [M, 2], columns and rows that were tried.
        values: uint8 [V, C], of each position.
        reached: int64 [N], how many of the flips reach each class; several labels: change it first of all.
        is_whole: every 8-bit value was tried at every position.
        band, reevaluated, audited, contradictions: see `Audit`.
        together: int32 [K - 1, 2], of sets of 2, 3, … pixels: how many positions, and values of each, were combined.
        combined: int32, of these sets one after the other: numbers of the single pixels, position x V + value.
        packed_sets: uint8, a bit for each set that was tried; see `flipping_sets`.
    """

    lowest_distance: np.ndarray
    lowest_confidence: np.ndarray
    flips: np.ndarray
    smallest_change: np.ndarray
    packed: np.ndarray
    positions: np.ndarray
    values: np.ndarray
    reached: np.ndarray
    is_whole: bool
    band: float
    reevaluated: int
    audited: int
    contradictions: int
    together: np.ndarray = dataclasses.field(default_factory=lambda: np.zeros((0, 2), np.int32))
    combined: np.ndarray = dataclasses.field(default_factory=lambda: np.zeros(0, np.int32))
    packed_sets: np.ndarray = dataclasses.field(default_factory=lambda: np.zeros(0, np.uint8))

    @property
    def flipping(self) -> np.ndarray:
        """Which single pixels change the label (targeted: to the target), bool [M, V]."""
        return np.unpackbits(self.packed, axis=1, count=len(self.values)).astype(bool)

    @property
    def sets(self) -> list[PixelSets]:
        """The sets of 2, 3, … pixels that were tried."""
        sizes = [positions * values for positions, values in self.together.tolist()]
        tables = np.split(self.combined, np.cumsum(sizes)[:-1]) if sizes else []
        return [
            PixelSets(count, table.reshape(shape))
            for count, (table, shape) in enumerate(zip(tables, self.together.tolist(), strict=True), 2)
        ]

    @property
    def flipping_sets(self) -> list[np.ndarray]:
        """Of 2, 3, … pixels: the sets that change the label, int32 [F, count], numbers of their single pixels."""
        found, first = [], 0
        bits = np.unpackbits(self.packed_sets)
        for one in self.sets:
            found.append(one.members(np.flatnonzero(bits[first : first + one.size])))
            first += one.size
        return found

    @property
    def is_bound(self) -> bool:
        """Sets of several pixels were tried of some positions or values alone: others may change the label, too."""
        return bool((self.together != (len(self.positions), len(self.values))).any())

    @property
    def num_flips(self) -> int:
        """Candidates that change the label: pairs of position and value, and sets of these."""
        return int(self.reached.sum())

    @property
    def num_positions(self) -> int:
        """Positions at which some value does, alone or where it is needed in a set: the vulnerable pixels."""
        return int((self.flips > 0).sum())


def save_maps(path: Path, maps: SweepMaps) -> None:
    """Write maps as an npz file, atomically."""
    fields = {field.name: getattr(maps, field.name) for field in dataclasses.fields(maps)}
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **fields)
    write_atomically(path, buffer.getvalue())


def load_maps(path: Path) -> SweepMaps:
    """Maps that `save_maps` wrote.

    Raises:
        InputError: the file is absent, or damaged.
    """
    try:
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as content:
            fields: dict[str, Any] = {name: content[name] for name in content.files}
        scalars = {name: fields[name].item() for name in fields if fields[name].ndim == 0}
        maps = SweepMaps(**{**fields, **scalars})
        _check(maps)
        return maps
    except FileNotFoundError:
        raise InputError(
            f"{path}: not found; an exhaustive search keeps a file of maps for each image"
        ) from None
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
        raise InputError(f"{path} is damaged: {error}; delete it and attack its image again") from None


def read_maps(folder: Path, image_ids: Iterable[str], size: int) -> dict[str, SweepMaps]:
    """Maps by image id, of exhaustive searches in a run folder; those that are gone are left out.

    Args:
        folder: of the run.
        image_ids: whose.
        size: of its images, in pixels.

    Raises:
        InputError: a file of maps is damaged, or of images of another size.
    """
    found = {}
    for image_id in image_ids:
        path = maps_path(folder, image_id)
        if not path.exists():
            continue
        maps = load_maps(path)
        if maps.flips.shape != (size, size):
            raise InputError(f"{path}: expected maps of {size} x {size} pixels, got {maps.flips.shape}")
        found[image_id] = maps
    return found


def _check(maps: SweepMaps) -> None:
    """Refuse what no search has written, and what a page could not draw."""
    size = maps.flips.shape
    expected = {
        "lowest_distance": (size, "f"),
        "lowest_confidence": (size, "f"),
        "flips": ((*size[:2],), "i"),
        "smallest_change": (size, "i"),
        "packed": ((len(maps.positions), -(-len(maps.values) // 8)), "u"),
        "positions": ((len(maps.positions), 2), "i"),
        "values": ((len(maps.values), maps.values.shape[-1]), "u"),
        "reached": ((len(maps.reached),), "i"),
        "together": ((len(maps.together), 2), "i"),
        "combined": ((int(maps.together.prod(-1).sum()),), "i"),
        "packed_sets": ((-(-sum(one.size for one in maps.sets) // 8),), "u"),
    }
    for name, (shape, kind) in expected.items():
        found = getattr(maps, name)
        if found.shape != shape or found.dtype.kind != kind:
            raise ValueError(f"{name} is {found.dtype} {list(found.shape)}, expected {kind} {list(shape)}")
    numbers = (maps.band, maps.reevaluated, maps.audited, maps.contradictions, maps.is_whole)
    if not all(isinstance(one, int | float) for one in numbers):
        raise ValueError("expected numbers of what was evaluated again")
