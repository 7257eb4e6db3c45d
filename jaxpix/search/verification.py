"""The judge of every success: the saved 8-bit image, read back, seen by the dense float32 victim."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

import jax
import numpy as np

from ..pixels import Pixels, changed
from ..platforms import on_host
from ..storage.png import decode_png, encode_png
from .fitness import Goal, is_success

if TYPE_CHECKING:
    from ..records.maps import SweepMaps
    from ..victim.victim import Victim
    from .problem import Problem
    from .slots import Candidates

Item = TypeVar("Item")
Result = TypeVar("Result")

_THREADS = 8

_is_success = jax.jit(is_success, static_argnums=(2, 3))


@dataclasses.dataclass(frozen=True)
class Job:
    """One experiment to do: uint8 image [H, W, C]; bool label vectors `original`, `target` [N]."""

    image_id: str
    image: np.ndarray
    original: np.ndarray
    target: np.ndarray

    @property
    def goal(self) -> Goal:
        """What it is after."""
        return Goal(self.original, self.target)


@dataclasses.dataclass
class Experiment:
    """A job in a slot since a time of `time.monotonic`, and how many of its hits were refuted."""

    job: Job
    since: float
    refuted_hits: int = 0


@dataclasses.dataclass(frozen=True)
class Stopped:
    """A stopped experiment to verify; `slot` waits for the verdict on a hit, None: already filled again."""

    experiment: Experiment
    candidate: Candidates
    seconds: float
    slot: int | None


@dataclasses.dataclass(frozen=True)
class Outcome:
    """One finished experiment.

    Attributes:
        job: what was asked.
        success: the saved candidate, read back, is adversarial for the dense float32 victim.
        refuted_hits: hits whose saved image was not adversarial; the search went on after each.
        png: the returned candidate, saved: the fittest adversarial one, else the fittest of all.
        pixels: its changed pixels, x [K], y [K], values [K, C].
        logits_before, logits_after: float32 [N], of the saved original and the saved candidate.
        generations: generations run after the initial one.
        queries: candidates evaluated, P (1 + generations).
        queries_to_first_hit: candidates up to the first one that the search saw as adversarial, or None.
        best_fitness: of the returned candidate, as the search saw it.
        seconds: from the slot's filling to its stop, beside all other slots.
        trajectory: the best fitness of all candidates so far, see `Record`; none of a sweep.
        maps: what an exhaustive search found of all candidates; None: the search was another one.
    """

    job: Job
    success: bool
    refuted_hits: int
    png: bytes
    pixels: Pixels
    logits_before: np.ndarray
    logits_after: np.ndarray
    generations: int
    queries: int
    queries_to_first_hit: int | None
    best_fitness: float
    seconds: float
    trajectory: Sequence[float] = ()
    maps: SweepMaps | None = None


class Judge:
    """Float32 logits of saved images, so that a verdict cannot depend on what else is judged.

    One image at a time, or several in calls of one fixed shape, where `compile` has found that on this device a
    neighbour changes no bit of an image's logits.

    Args:
        victim: what is asked.
        num_together: images of one call.
    """

    def __init__(self, victim: Victim, num_together: int = 1):
        self._victim, self.num_together = victim, num_together

    def compile(self) -> None:
        """Compile the evaluation; one image at a time from now on if neighbours matter."""
        if self.num_together > 1 and self._neighbours_matter():
            self.num_together = 1
        if self.num_together == 1:
            self._victim.logits(np.zeros((1, *self._victim.input_shape), np.uint8)).block_until_ready()

    def _neighbours_matter(self) -> bool:
        count, shape = self.num_together, self._victim.input_shape
        images = np.random.default_rng(0).integers(0, 256, (2 * count, *shape), np.uint8)
        mine, others = images[:count], images[count:]
        alike = np.asarray(self._victim.logits(mine))
        # Each image in another place, among others.
        order = np.roll(np.arange(count), 1)
        kept = np.arange(count) % 2 == 0
        among = np.where(kept[:, None, None, None], mine[order], others)
        return not np.array_equal(np.asarray(self._victim.logits(among))[kept], alike[order][kept])

    def __call__(self, pngs: Sequence[bytes]) -> np.ndarray:
        """Logits [B, N] of saved images."""
        return self.of_images(_in_threads(decode_png, pngs))

    def of_images(self, images: Sequence[np.ndarray]) -> np.ndarray:
        """Logits [B, N] of images uint8 [H, W, C] as they are read from files."""
        size = self.num_together
        calls = []
        for start in range(0, len(images), size):
            part = list(images[start : start + size])
            # The calls are only begun here: a device works them off without waiting for the host.
            calls.append(self._victim.logits(np.stack(part + part[:1] * (size - len(part)))))
        if not calls:
            return np.zeros((0, len(self._victim.class_names)), np.float32)
        return np.concatenate([np.asarray(call) for call in calls])[: len(images)]


class Verifier:
    """Outcomes of stopped experiments, judged from their saved images.

    Args:
        victim: the judge.
        problem: what is a success, and how many candidates a generation has.
        num_together: images judged in one call.
    """

    def __init__(self, victim: Victim, problem: Problem, num_together: int = 1):
        self.judge, self._problem = Judge(victim, num_together), problem

    def __call__(self, stopped: Sequence[Stopped]) -> list[Outcome | None]:
        """One outcome each; None when a hit does not survive being saved."""
        pngs = _in_threads(
            lambda one: encode_png(changed(one.experiment.job.image, one.candidate.pixels)), stopped
        )
        after = self.judge(pngs)
        successes = [
            succeeds(self._problem, one.experiment.job, logits)
            for one, logits in zip(stopped, after, strict=True)
        ]
        stays = [
            index for index, one in enumerate(stopped) if successes[index] or not bool(one.candidate.is_hit)
        ]
        originals = _in_threads(encode_png, [stopped[index].experiment.job.image for index in stays])
        before = dict(zip(stays, self.judge(originals), strict=True))
        return [
            self._outcome(one, pngs[index], successes[index], before[index], after[index])
            if index in before
            else None
            for index, one in enumerate(stopped)
        ]

    def _outcome(
        self, stopped: Stopped, png: bytes, success: bool, before: np.ndarray, after: np.ndarray
    ) -> Outcome:
        candidate = stopped.candidate
        x, y = candidate.pixels.x, candidate.pixels.y
        generations = int(candidate.generation)
        return Outcome(
            job=stopped.experiment.job,
            success=success,
            refuted_hits=stopped.experiment.refuted_hits,
            png=png,
            pixels=Pixels(x, y, decode_png(png)[y, x]),
            logits_before=before,
            logits_after=after,
            generations=generations,
            queries=self._problem.search.population * (1 + generations),
            queries_to_first_hit=int(candidate.queries_to_first_hit) if candidate.is_hit else None,
            best_fitness=float(candidate.fitness),
            trajectory=candidate.trajectory[: candidate.num_points].tolist(),
            seconds=stopped.seconds,
        )


def succeeds(problem: Problem, job: Job, logits: np.ndarray) -> bool:
    """Whether logits [N] of a saved candidate are a success."""
    with on_host():
        return bool(_is_success(logits, job.goal, problem.space, problem.targeted))


def _in_threads(fn: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
    """Results in order; Pillow's compression does not hold Python's lock."""
    if len(items) < 2:
        return [fn(item) for item in items]
    with ThreadPoolExecutor(min(len(items), os.cpu_count() or 1, _THREADS)) as threads:
        return list(threads.map(fn, items))
