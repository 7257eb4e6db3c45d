"""Attacks on the images of a data set: what `bench dataset` and `bench searches` keep of each."""

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..metrics.queries import CurvePoint
from ..metrics.rates import Rate
from ..metrics.recall import Recall

if TYPE_CHECKING:
    from ..records.record import Record


@dataclasses.dataclass(frozen=True)
class Attacked:
    """What attacked what: the first keys of `DatasetAttack` and `SearchRow`.

    Attributes:
        dataset, split, subset, synthetic: where the images come from.
        victim, victim_id, num_pixels, target, fitness: who was attacked, and how.
    """

    dataset: str
    split: str
    subset: str
    synthetic: bool
    victim: str
    victim_id: str
    num_pixels: int
    target: str | None
    fitness: str


def attacked(record: "Record") -> dict[str, Any]:
    """The first keys of a row, as a record of the attack says them."""
    values = {field.name: getattr(record, field.name) for field in dataclasses.fields(Attacked)}
    return values | {"target": None if record.target is None else "|".join(record.target)}


@dataclasses.dataclass(frozen=True)
class DatasetAttack(Attacked):
    """An attack on the images of a data set, records and pictures written as ever.

    Attributes:
        preset, precision, evaluator: what searched.
        folder: run folder with the records.
        slots: experiments side by side.
        compile_seconds: before the clock started.
        images, candidates: experiments done, and candidates that they evaluated.
        seconds, images_per_second, candidates_per_second: of the attack, verification and files included.
        success: rate over all images, with its Wilson 95 % interval.
        by_class: the same by the label before the attack.
        curve: success rate against queries, over all images.
    """

    preset: str
    precision: str
    evaluator: str
    folder: str
    slots: int
    compile_seconds: float
    images: int
    candidates: int
    seconds: float
    images_per_second: float
    candidates_per_second: float
    success: Rate
    by_class: Mapping[str, Rate]
    curve: tuple[CurvePoint, ...]


@dataclasses.dataclass(frozen=True)
class SearchRow(Attacked):
    """What one search found.

    Attributes:
        search: as it was asked for.
        seed: of the search.
        truth: what `recall` is of.
        recall: against it.
        candidates, seconds: evaluated, and how long that took; 0 seconds where the run was finished before.
        folder: run folder with the records.
    """

    search: str
    seed: int
    truth: str
    recall: Recall
    candidates: int
    seconds: float
    folder: str
