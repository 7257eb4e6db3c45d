"""Two attacks on the same images: which of them succeeds more often."""

import dataclasses
from collections.abc import Iterable, Sequence

from ..records.record import Record


@dataclasses.dataclass(frozen=True)
class PairedComparison:
    """Outcomes of two attacks, image by image.

    Attributes:
        both, neither: images on which both succeeded, or none.
        only_first, only_second: images on which one succeeded alone (the discordant pairs).
        p_value: exact two-sided McNemar test of "both succeed equally often"; 1 without discordant pairs.
    """

    both: int
    neither: int
    only_first: int
    only_second: int
    p_value: float

    @property
    def pairs(self) -> int:
        """Images that both attacks tried."""
        return self.both + self.neither + self.only_first + self.only_second


def mcnemar(only_first: int, only_second: int) -> float:
    """Exact two-sided p-value of McNemar's test, from the discordant counts.

    Under equal success each discordant pair falls either way like a fair coin.
    """
    from scipy.stats import binomtest

    flips = only_first + only_second
    return float(binomtest(only_first, flips).pvalue) if flips else 1.0


def counted(outcomes: Sequence[tuple[bool, bool]]) -> PairedComparison:
    """Count the two outcomes of each image."""
    only_first, only_second = outcomes.count((True, False)), outcomes.count((False, True))
    return PairedComparison(
        both=outcomes.count((True, True)),
        neither=outcomes.count((False, False)),
        only_first=only_first,
        only_second=only_second,
        p_value=mcnemar(only_first, only_second),
    )


def compare(first: Sequence[Record], second: Sequence[Record]) -> PairedComparison:
    """Compare two attacks on the images that both tried, matched by image id.

    Raises:
        ValueError: an image occurs twice in one of them.
    """
    one, other = _by_image(first), _by_image(second)
    return counted([(one[image_id], other[image_id]) for image_id in one if image_id in other])


def _by_image(records: Iterable[Record]) -> dict[str, bool]:
    successes: dict[str, bool] = {}
    for record in records:
        if record.image_id in successes:
            raise ValueError(f"expected each image once, got {record.image_id!r} twice")
        successes[record.image_id] = record.success
    return successes
