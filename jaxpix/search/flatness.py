"""A look at first populations: a fitness that is the same for all candidates guides no search."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import numpy as np

from ..errors import InputError
from ..pixels import changed
from ..victim.probe import IGNORES_IMAGES, made_up
from .fitness import make_fitness

if TYPE_CHECKING:
    from ..pixels import Pixels
    from ..victim.victim import Victim
    from .problem import Problem
    from .slots import Candidates
    from .verification import Experiment, Job

MOST = 2000
"""Flat images beyond which nobody waits for one that is not; in memory they take a few hundred megabytes."""

_MOST_SAMPLES = 16

_MARGIN = '--fitness margin (in Python: AttackConfig(fitness="margin"))'


class NothingGuidesError(InputError):
    """The first population of every image is flat: no search would be guided."""


class _Sample(NamedTuple):
    job: Job
    pixels: Pixels
    fitness: float


class FirstLook:
    """Whether the fitness tells the candidates of first populations apart.

    The first population of an image is flat where all its candidates have the same fitness and none is a hit. While
    all images are, the search does not go on: another image is looked at, until one is not flat or all are.

    Args:
        may_refuse: whether to stop where the first population of every image is flat; else they are only counted.

    Attributes:
        flat: ids of images whose first population is.
        blind: ids of images of which the victim's gradient is zero everywhere, where a search begins with it.
        is_over: the search may go on; else first populations are looked at.
    """

    def __init__(self, *, may_refuse: bool = False):
        self.flat: set[str] = set()
        self.blind: set[str] = set()
        self._looked: set[str] = set()
        self._samples: list[_Sample] = []
        self.is_over = not may_refuse

    def may_go_on(self, occupants: Sequence[Experiment | None], candidates: Candidates) -> bool:
        """Count what is new in the slots; whether any image so far was not flat."""
        for index, experiment in enumerate(occupants):
            if experiment is None or experiment.job.image_id in self._looked:
                continue
            self._looked.add(experiment.job.image_id)
            if not candidates.is_flat[index]:
                self.is_over = True
                continue
            self.flat.add(experiment.job.image_id)
            if len(self._samples) < _MOST_SAMPLES:
                pixels = jax.tree.map(lambda leaf, i=index: leaf[i], candidates.pixels)
                self._samples.append(_Sample(experiment.job, pixels, float(candidates.fitness[index])))
        return self.is_over

    def count(self, image_id: str, *, is_flat: bool, is_blind: bool) -> None:
        """Count an image that was looked at elsewhere."""
        self._looked.add(image_id)
        self.flat.update([image_id] * is_flat)
        self.blind.update([image_id] * is_blind)

    @property
    def is_long_enough(self) -> bool:
        """So many flat images, and no other one, that no further one is looked at."""
        return len(self._looked) >= MOST and not self.is_over

    def refusal(self, victim: Victim, problem: Problem) -> InputError:
        """What to say where every image is flat, and why it is so."""
        values = {sample.fitness for sample in self._samples}
        value = f"{values.pop() + 0.0:.6g}" if len(values) == 1 else "the same number"
        number = len(self._looked)
        images = "the image" if number == 1 else f"each of the {number:,} images that were looked at"
        return NothingGuidesError(
            f"nothing would guide the search: fitness {problem.fitness} is {value} for all "
            f"{problem.search.population:,} candidates of the first population of {images}. "
            f"{_reason(victim, problem, self._samples)}"
        )

    def notes(self, fitness: str) -> list[str]:
        """What to say of those that nothing guided, where there are any."""
        notes: list[str] = []
        if self.flat:
            advice = "" if fitness == "margin" else f"; where it is saturated, {_MARGIN} may tell them apart"
            notes.append(
                f"the first population of {len(self.flat):,} of {len(self._looked):,} images is flat: fitness "
                f"{fitness} is the same for all candidates, so that nothing guided the beginning of their "
                f"search{advice}"
            )
        if self.blind:
            notes.append(
                f"the victim's gradient is zero everywhere for {len(self.blind):,} images: their candidates were "
                "tried in a random order. Does it round its images, or is it saturated?"
            )
        return notes


def _reason(victim: Victim, problem: Problem, samples: Sequence[_Sample]) -> str:
    """Why a fitness cannot tell candidates apart: from the victim's outputs on images, with and without a change."""
    before = victim.predict(np.stack([sample.job.image for sample in samples]))
    after = victim.predict(np.stack([changed(sample.job.image, sample.pixels) for sample in samples]))
    if not np.isfinite(after).all():
        return f"The outputs of victim {victim.name!r} for changed images are not finite: it has no answer to them"
    if (before == after).all():
        others = np.concatenate([before, victim.predict(made_up(victim.input_shape))])
        if (others == others[0]).all():
            return (
                f"Victim {victim.name!r} gives the same output for every image, even for a black and a white one: "
                f"{IGNORES_IMAGES}"
            )
        pixels = problem.box.num_pixels
        return (
            f"The outputs of victim {victim.name!r} do not change at all with {pixels} pixel{'s' * (pixels > 1)}. "
            "Does it round them, or make images smaller first? If it returns probabilities, let it return the values "
            "before softmax or sigmoid; or change more pixels (--num-pixels)"
        )
    if _tells_apart(problem, samples, before, after):
        return f"The outputs of victim {victim.name!r} do change, but {problem.fitness} is saturated: use {_MARGIN}"
    return f"The outputs of victim {victim.name!r} do change, but not those that this fitness looks at"


def _tells_apart(problem: Problem, samples: Sequence[_Sample], before: np.ndarray, after: np.ndarray) -> bool:
    """Whether the margin of an image changes with its pixels."""
    margin: Any = jax.vmap(make_fitness("margin", problem.space, problem.targeted))
    goals = jax.tree.map(lambda *one: np.stack(one), *(sample.job.goal for sample in samples))
    return problem.fitness != "margin" and bool((margin(before, goals) != margin(after, goals)).any())
