"""A model card and checklist of a robustness test: 18 items, filled from the records where these know the answer.

`checklist.json` beside this module asks, in words of our own, and says where published guidelines ask for the like.
As a file of a report, `checklist.json` holds

    schema_version  of this layout
    guidelines[]    name, items: numbers in that guideline that this list speaks to
    items[]         number, key, title, asks, references {guideline: item numbers}, is_filled
        answers[]   title (what tells the series from the others; "" for all of them), lines[]
        authors     what no record knows; "" for nothing
"""

from __future__ import annotations

import dataclasses
import functools
import json
from collections.abc import Callable, Mapping, Sequence
from importlib import resources
from typing import TYPE_CHECKING, Any

from ..runs.defences import attacks_of, checked_text, doubts_of, rate_of, title_of
from ..runs.evidence import NOTHING, Evidence
from ..runs.faults import fault_sentences, truth_sentence
from ..runs.series import short_names
from .methods import METHODS
from .results import RESULTS

if TYPE_CHECKING:
    from ..runs.defences import Measurement
    from ..runs.series import Series
    from ..runs.truths import Judgement

SCHEMA_VERSION = 1

_ANSWERS: Mapping[str, Callable[[Series], list[str]]] = {**METHODS, **RESULTS}


@dataclasses.dataclass(frozen=True)
class Answer:
    """What the records say to one item: the series that says it ("": all of them), and its lines."""

    title: str
    lines: Sequence[str]


@dataclasses.dataclass(frozen=True)
class Item:
    """One item.

    Attributes:
        number: from 1.
        key: unique; a safe name.
        title, asks: what it is about, in our own words.
        references: guideline to item numbers.
        answers: from the records; empty where they know nothing.
        authors: what the authors must add; "" for nothing.
    """

    number: int
    key: str
    title: str
    asks: str
    references: Mapping[str, str]
    answers: Sequence[Answer]
    authors: str

    @property
    def is_filled(self) -> bool:
        """The records say something to it."""
        return bool(self.answers)

    @property
    def references_text(self) -> str:
        """`CLAIM 2024: 9; TRIPOD+AI: 12`."""
        return "; ".join(f"{name}: {numbers}" for name, numbers in self.references.items())


@dataclasses.dataclass(frozen=True)
class Checklist:
    """All items, and the guidelines that they speak to, with these guidelines' own item numbers."""

    items: Sequence[Item]
    guidelines: Sequence[Mapping[str, str]]

    @property
    def num_filled(self) -> int:
        """How many items the records say something to."""
        return sum(item.is_filled for item in self.items)

    @property
    def guidelines_text(self) -> str:
        """`CLAIM 2024 (9, …); …`."""
        return "; ".join(f"{one['name']} ({one['items']})" for one in self.guidelines)


def checklist_of(all_series: Sequence[Series], evidence: Evidence = NOTHING) -> Checklist:
    """The checklist of some attacks, and of what is known beside them."""
    asked = _asked()
    across = {
        "exhaustive": [_recall(one) for one in evidence.judgements],
        "defences": [_defences(one) for one in evidence.measurements],
    }
    items = []
    for number, one in enumerate(asked["items"], 1):
        key = one["key"]
        answers = [*_answers(key, all_series), *across.get(key, ())]
        # Here the authors are asked for nothing but what is there.
        authors = "" if answers and key in across else one["authors"]
        items.append(Item(number, key, one["title"], one["asks"], one["references"], answers, authors))
    return Checklist(items, asked["guidelines"])


def _recall(judgement: Judgement) -> Answer:
    ends = (
        f"{one.name}: {one.recall.at[-1].recall.text()} of what there is, found at its end."
        for one in judgement.searches
    )
    return Answer(judgement.title, [truth_sentence(judgement), *ends, *fault_sentences(judgement)])


def _defences(measurement: Measurement) -> Answer:
    lines = [
        f"Attacked by {', '.join(attacks_of(measurement))}, through each defence, and with what was made for the "
        f"victim without it; {measurement['num_attacked_images']:,} images."
    ]
    for row in measurement["variants"]:
        clean, worst = (rate_of(row[name]).text() for name in ("clean_accuracy", "worst_case_accuracy"))
        lines.append(
            f"{row['victim']}, {row['defence']}: worst-case accuracy {worst}; clean accuracy {clean}; checks of the "
            f"evaluation: {checked_text(row)}."
        )
    return Answer(title_of(measurement), [*lines, *(f"{doubt}." for doubt in doubts_of(measurement))])


def _answers(key: str, all_series: Sequence[Series]) -> list[Answer]:
    """What all series say alike, once; then what each says besides."""
    answer = _ANSWERS.get(key)
    if answer is None:
        return []
    told = [(name, answer(series)) for name, series in zip(short_names(all_series), all_series, strict=True)]
    alike = [line for line in told[0][1] if all(line in lines for _, lines in told)]
    titles: dict[tuple[str, ...], list[str]] = {}
    for title, lines in told:
        titles.setdefault(tuple(line for line in lines if line not in alike), []).append(title)
    answers = [Answer("", alike), *(Answer("; ".join(of), lines) for lines, of in titles.items())]
    return [one for one in answers if one.lines]


def to_plain(checklist: Checklist) -> dict[str, Any]:
    """The checklist as JSON has it, in the layout above."""
    items = [{**dataclasses.asdict(item), "is_filled": item.is_filled} for item in checklist.items]
    return {"schema_version": SCHEMA_VERSION, "guidelines": list(checklist.guidelines), "items": items}


@functools.cache
def _asked() -> Any:
    return json.loads(resources.files(__package__).joinpath("checklist.json").read_text(encoding="utf-8"))
