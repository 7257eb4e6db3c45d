"""What was found, in words that need no knowledge of the method; the dangerous direction first."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING

from ...labels import label_text
from ...metrics.rates import Rate, success_rate, wilson
from ...metrics.transformations import Label, conversions, dangerous_rate, is_normal, knows_normal
from ...records.record import Record

if TYPE_CHECKING:
    from ..runs.series import Series


@dataclasses.dataclass(frozen=True)
class Headline:
    """One sentence.

    Attributes:
        plain: the sentence with counts, without its full stop.
        rate: what it states.
        num_pixels: K.
        is_dangerous: it tells of diseased images that are called normal (paper, 6.2).
    """

    plain: str
    rate: Rate
    num_pixels: int
    is_dangerous: bool
    aim: str = ""

    @property
    def text(self) -> str:
        """The sentence, with counts and interval."""
        return f"{self.plain} ({interval_text(self.rate)}).{self.aim}"


@dataclasses.dataclass(frozen=True)
class _Told:
    """What one sentence is about: experiments with K pixels and one target (None: untargeted)."""

    records: list[Record]
    num_pixels: int
    target: Label | None
    kind: str

    @property
    def pixels(self) -> str:
        """`one pixel`, `two pixels`, `three pixels`, then figures."""
        words = {1: "one", 2: "two", 3: "three"}
        return f"{words.get(self.num_pixels, self.num_pixels)} pixel{'s' * (self.num_pixels != 1)}"


def headlines_of(series: Series) -> list[Headline]:
    """Sentences on one series: disease called normal, then normal called diseased, then any change of label."""
    found = []
    for sentence in (_disease_to_normal, _normal_to_disease, _any_change):
        found += _told_of(series, sentence)
    return found


def _told_of(series: Series, sentence: Callable[[_Told], Headline | None]) -> list[Headline]:
    kind = "synthetic " if series.is_synthetic else ""
    found: list[tuple[_Told, Headline]] = []
    for num_pixels in series.num_pixels:
        for target, aims in series.by_target().items():
            told = _Told(series.records(num_pixels, aims), num_pixels, target, kind)
            headline = sentence(told) if told.records else None
            if headline:
                found.append((told, headline))
    pixels = [told.num_pixels for told, _ in found]
    return [
        _with_aim(headline, told.target) if pixels.count(told.num_pixels) > 1 else headline
        for told, headline in found
    ]


def _with_aim(headline: Headline, target: Label | None) -> Headline:
    aim = "any other label" if target is None else label_text(target)
    return dataclasses.replace(headline, aim=f" The search aimed at {aim}.")


def _disease_to_normal(told: _Told) -> Headline | None:
    attacked = _attacked(told, from_normal=False)
    if not attacked or (told.target is not None and not is_normal(told.target, attacked[0])):
        return None
    labels = {tuple(record.label_before) for record in attacked}
    what = label_text(next(iter(labels))) if len(labels) == 1 else "diseased"
    return _called(told, dangerous_rate(attacked), what, "normal", is_dangerous=True)


def _normal_to_disease(told: _Told) -> Headline | None:
    attacked = _attacked(told, from_normal=True)
    if not attacked or (told.target is not None and is_normal(told.target, attacked[0])):
        return None
    rate = wilson(conversions(attacked).normal_to_disease, len(attacked))
    return _called(told, rate, "normal", "diseased", is_dangerous=False)


def _attacked(told: _Told, *, from_normal: bool) -> list[Record]:
    if not knows_normal(told.records):
        return []
    return [record for record in told.records if is_normal(record.label_before, record) == from_normal]


def _any_change(told: _Told) -> Headline | None:
    first = told.records[0]
    if knows_normal(told.records):
        is_to_normal = told.target is not None and is_normal(told.target, first)
        if is_to_normal or (first.task == "multiclass" and len(first.class_names) == 2):
            # Every success is of the kinds that were told already.
            return None
    rate = success_rate(told.records)
    aim = "" if told.target is None else f" to {label_text(told.target)}"
    images = f"{rate.successes:,} of {rate.experiments:,} {told.kind}images"
    text = f"Changing {told.pixels} changed the label of {images}{aim}"
    if not rate.successes:
        images = f"{rate.experiments:,} {told.kind}images"
        text = f"No change of {told.pixels} was found that changed the label of any of {images}{aim}"
    return Headline(text, rate, told.num_pixels, False)


def _called(told: _Told, rate: Rate, what: str, called: str, *, is_dangerous: bool) -> Headline:
    images = f"{rate.experiments:,} {told.kind}{what} images {called}"
    if rate.successes:
        text = f"Changing {told.pixels} made the classifier call {rate.successes:,} of {images}"
    else:
        text = f"No change of {told.pixels} was found that made the classifier call any of {images}"
    return Headline(text, rate, told.num_pixels, is_dangerous)


def interval_text(rate: Rate) -> str:
    """`95 % interval 31–51 %`."""
    low, high = (f"{100 * limit:.1f}".removesuffix(".0") for limit in (rate.low, rate.high))
    return f"95 % interval {low}–{high} %"
