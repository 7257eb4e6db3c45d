"""What a report's numbers do not say, in words for its first screen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from ..runs.evidence import NOTHING
from ..table import pixels_text

if TYPE_CHECKING:
    from ...records.record import Record
    from ..runs.evidence import Evidence
    from ..runs.series import Series

_SEARCHED = (
    "Where a search found nothing, a longer or a different one may still find something, so the counts are lower "
    "bounds for these images."
)
_SWEPT = (
    "An exhaustive search tried every candidate that its table names: where it found nothing, none of those is "
    "adversarial. It says nothing of other values, of other sets of pixels, of more pixels or of other images."
)
_BOUNDED = (
    "What searches are held against is not all that there is: some candidates were tried by none of them, so recall "
    "may be lower than it is said to be."
)
_DEFENDED = (
    "The worst case of a defence is that of the attacks it was measured with: a stronger one can break more, and a "
    "check that passed does not exclude it."
)


class Limits(NamedTuple):
    """What the numbers do not say: in a few words, and of searches that found nothing in sentences."""

    short: str
    text: str


def limits_of(all_series: Sequence[Series], shown: Record, evidence: Evidence = NOTHING) -> Limits:
    """The limits of some attacks, whose page begins with the record `shown`, and of what is known beside them."""
    kinds = {series.first.exhaustive_flips is not None for series in all_series}
    texts = [text for kind, text in ((False, _SEARCHED), (True, _SWEPT)) if kind in kinds]
    if any(not one.truth.is_whole for one in evidence.judgements):
        texts.append(_BOUNDED)
    if evidence.measurements:
        texts.append(_DEFENDED)
    if not shown.success:
        return Limits("“none found” is not “robust”", " ".join(texts))
    is_bound = False in kinds or any("lower bound" in series.first.preset for series in all_series)
    bounds = "lower bounds, these images only" if is_bound else "these candidates, these images only"
    return Limits(bounds, " ".join(texts))


def meaning_of_a_miss(record: Record) -> str:
    """What it means that nothing succeeded on the image that the page begins with."""
    if record.exhaustive_flips is not None:
        sets = ", of other sets of pixels" * (record.num_pixels > 1)
        return (
            f"All {record.queries:,} candidates of {pixels_text(record.num_pixels)} that were tried leave the label "
            f"as it is. It says nothing of other values{sets} or of more pixels."
        )
    return (
        f"It means that {record.queries:,} candidates held none that works on this image. It does not mean that "
        "there is none: a longer or a different search may find one."
    )
