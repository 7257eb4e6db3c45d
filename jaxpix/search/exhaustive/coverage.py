"""What all images of an exhaustive search add up to: how much was tried, and whether it may be called complete."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ...records.maps import SweepMaps


@dataclasses.dataclass(frozen=True)
class Coverage:
    """Sums over images.

    Attributes:
        images: how many.
        candidates: that differ from their image.
        reevaluated, audited, contradictions: see `Audit`.
        is_whole: every 8-bit value of every position was tried.
    """

    images: int
    candidates: int
    reevaluated: int
    audited: int
    contradictions: int
    is_whole: bool

    @property
    def text(self) -> str:
        """A sentence without its full stop."""
        kind = "8-bit values" if self.is_whole else "the values and positions that were tried"
        asked = f"{self.reevaluated:,} near the boundary evaluated again, {self.audited:,} others audited at random"
        if self.contradictions:
            return (
                f"not complete: {self.contradictions:,} contradictions between the search and the dense float32 "
                f"victim ({asked}); search with precision float32, or evaluator dense"
            )
        tried = f"{self.candidates:,} candidates of {self.images:,} images"
        return f"complete over {kind}, float32, audited: {tried}, {asked}"

    @property
    def sentence(self) -> str:
        """The same with a capital and its full stop."""
        return f"{self.text[0].upper()}{self.text[1:]}."


def coverage_of(maps: Iterable[SweepMaps], candidates: int) -> Coverage:
    """Sums of maps, one at a time.

    Args:
        maps: of each image.
        candidates: queries of all images.
    """
    images, reevaluated, audited, contradictions, is_whole = 0, 0, 0, 0, True
    for one in maps:
        images += 1
        reevaluated += one.reevaluated
        audited += one.audited
        contradictions += one.contradictions
        is_whole &= one.is_whole
    return Coverage(images, candidates, reevaluated, audited, contradictions, is_whole and images > 0)
