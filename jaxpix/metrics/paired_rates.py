"""How much more often one of two paired attacks succeeds: a difference of rates on the same images."""

import dataclasses
import math

from .paired import PairedComparison, counted
from .rates import Rate, wilson


@dataclasses.dataclass(frozen=True)
class PairedRates(PairedComparison):
    """Two outcomes of each image of a group, and the rates that they make.

    Attributes:
        first, second: the rates, each with its Wilson interval.
        difference: second minus first, -1..1.
        low, high: its 95 % interval (`newcombe`).
    """

    first: Rate
    second: Rate
    difference: float
    low: float
    high: float


def paired_rates(outcomes: list[tuple[bool, bool]]) -> PairedRates:
    """Compare two outcomes of each image; without images, nothing is known (difference NaN, interval -1..1)."""
    pairs = counted(outcomes)
    low, high = newcombe(pairs.both, pairs.only_first, pairs.only_second, pairs.neither)
    return PairedRates(
        **dataclasses.asdict(pairs),
        first=wilson(pairs.both + pairs.only_first, len(outcomes)),
        second=wilson(pairs.both + pairs.only_second, len(outcomes)),
        difference=(pairs.only_second - pairs.only_first) / len(outcomes) if outcomes else math.nan,
        low=low,
        high=high,
    )


def newcombe(both: int, only_first: int, only_second: int, neither: int) -> tuple[float, float]:
    """95 % interval of the second rate minus the first, of paired proportions.

    Newcombe's method 10: the Wilson intervals of the two rates, joined as if squares of their reaches added up, less
    what the two have in common (Newcombe, Improved confidence intervals for the difference between binomial
    proportions based on paired data, Statistics in Medicine 17, 2635-2650, 1998, doi:10.1002/(SICI)1097-0258
    (19981130)17:22<2635::AID-SIM954>3.0.CO;2-C). The interval of nothing is -1..1.
    """
    total = both + only_first + only_second + neither
    if total == 0:
        return -1.0, 1.0
    first, second = wilson(both + only_first, total), wilson(both + only_second, total)
    phi = _correlation(both, only_first, only_second, neither)
    difference = (only_second - only_first) / total
    below = _joined(second.rate - second.low, first.high - first.rate, phi)
    above = _joined(second.high - second.rate, first.rate - first.low, phi)
    return max(-1.0, difference - below), min(1.0, difference + above)


def _joined(one: float, other: float, phi: float) -> float:
    return math.sqrt(max(0.0, one * one - 2 * phi * one * other + other * other))


def _correlation(both: int, only_first: int, only_second: int, neither: int) -> float:
    """Of the two outcomes, corrected for continuity where it is positive; 0 where one of them never varies."""
    margins = (both + only_first) * (only_second + neither) * (both + only_second) * (only_first + neither)
    if margins == 0:
        return 0.0
    total = both + only_first + only_second + neither
    product = both * neither - only_first * only_second
    if product > 0:
        product_corrected = max(product - total / 2, 0.0)
        return product_corrected / math.sqrt(margins)
    return product / math.sqrt(margins)
