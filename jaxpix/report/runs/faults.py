"""What a judgement says of the searches in sentences: what there is to find, and whose fault a failure is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...metrics.rates import wilson
from ..table import pixels_text

if TYPE_CHECKING:
    from .truths import Judgement


def truth_sentence(judgement: Judgement) -> str:
    """How many images can be flipped, and whether that is all that there is."""
    flips = judgement.truth.flips.values()
    rate = wilson(sum(flips), len(flips)).text()
    pixels = pixels_text(judgement.num_pixels)
    if judgement.truth.is_whole:
        return (
            f"Some change of {pixels} flips {rate} of the images, none the others ({judgement.truth.says})."
        )
    return (
        f"Some change of {pixels} is known to flip {rate} of the images ({judgement.truth.says}): candidates that "
        "nobody tried may flip more, so recall may be lower than it is here."
    )


def fault_sentences(judgement: Judgement) -> list[str]:
    """Whose fault failures are: a sentence for all searches of which the same is true."""
    of: dict[tuple[int, int, int], list[str]] = {}
    for one in judgement.searches:
        counts = one.recall.failures, one.recall.images, one.recall.misses
        of.setdefault(counts, []).append(one.name)
    return [_fault(judgement, "; ".join(names), *counts) for counts, names in of.items()]


def _fault(judgement: Judgement, names: str, failures: int, images: int, misses: int) -> str:
    said = f"{names}: failed on {failures:,} of {images:,} images."
    rest = failures - misses
    nothing = "there is no such pixel" if judgement.num_pixels == 1 else "there are no such pixels"
    if not judgement.truth.is_whole:
        nothing = f"none is known among what was tried, which does not mean that {nothing}"
    if not failures:
        return said
    known = "is that" if judgement.truth.is_whole else "is that known to be"
    if not misses:
        return f"{said} On none of them {known} the search's fault: {nothing}."
    if not rest:
        return f"{said} On all of them that is the search's fault."
    return f"{said} On {misses:,} of them that is the search's fault; on the other {rest:,} {nothing}."
