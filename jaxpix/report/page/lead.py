"""The first screen: one picture, one sentence, three figures, and what was attacked."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...metrics.failures import certainty, distance
from ...metrics.queries import median_interval
from ...metrics.rates import Rate
from ...records.record import Record
from ..runs.scores import own_score
from ..table import number_text, pixels_text
from .cards import TO_NORMAL, card_of, direction_of
from .headline import Headline, headlines_of, interval_text

if TYPE_CHECKING:
    from ..runs.series import Series

_SIDE, _EXACT_UP_TO = 512, 256
MOST_TRIED, _MOST_CLASSES = 20, 4


@dataclasses.dataclass(frozen=True)
class Figure:
    """One number of the first screen.

    Attributes:
        term: what it is.
        value: the number with its unit.
        interval: how sure it is.
        count: of how many.
        is_dangerous: it counts diseased images that are called normal.
    """

    term: str
    value: str
    interval: str
    count: str
    is_dangerous: bool = False


@dataclasses.dataclass(frozen=True)
class Lead:
    """What the page begins with.

    Attributes:
        series: the attack that it is of.
        record: the most dangerous success, or else the nearest miss.
        folder: its run folder.
        card: the same as `card_of` gives it, with a large picture.
        verdict: one sentence.
        attacked: what was attacked, in one line.
        figures: at most three.
    """

    series: Series
    record: Record
    folder: Path
    card: dict[str, Any]
    verdict: str
    is_dangerous: bool
    attacked: str
    figures: list[Figure]

    @property
    def confidences(self) -> list[tuple[str, float, float]]:
        """The classes that matter most: name, confidence before and after, 0..1."""
        record = self.record
        rows = list(zip(record.class_names, record.confidences_before, record.confidences_after, strict=True))
        most = sorted(rows, key=lambda row: -max(row[1:]))[:_MOST_CLASSES]
        return [row for row in rows if row in most]

    @property
    def fall(self) -> str:
        """How far the certainty of the own label fell."""
        before, after = (
            certainty(self.record, values)
            for values in (self.record.confidences_before, self.record.confidences_after)
        )
        return f"{'fell' if after < before else 'went'} from {100 * before:.1f} % to {100 * after:.1f} %"


def lead_of(all_series: Sequence[Series]) -> Lead:
    """The success that frightens most: disease called normal first, then the surest; or else the nearest miss.

    One whose picture is missing is passed over, unless all are.
    """
    ranked = most_telling(all_series)
    # Of very many in which no picture is left, the first few tell that.
    found = ranked[0]
    card: dict[str, Any] = {}
    for found in [*ranked[:MOST_TRIED], ranked[0]]:
        series, folder, record = found
        card = card_of(0, folder, record, _SIDE, _EXACT_UP_TO)
        if card["image"] is not None:
            break
    series, folder, record = found
    headline = headline_of(series, record)
    return Lead(
        series,
        record,
        folder,
        card,
        f"{headline.plain}.",
        headline.is_dangerous and headline.rate.successes > 0,
        _attacked(series, record.num_pixels),
        figures_of(series, record.num_pixels),
    )


def most_telling(all_series: Sequence[Series]) -> list[tuple[Series, Path, Record]]:
    """All experiments with their run folders: disease called normal, the other successes, each the surest first, and
    then the failures, the nearest miss first."""
    found = [
        (series, attack.folder, record)
        for series in all_series
        for attack in series.attacks
        for record in attack.records
    ]
    return sorted(found, key=lambda one: _rank(one[2]))


def _rank(record: Record) -> tuple[Any, ...]:
    if not record.success:
        return (2, distance(record), record.num_pixels, record.image_id)
    sure = certainty(record, record.confidences_after, record.label_after)
    return (direction_of(record) != TO_NORMAL, -sure, record.num_pixels, record.image_id)


def headline_of(series: Series, record: Record) -> Headline:
    """The sentence on attacks like this one: the first that tells of successes, if it is one."""
    told = [one for one in headlines_of(series) if one.num_pixels == record.num_pixels]
    return next((one for one in told if one.rate.successes or not record.success), told[0])


def figures_of(series: Series, num_pixels: int) -> list[Figure]:
    """Disease called normal, success, and median queries, with their intervals, of all attacks with K pixels."""
    found = []
    dangerous = series.dangerous(num_pixels)
    if dangerous is not None:
        found.append(Figure("disease called normal", *_shown(dangerous), dangerous.successes > 0))
    cell = series.cell(num_pixels)
    assert cell is not None, f"{series.key} has no attack with {num_pixels} pixels"
    found.append(Figure("label changed", *_shown(cell.success)))
    median, interval = cell.median_to_hit, median_interval(cell.records)
    if median is not None:
        limits = (
            f"95 % interval {interval[0]:,.0f}–{interval[1]:,.0f}" if interval else "too few for an interval"
        )
        count = f"{cell.success.successes:,} success{'es' * (cell.success.successes != 1)}"
        found.append(Figure("median queries to a hit", number_text(median), limits, count))
    return found


def _shown(rate: Rate) -> tuple[str, str, str]:
    value = "–" if not rate.experiments else f"{100 * rate.rate:.1f}".removesuffix(".0") + " %"
    return value, interval_text(rate), f"{rate.successes:,} of {rate.experiments:,} images"


def _attacked(series: Series, num_pixels: int) -> str:
    cell = series.cell(num_pixels)
    count = len(cell.records) if cell else 0
    images = f"{count:,} image{'s' * (count != 1)} that it classifies correctly"
    score = own_score(series.victim["test_metrics"])
    victim = f"{series.victim['name']} ({score})"
    return f"{victim} on {series.dataset['title']}: {pixels_text(num_pixels)}, {images}"
