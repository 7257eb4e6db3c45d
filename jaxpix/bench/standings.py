"""Where a search stands beside others: what `bench searches` keeps of each."""

import dataclasses

from ..metrics.recall import Recall


@dataclasses.dataclass(frozen=True)
class SearchRow:
    """What one search found.

    Attributes:
        search: as it was asked for.
        dataset, split, subset, synthetic: where the images come from.
        victim, victim_id, num_pixels, target, fitness, seed: what attacked what.
        truth: what `recall` is of.
        recall: against it.
        candidates, seconds: evaluated, and how long that took; 0 seconds where the run was finished before.
        folder: run folder with the records.
    """

    search: str
    dataset: str
    split: str
    subset: str
    synthetic: bool
    victim: str
    victim_id: str
    num_pixels: int
    target: str | None
    fitness: str
    seed: int
    truth: str
    recall: Recall
    candidates: int
    seconds: float
    folder: str
