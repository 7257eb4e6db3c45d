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
        sets: of several pixels, what was tried of sets of 2, 3, …; "" where it is single pixels alone.
        is_bound: of some image, sets of some positions or values alone were tried.
    """

    images: int
    candidates: int
    reevaluated: int
    audited: int
    contradictions: int
    is_whole: bool
    sets: str = ""
    is_bound: bool = False

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
        tried = f"{self.candidates:,} candidates of {self.images:,} images, {asked}"
        if self.is_bound:
            return (
                f"a lower bound, float32, audited: single pixels, and {self.sets}; other sets were not tried and may "
                f"be adversarial: {tried}"
            )
        together = f", each alone and in {self.sets}" if self.sets else ""
        return f"complete over {kind}{together}, float32, audited: {tried}"

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
    images, reevaluated, audited, contradictions, is_whole, is_bound = 0, 0, 0, 0, True, False
    sets: dict[str, None] = {}
    for one in maps:
        images += 1
        reevaluated += one.reevaluated
        audited += one.audited
        contradictions += one.contradictions
        is_whole &= one.is_whole
        is_bound |= one.is_bound
        if said := sets_text(one):
            sets[said] = None
    return Coverage(
        images,
        candidates,
        reevaluated,
        audited,
        contradictions,
        is_whole and images > 0,
        "; or ".join(sets),
        is_bound,
    )


def sets_text(maps: SweepMaps) -> str:
    """What was tried of sets of several pixels: "sets of 2"; "" for single pixels."""
    every = (len(maps.positions), len(maps.values))
    said = []
    for count, (positions, values) in enumerate(maps.together.tolist(), 2):
        some = "" if positions == every[0] else f" those of the {positions:,} worst of {every[0]:,} positions"
        if values != every[1]:
            some += f"{' those' * (not some)} with the {values} worst of {every[1]:,} values each"
        said.append(f"of sets of {count}{some}" if some else f"all sets of {count}")
    if not maps.is_bound:
        return f"sets of {' and '.join(str(count) for count in range(2, len(said) + 2))}" if said else ""
    return ", ".join(said)
