"""Searches held against the truth, as a part of the page: what is said first, a figure, and a row for each search."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ...metrics.queries import steps_of
from ...pictures.plots import Curve, draw_steps
from ..runs.faults import fault_sentences, truth_sentence
from ..table import Chart

if TYPE_CHECKING:
    from ..runs.truths import Judgement

_MOST_BANDS = 3
"""Curves with bands; those of more would lie on one another, and the table has the intervals."""


@dataclasses.dataclass(frozen=True)
class JudgedPart:
    """What the page shows of one judgement: what it is, its sentences, and its figure (None: nothing to find)."""

    judgement: Judgement
    sentences: Sequence[str]
    chart: Chart | None

    @property
    def summary(self) -> str:
        """In a line: how many images can be flipped, and how many of them the searches find."""
        existing = max(one.recall.existing.successes for one in self.judgement.searches)
        found = [one.recall.found for one in self.judgement.searches]
        span = f"{min(found):,}" if min(found) == max(found) else f"{min(found):,} to {max(found):,}"
        of = "can be" if self.judgement.truth.is_whole else "are known to be"
        return f"{existing:,} of {len(self.judgement.truth.flips):,} images {of} flipped; found {span}"


def judged_parts(judgements: Sequence[Judgement], folder: Path) -> list[JudgedPart]:
    """What the page shows of each; draws `folder`/recall-KEY.png."""
    return [
        JudgedPart(
            one,
            [truth_sentence(one), *fault_sentences(one)],
            recall_chart(one, folder / f"recall-{one.sweep.key}-k{one.num_pixels}.png"),
        )
        for one in judgements
    ]


def recall_chart(judgement: Judgement, path: Path) -> Chart | None:
    """Images found, of those that can be flipped, against queries; None where nothing can be."""
    curves, words = {}, []
    for one in judgement.searches:
        if not one.recall.existing.successes:
            continue
        # At its own end a search stops; the budgets of others are beyond it.
        steps = [point for point in one.recall.curve if point.queries <= one.allowed]
        with_band = len(judgement.searches) <= _MOST_BANDS
        curves[one.name] = Curve(**steps_of(steps, with_band=with_band))
        told = zip(judgement.budgets, one.rates, strict=True)
        words.append(f"{one.name}: {', '.join(f'{name} {rate.text()}' for name, rate in told if rate)}")
    if not curves:
        return None
    title = f"Found of the images that {pixels_flip(judgement)}, against queries"
    names = ("queries per image, at most", "recall, 95 % band" if len(curves) <= _MOST_BANDS else "recall")
    drawing = draw_steps(
        path, f"{title}: {judgement.title}", names, curves, judgement.sweep.caution, is_logarithmic=True
    )
    return Chart(path, "Recall against queries", title, "; ".join(words), "", drawing)


def pixels_flip(judgement: Judgement) -> str:
    """`one pixel flips`, `2 pixels flip`."""
    return "one pixel flips" if judgement.num_pixels == 1 else f"{judgement.num_pixels} pixels flip"
