"""Shares with their uncertainty: success (5), and the confidence that successes reach (8)."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from ..records.record import Record

Item = TypeVar("Item")
Key = TypeVar("Key", bound=Hashable)


@dataclasses.dataclass(frozen=True)
class Rate:
    """A share of n experiments with its Wilson 95 % interval; all in 0..1."""

    successes: int
    experiments: int
    rate: float
    low: float
    high: float

    def text(self, asked: int | None = None) -> str:
        """`41 % (31–51), 41/100`; an asterisk marks fewer experiments than asked (paper, section 5)."""
        if self.experiments == 0:
            return "– (0/0)"
        star = "*" if asked is not None and self.experiments < asked else ""
        return (
            f"{100 * self.rate:.1f} %{star} ({100 * self.low:.1f}–{100 * self.high:.1f}), "
            f"{self.successes}/{self.experiments}"
        )


@functools.cache
def wilson(successes: int, experiments: int) -> Rate:
    """Success rate (5) with the Wilson score interval; the interval of nothing is 0..1.

    Raises:
        ValueError: not 0 <= successes <= experiments.
    """
    if not 0 <= successes <= experiments:
        raise ValueError(f"expected 0 <= successes <= experiments, got {successes} of {experiments}")
    if experiments == 0:
        return Rate(0, 0, math.nan, 0.0, 1.0)
    # Half a second to import, for which help and a refused option need not wait.
    from scipy.stats import binomtest

    rate = successes / experiments
    # The interval does not depend on the hypothesis; of this one the test costs least.
    interval = binomtest(successes, experiments, rate).proportion_ci(method="wilson")
    return Rate(successes, experiments, rate, float(interval.low), float(interval.high))


def footnote(*asked: int | None) -> str:
    """What the asterisk of `Rate.text` says below a table, of the numbers that were asked for (None: of all)."""
    numbers = sorted({number for number in asked if number is not None})
    return f"fewer than {' or '.join(map(str, numbers))} correctly classified image{'s' * (numbers != [1])}"


def success_rate(records: Sequence[Record]) -> Rate:
    """Success rate (5) over all records."""
    return wilson(sum(record.success for record in records), len(records))


def by_original(records: Sequence[Record]) -> dict[tuple[str, ...], list[Record]]:
    """Records grouped by the label before the attack, in order of first appearance."""
    return grouped(records, lambda record: tuple(record.label_before))


def grouped(items: Iterable[Item], key: Callable[[Item], Key]) -> dict[Key, list[Item]]:
    """Items by what `key` says of each, in order of first appearance."""
    groups: dict[Key, list[Item]] = {}
    for item in items:
        groups.setdefault(key(item), []).append(item)
    return groups


def reached_confidence(record: Record) -> float | None:
    """Confidence of the class that a multiclass success reached; None for failures and label sets.

    A label set has no single confidence, and "Normal" has none at all (paper, section 5).
    """
    if not record.success or record.task != "multiclass":
        return None
    return record.confidences_after[record.class_names.index(record.label_after[0])]


def average_confidence(records: Sequence[Record]) -> float | None:
    """AvgCL (8): mean confidence of the target, or else the resulting, class over the successes; 0..1."""
    reached = [value for value in map(reached_confidence, records) if value is not None]
    return sum(reached) / len(reached) if reached else None


def null_control_failures(records: Sequence[Record]) -> int:
    """How many untouched images change their label merely by being saved and read back."""
    return sum(not record.null_control for record in records)
