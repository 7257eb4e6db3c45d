"""From all candidates of an image to maps of its positions."""

from __future__ import annotations

import dataclasses
import itertools
from typing import TYPE_CHECKING, Any

import numpy as np

from ...records.maps import SweepMaps

if TYPE_CHECKING:
    from .audit import Audit
    from .candidates import Candidates
    from .grid import Grid
    from .program import Found


def maps_of(
    candidates: Candidates,
    found: Found,
    flips: np.ndarray,
    changes: np.ndarray,
    num_classes: int,
    audit: Audit,
) -> SweepMaps:
    """Maps of all candidates of an image.

    Args:
        candidates: numbers them.
        found: arrays [size], corrected by the audit.
        flips: bool [size].
        changes: int16 [size], of `Candidates.changes`; 0: not a candidate.
        num_classes: N.
        audit: what was evaluated again.
    """
    grid, tried = candidates.scope.grid, changes > 0
    flipping = flips & tried
    needed = _needed(candidates, flipping)
    most = np.iinfo(np.int16).max
    least = _least(candidates, np.where(needed, changes, most))
    alone = flipping[: candidates.num_single].reshape(len(grid.positions), len(grid.values))
    reached = np.asarray(found.reached)[flipping]
    sizes = [one.pixels.shape for one in candidates.sets]
    return SweepMaps(
        lowest_distance=_placed(grid, _lowest(candidates, found.distance, tried), np.nan),
        lowest_confidence=_placed(grid, _lowest(candidates, found.confidence, tried), np.nan),
        flips=_placed(grid, _count(candidates, needed), 0),
        smallest_change=_placed(grid, np.where(least < most, least, 0).astype(np.int16), 0),
        packed=np.packbits(alone, axis=1),
        positions=grid.positions,
        values=grid.values,
        reached=np.bincount(reached, minlength=num_classes).astype(np.int64),
        is_whole=grid.is_whole and not sizes,
        together=np.array(sizes, np.int32).reshape(-1, 2),
        combined=np.concatenate([np.zeros(0, np.int32), *(one.pixels.ravel() for one in candidates.sets)]),
        packed_sets=np.packbits(flipping[candidates.num_single :]),
        **dataclasses.asdict(audit),
    )


def _placed(grid: Grid, values: np.ndarray, empty: Any) -> np.ndarray:
    """Values [M] where they belong in [H, W]; `empty` elsewhere."""
    whole = np.full(grid.image_shape[:2], empty, values.dtype)
    whole[grid.positions[:, 1], grid.positions[:, 0]] = values
    return whole


def _lowest(candidates: Candidates, values: np.ndarray, tried: np.ndarray) -> np.ndarray:
    """The lowest value [size] of what was tried at each position, float32 [M]."""
    # A candidate without finite logits is far from any change.
    known = np.where(tried, np.nan_to_num(values, nan=np.inf), np.inf).astype(np.float32)
    return _least(candidates, known)


def _least(candidates: Candidates, values: np.ndarray) -> np.ndarray:
    """The lowest value [size] of all candidates that have a pixel at each position, [M]."""
    num_values = len(candidates.scope.grid.values)
    lowest = values[: candidates.num_single].reshape(-1, num_values).min(1)
    for numbers, pixels in itertools.islice(candidates.members(), 1, None):
        for column in pixels.T:
            np.minimum.at(lowest, column // num_values, values[numbers])
    return lowest


def _count(candidates: Candidates, chosen: np.ndarray) -> np.ndarray:
    """How many of the chosen candidates, bool [size], have a pixel at each position, int32 [M]."""
    grid = candidates.scope.grid
    count = np.zeros(len(grid.positions), np.int32)
    for numbers, pixels in candidates.members():
        here = pixels[chosen[numbers]].ravel() // len(grid.values)
        count += np.bincount(here, minlength=len(count)).astype(np.int32)
    return count


def _needed(candidates: Candidates, flipping: np.ndarray) -> np.ndarray:
    """Flipping candidates all of whose pixels are needed: none of the smaller sets within them flips, too."""
    needed = flipping.copy()
    smaller: list[np.ndarray] = []
    for numbers, pixels in candidates.members():
        hits = pixels[flipping[numbers]]
        spare = np.zeros(len(hits), bool)
        for count, known in enumerate(smaller, 1):
            for columns in itertools.combinations(range(pixels.shape[1]), count):
                spare |= np.isin(_named(candidates, hits[:, columns]), known)
        needed[numbers.start + np.flatnonzero(flipping[numbers])] = ~spare
        smaller.append(_named(candidates, hits))
    return needed


def _named(candidates: Candidates, pixels: np.ndarray) -> np.ndarray:
    """A number for each set of pixels int32 [B, count], int64 [B]."""
    # Of three pixels it may overflow: no larger set is asked whether it holds them.
    named = np.zeros(len(pixels), np.int64)
    for column in pixels.T:
        named = named * candidates.num_single + column
    return named
