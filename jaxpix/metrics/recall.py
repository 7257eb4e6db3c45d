"""A search against the truth: how many of the images that can be flipped it finds, and with how many queries."""

from __future__ import annotations

import dataclasses
import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from ..config import TRAJECTORY_POINTS
from ..errors import InputError
from .queries import CurvePoint
from .rates import Rate, wilson

if TYPE_CHECKING:
    from ..records.record import Record

BUDGETS = (100, 1_000, 10_100)
"""Queries at which searches are compared: a generation of the paper's, ten, and all that it has."""


@dataclasses.dataclass(frozen=True)
class Truth:
    """What there is to find on some images.

    Attributes:
        says: for people, where it comes from.
        flips: image id -> whether any candidate flips its label.
        lowest: image id -> the lowest margin that any candidate reaches, in log-odds; None: unknown.
        is_whole: nothing was left out, so that a search cannot find more.
    """

    says: str
    flips: Mapping[str, bool]
    lowest: Mapping[str, float | None]
    is_whole: bool

    @property
    def flipped(self) -> tuple[str, ...]:
        """Ids of the images that some candidate flips."""
        return tuple(name for name, flips in self.flips.items() if flips)


def truth_of(records: Sequence[Record], *, is_whole: bool) -> Truth:
    """The truth that an exhaustive search has found.

    Args:
        records: of an exhaustive run.
        is_whole: it tried every value at every position.

    Raises:
        InputError: another search wrote some record.
    """
    for record in records:
        if record.exhaustive_flips is None:
            raise InputError(
                f"expected the records of an exhaustive search, got that of {record.image_id!r} by {record.preset}"
            )
    name = records[0].preset if records else "exhaustive"
    return Truth(
        f"{name}, complete" if is_whole else f"{name}, or found by a search: a lower bound",
        {record.image_id: bool(record.exhaustive_flips) for record in records},
        {record.image_id: margin_of(record) for record in records},
        is_whole,
    )


def union_of(searches: Mapping[str, Sequence[Record]]) -> Truth:
    """What any of several searches has found: less than there is, where no exhaustive search is to be had."""
    ids = [record.image_id for records in searches.values() for record in records]
    says = "found by any of these searches: a lower bound"
    nothing = Truth(says, dict.fromkeys(ids, False), dict.fromkeys(ids), is_whole=False)
    return widened(nothing, searches)


def widened(truth: Truth, searches: Mapping[str, Sequence[Record]]) -> Truth:
    """The truth, and what searches have found besides on the same images; a whole one stays as it is."""
    if truth.is_whole:
        return truth
    flips, lowest = dict(truth.flips), dict(truth.lowest)
    for record in (record for records in searches.values() for record in records):
        name = record.image_id
        if name in flips:
            flips[name] = flips[name] or record.success
            known = [margin for margin in (lowest[name], margin_of(record)) if margin is not None]
            lowest[name] = min(known, default=None)
    return dataclasses.replace(truth, flips=flips, lowest=lowest)


@dataclasses.dataclass(frozen=True)
class AtBudget:
    """Where a search stands after so many queries.

    Attributes:
        queries: as many.
        recall: images that it has found, of those that are there.
        median_regret: of those that it never finds, how far its best margin was above the lowest one, in log-odds;
            None: there are none, or margins are not known (a saturated confidence, another fitness).
    """

    queries: int
    recall: Rate
    median_regret: float | None


@dataclasses.dataclass(frozen=True)
class Recall:
    """One search against the truth.

    Attributes:
        images: that it attacked.
        existing: share of these whose label some candidate flips.
        misses: images that it did not find although they are there.
        median_regret, largest_regret: of the misses, how far its best margin stayed above the lowest one.
        at: recall by queries.
        curve: recall by queries, a step for each find.
    """

    images: int
    existing: Rate
    misses: int
    median_regret: float | None
    largest_regret: float | None
    at: tuple[AtBudget, ...]
    curve: tuple[CurvePoint, ...]

    @property
    def found(self) -> int:
        """Images that it flipped."""
        return self.existing.successes - self.misses

    @property
    def failures(self) -> int:
        """Images that it did not flip, whether or not anything does."""
        return self.images - self.found

    @property
    def regret_text(self) -> str:
        """The median and the largest regret, for people; a dash where none is known."""
        if self.median_regret is None or self.largest_regret is None:
            return "–"
        return f"{self.median_regret:.2f}, {self.largest_regret:.2f}"


