"""What exhaustive searches found: whether there is anything to find, and how much (Tajak et al. 2025, ANVP)."""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Sequence
from typing import TYPE_CHECKING

from .rates import Rate, wilson

if TYPE_CHECKING:
    from ..records.record import Record


@dataclasses.dataclass(frozen=True)
class Vulnerable:
    """Of images all of whose candidates were tried.

    Attributes:
        rate: images with any candidate that is adversarial.
        positions: vulnerable positions of an image, the median over all images.
        mean_positions: their mean, the average number of vulnerable pixels.
        pairs: position and value together, the median over all images.
        pairs_share: adversarial candidates among all.
    """

    rate: Rate
    positions: float
    mean_positions: float
    pairs: float
    pairs_share: float


def vulnerable(records: Sequence[Record]) -> Vulnerable | None:
    """Of the records of exhaustive searches among these; None: there is none."""
    swept = [record for record in records if record.exhaustive_flips is not None]
    if not swept:
        return None
    flips = [record.exhaustive_flips or 0 for record in swept]
    positions = [record.exhaustive_positions or 0 for record in swept]
    return Vulnerable(
        wilson(sum(count > 0 for count in flips), len(swept)),
        statistics.median(positions),
        statistics.fmean(positions),
        statistics.median(flips),
        sum(flips) / sum(record.queries for record in swept),
    )
