"""From all candidates of an image to maps of its positions."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np

from ...records.maps import SweepMaps

if TYPE_CHECKING:
    from .audit import Audit
    from .grid import Grid
    from .program import Found


def maps_of(
    grid: Grid, found: Found, flips: np.ndarray, changes: np.ndarray, num_classes: int, audit: Audit
) -> SweepMaps:
    """Maps of all candidates of an image.

    Args:
        grid: numbers them.
        found: arrays [M V], corrected by the audit.
        flips: bool [M V].
        changes: int16 [M, V], of `Grid.changes`; 0: not a candidate.
        num_classes: N.
        audit: what was evaluated again.
    """
    shape, tried = changes.shape, changes > 0
    height, width, _ = grid.image_shape
    places = (grid.positions[:, 1], grid.positions[:, 0])

    def placed(values: np.ndarray, empty: Any) -> np.ndarray:
        whole = np.full((height, width), empty, values.dtype)
        whole[places] = values
        return whole

    def lowest(values: np.ndarray) -> np.ndarray:
        # A candidate without finite logits is far from any change.
        finite = np.nan_to_num(values.reshape(shape), nan=np.inf)
        return placed(np.min(finite, 1, where=tried, initial=np.inf).astype(np.float32), np.nan)

    flipping = flips.reshape(shape) & tried
    least = np.min(changes, 1, where=flipping, initial=np.iinfo(np.int16).max)
    reached = np.asarray(found.reached).reshape(shape)[flipping]
    return SweepMaps(
        lowest_distance=lowest(found.distance),
        lowest_confidence=lowest(found.confidence),
        flips=placed(flipping.sum(1, dtype=np.int32), 0),
        smallest_change=placed(np.where(flipping.any(1), least, 0).astype(np.int16), 0),
        packed=np.packbits(flipping, axis=1),
        positions=grid.positions,
        values=grid.values,
        reached=np.bincount(reached, minlength=num_classes).astype(np.int64),
        is_whole=grid.is_whole,
        **dataclasses.asdict(audit),
    )