def recall_of(truth: Truth, records: Sequence[Record], budgets: Sequence[int] = BUDGETS) -> Recall:
    """How much of the truth a search has found.

    Args:
        truth: of all images of the records.
        records: of one search.
        budgets: queries.

    Raises:
        InputError: the truth knows an image not, or a search has found what by the whole truth does not exist.
    """
    for record in records:
        _check(truth, record)
    existing = [record for record in records if truth.flips[record.image_id] or record.success]
    # A success that the search itself did not notice counts from its end.
    needed = sorted(record.queries_to_first_hit or record.queries for record in existing if record.success)

    def within(queries: int) -> Rate:
        return wilson(sum(one <= queries for one in needed), len(existing))

    def at(queries: int) -> AtBudget:
        regrets = _regrets(truth, misses, lambda record: _margin_after(record, queries))
        return AtBudget(queries, within(queries), _median(regrets))

    misses = [record for record in existing if not record.success]
    regrets = _regrets(truth, misses, margin_of)
    return Recall(
        len(records),
        wilson(len(existing), len(records)),
        len(misses),
        _median(regrets),
        max(regrets, default=None),
        tuple(map(at, budgets)),
        tuple(
            CurvePoint(queries, within(queries))
            for queries in sorted({0, *needed, *budgets})
            if queries <= max(budgets)
        ),
    )


def _check(truth: Truth, record: Record) -> None:
    if record.image_id not in truth.flips:
        raise InputError(
            f"{record.preset} attacked {record.image_id!r}, of which the truth ({truth.says}) says nothing: give "
            "both the same images"
        )
    if truth.is_whole and record.success and not truth.flips[record.image_id]:
        raise InputError(
            f"{record.preset} flips {record.image_id!r}, which by the whole truth no candidate does: the victim, the "
            "image or the target is another one, or the exhaustive search is wrong"
        )


def _median(regrets: Sequence[float]) -> float | None:
    return statistics.median(regrets) if regrets else None


def _regrets(
    truth: Truth, misses: Sequence[Record], reached: Callable[[Record], float | None]
) -> list[float]:
    """How far the margins that were reached stayed above the lowest ones, where both are known."""
    margins = [(reached(record), truth.lowest[record.image_id]) for record in misses]
    return [margin - lowest for margin, lowest in margins if margin is not None and lowest is not None]


def _margin_after(record: Record, queries: int) -> float | None:
    """The best margin after so many queries of a search that spent all its generations."""
    population = record.queries // (1 + record.generations)
    # A trajectory has a value after every generation, or after every second, third, … of them, and after the last.
    stride = max(1, math.ceil(record.generations / (TRAJECTORY_POINTS - 1)))
    point = (queries // population - 1) // stride
    if not record.trajectory or point < 0:
        return None
    return _as_margin(record, record.trajectory[min(point, len(record.trajectory) - 1)])


def margin_of(record: Record) -> float | None:
    """The margin of the returned candidate, lower is better, in log-odds; None where it cannot be known.

    A multiclass confidence is turned into its log-odds, which are the margin.
    """
    return _as_margin(record, record.best_fitness)


def _as_margin(record: Record, fitness: float) -> float | None:
    if record.fitness == "margin":
        return fitness if math.isfinite(fitness) else None
    if record.fitness != "confidence" or record.task != "multiclass":
        return None
    sign = 1.0 if record.target is None else -1.0
    confidence = sign * fitness
    if not 0.0 < confidence < 1.0:
        return None
    return sign * math.log(confidence / (1.0 - confidence))
