"""Searches held against an exhaustive one, where a report has both of the same images and victim."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from ...metrics.recall import BUDGETS, Truth, recall_of, truth_of, widened
from ..table import pixels_text
from .series import short_names
from .sweeps import coverage_of_series, most_queries

if TYPE_CHECKING:
    from ...metrics.rates import Rate
    from ...metrics.recall import Recall
    from ...records.record import Record
    from .series import Series


@dataclasses.dataclass(frozen=True)
class Judged:
    """One search against the truth.

    Attributes:
        name: its preset, with what else tells it from the others where several have that.
        series: that it is of.
        allowed: candidates that it may evaluate.
        recall: against the truth, of the images that both have.
    """

    name: str
    series: Series
    allowed: int
    recall: Recall

    @property
    def rates(self) -> list[Rate | None]:
        """Recall after each budget of the judgement; None where the search ends before it. The last is at its end."""
        *early, end = self.recall.at
        return [*(at.recall if at.queries <= self.allowed else None for at in early), end.recall]


@dataclasses.dataclass(frozen=True)
class Judgement:
    """All searches of some images against what there is to find on them.

    Attributes:
        sweep: the exhaustive search.
        num_pixels: K.
        truth: what it found; where it left something out, with what the searches found besides.
        searches: at least one.
        denied: images that some search flips although by a whole truth nothing does: one of them is wrong.
    """

    sweep: Series
    num_pixels: int
    truth: Truth
    searches: Sequence[Judged]
    denied: Sequence[str]

    @property
    def title(self) -> str:
        """Data set, victim, number of pixels, and what was tried exhaustively."""
        pixels, tried = pixels_text(self.num_pixels), self.sweep.first.preset
        return f"{self.sweep.dataset['title']}, {self.sweep.victim['name']}, {pixels}, {tried}"

    @property
    def budgets(self) -> list[str]:
        """What `Judged.rates` are after."""
        return [*(f"{at.queries:,} queries" for at in self.searches[0].recall.at[:-1]), "at its end"]

    @property
    def doubts(self) -> list[str]:
        """A sentence where a search and the truth contradict each other."""
        if not self.denied:
            return []
        return [
            f"{self.title}: searches flip {len(self.denied):,} images of which the exhaustive search says that no "
            f"candidate does ({', '.join(self.denied[:3])}): the images, the victim or one of the searches is "
            "another one than the run folders say. What was found counts as existing."
        ]


def judgements_of(all_series: Sequence[Series]) -> list[Judgement]:
    """Each exhaustive search that others can be held against, with these; of several the one that tried most."""
    groups: dict[tuple[object, ...], list[Series]] = {}
    for series in all_series:
        for key in dict.fromkeys(_aims(series)):
            groups.setdefault(key, []).append(series)
    found = []
    for (num_pixels, target, *_), group in groups.items():
        sweeps = [series for series in group if series.first.exhaustive_flips is not None]
        others = [series for series in group if series.first.exhaustive_flips is None]
        if sweeps and others:
            sweep = max(sweeps, key=most_queries)
            found.append(_judged(sweep, others, num_pixels, target))
    return [one for one in found if one is not None]


def _aims(series: Series) -> Iterator[tuple[object, ...]]:
    """What must be the same of a search and its truth: pixels, target, images, victim."""
    # The number of channels follows from the others, unless somebody has made these folders up.
    images = (*series.images, series.dataset["channels"])
    for attack in series.attacks:
        yield (attack.num_pixels, attack.target, *images, attack.data_fingerprint, series.victim["id"])


def _judged(sweep: Series, others: Sequence[Series], num_pixels: object, target: object) -> Judgement | None:
    assert isinstance(num_pixels, int), "the first of what _aims gives"
    swept = _records(sweep, num_pixels, target)
    tried = {
        series.key: [one for name, one in _records(series, num_pixels, target).items() if name in swept]
        for series in others
    }
    there = [series for series in others if tried[series.key]]
    if not there:
        return None
    coverage = coverage_of_series(sweep)
    is_whole = coverage.is_whole and not coverage.contradictions and coverage.images == len(swept)
    truth = truth_of(list(swept.values()), is_whole=is_whole)
    hits = {one.image_id for records in tried.values() for one in records if one.success}
    denied = sorted(name for name in hits if truth.is_whole and not truth.flips[name])
    if denied:
        says = f"{sweep.first.preset}, contradicted: a lower bound"
        truth = dataclasses.replace(truth, says=says, is_whole=False)
    truth = widened(truth, tried)
    longest = max(max(most_queries(series), *(one.queries for one in tried[series.key])) for series in there)
    budgets = [*(one for one in BUDGETS if one < longest), longest]
    searches = [
        Judged(name, series, most_queries(series), recall_of(truth, tried[series.key], budgets))
        for series, name in zip(there, _names(there), strict=True)
    ]
    return Judgement(sweep, num_pixels, truth, searches, denied)


def _records(series: Series, num_pixels: int, target: object) -> Mapping[str, Record]:
    return {
        record.image_id: record
        for attack in series.attacks
        if attack.num_pixels == num_pixels and attack.target == target
        for record in attack.records
    }


def _names(group: Sequence[Series]) -> list[str]:
    presets = [series.first.preset for series in group]
    return [
        preset if presets.count(preset) == 1 else f"{preset}, {short}"
        for preset, short in zip(presets, short_names(group), strict=True)
    ]
