"""How many candidates an attack evaluates before it succeeds."""

import bisect
import dataclasses
import math
import statistics
from collections.abc import Sequence

from ..records.record import Record
from .rates import Rate, wilson


def queries_to_first_hit(records: Sequence[Record]) -> list[int]:
    """Candidates up to the first adversarial one, of every success that the search itself noticed.

    An exhaustive search has none: where in its order something stands means nothing.
    """
    return [
        record.queries_to_first_hit
        for record in records
        if record.success and record.queries_to_first_hit is not None and record.exhaustive_flips is None
    ]


def mean_queries_to_first_hit(records: Sequence[Record]) -> float | None:
    """Mean number of candidates up to the first adversarial one, over the successes; None without any."""
    queries = queries_to_first_hit(records)
    return statistics.fmean(queries) if queries else None


def median_queries_to_first_hit(records: Sequence[Record]) -> float | None:
    """Median number of candidates up to the first adversarial one, over the successes; None without any."""
    queries = queries_to_first_hit(records)
    return float(statistics.median(queries)) if queries else None


def median_interval(records: Sequence[Record]) -> tuple[float, float] | None:
    """95 % interval of that median, from order statistics; None of fewer than six successes, which allow none."""
    from scipy.stats import quantile_test

    queries = queries_to_first_hit(records)
    if not queries:
        return None
    interval = quantile_test(queries, p=0.5).confidence_interval(0.95)
    return None if math.isnan(interval.low + interval.high) else (float(interval.low), float(interval.high))


@dataclasses.dataclass(frozen=True)
class CurvePoint:
    """Success rate that is reached when every experiment may evaluate this many candidates."""

    queries: int
    rate: Rate


def steps_of(points: Sequence[CurvePoint], *, with_band: bool = True) -> dict[str, list[float]]:
    """What a curve is drawn from: queries as `x`, rates as `y`, their intervals, if wanted, as `low` and `high`."""
    rates = [point.rate.rate for point in points]
    return {
        "x": [point.queries for point in points],
        "y": rates,
        "low": [point.rate.low for point in points] if with_band else rates,
        "high": [point.rate.high for point in points] if with_band else rates,
    }


def success_curve(records: Sequence[Record]) -> list[CurvePoint]:
    """Success rate (5) against queries: a step per number of queries at which something succeeded.

    The first point is at 0 queries, the last at the most that any experiment evaluated; none of no records.
    A success that the search itself did not notice counts from the end of its experiment. Exhaustive searches have
    no curve: their order means nothing.
    """
    if not records or any(record.exhaustive_flips is not None for record in records):
        return []
    needed = sorted(record.queries_to_first_hit or record.queries for record in records if record.success)
    steps = sorted({0, *needed, max(record.queries for record in records)})
    return [CurvePoint(step, wilson(bisect.bisect_right(needed, step), len(records))) for step in steps]
