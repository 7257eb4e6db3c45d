"""Many images through one compiled evolution.

S slots hold one experiment each. One compiled `advance` runs whole generations of all slots; the host
collects what has stopped, verifies it and refills the slot from the queue, so no image waits for another.
Candidates are evaluated in batches of one fixed shape, whatever the number of slots, and every random draw
folds in the image id: a result depends on neither slot, order nor batch.
"""

import dataclasses
import time
import zlib
from collections.abc import Callable, Iterable, Iterator

import jax
import jax.numpy as jnp
import numpy as np

from .evolution import Optimizer
from .fitness import FitnessFn, Goal
from .genome import Pixels
from .slots import Candidate, SlotProgram, Slots
from .verification import decode_png, encode_png, judge
from .victim import Victim

_SECONDS_PER_CALL = 1.0
_MAX_GENERATIONS_PER_CALL = 100


@dataclasses.dataclass(frozen=True)
class Job:
    """One experiment to do: uint8 image [H, W, C]; bool label vectors `original`, `target` [N]."""

    image_id: str
    image: np.ndarray
    original: np.ndarray
    target: np.ndarray


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
        seconds: from the slot's filling to its collection, beside all other slots.
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


@dataclasses.dataclass
class _Occupant:
    job: Job
    since: float
    refuted_hits: int = 0


def experiment_key(seed: int, image_id: str) -> jax.Array:
    """Random key of one experiment: the seed with the image id folded in."""
    return jax.random.fold_in(jax.random.key(seed), zlib.crc32(image_id.encode("utf-8")))


class Engine:
    """One victim, one kind of attack, compiled once.

    Args:
        victim: what is attacked.
        optimizer: the evolution in its box.
        fitness_fn: objective of one candidate.
        targeted: success means reaching the goal's target instead of leaving its original label.
        num_slots: S; default by device.
        populations_per_batch: populations evaluated together; the evaluation's fixed shape is this times P.
    """

    def __init__(
        self,
        victim: Victim,
        optimizer: Optimizer,
        fitness_fn: FitnessFn,
        *,
        targeted: bool,
        num_slots: int | None = None,
        populations_per_batch: int | None = None,
    ):
        on_cpu = jax.default_backend() == "cpu"
        self.victim, self.optimizer = victim, optimizer
        group = populations_per_batch or (1 if on_cpu else 16)
        wanted = num_slots or (4 if on_cpu else 64)
        self.num_slots = -(-wanted // group) * group
        self._program = SlotProgram(victim, optimizer, fitness_fn, targeted=targeted, group=group)

    def run(
        self, jobs: Iterable[Job], seed: int, on_candidates: Callable[[int], None] | None = None
    ) -> Iterator[Outcome]:
        """Yield outcomes as experiments finish, in order of finishing.

        Args:
            jobs: drawn lazily, one for each slot that becomes free.
            seed: of the whole run.
            on_candidates: told after each device call how many candidates were evaluated in it.
        """
        queue = iter(jobs)
        occupants: list[_Occupant | None] = [None] * self.num_slots
        slots = self._program.empty(self.num_slots)
        steps = 1
        while True:
            for index in [i for i, occupant in enumerate(occupants) if occupant is None]:
                job = next(queue, None)
                if job is None:
                    break
                goal = Goal(jnp.asarray(job.original), jnp.asarray(job.target))
                key = experiment_key(seed, job.image_id)
                slots = self._program.fill(slots, index, key, jnp.asarray(job.image), goal)
                occupants[index] = _Occupant(job, time.monotonic())
            if not any(occupants):
                return
            began = time.monotonic()
            slots, evaluated = self._program.advance(self.victim.weights, slots, steps)
            stopped = np.asarray(slots.evolution.stopped)
            steps = _next_steps(steps, time.monotonic() - began)
            if on_candidates:
                on_candidates(int(evaluated))
            for index in np.flatnonzero(stopped).tolist():
                occupant = occupants[index]
                if occupant is None:
                    continue
                outcome = self._collect(occupant, slots, index)
                if outcome is None:
                    occupant.refuted_hits += 1
                    slots = self._program.refute(slots, index)
                    if int(slots.evolution.generation[index]) < self.optimizer.search.generations:
                        continue
                    outcome = self._collect(occupant, slots, index)
                    assert outcome is not None, "a refuted hit is no longer a hit"
                occupants[index] = None
                yield outcome

    def _collect(self, occupant: _Occupant, slots: Slots, index: int) -> Outcome | None:
        """The outcome of a stopped slot; None when its hit does not survive being saved."""
        job, victim = occupant.job, self.victim
        candidate: Candidate = jax.device_get(self._program.read(slots, index))
        png = encode_png(np.asarray(candidate.image))
        logits = judge(victim, png)
        success = bool(self._program.is_success(logits, Goal(job.original, job.target)))
        found = bool(candidate.is_hit)
        if found and not success:
            return None
        generations = int(candidate.generation)
        saved = decode_png(png)
        x, y = candidate.pixels.x, candidate.pixels.y
        return Outcome(
            job=job,
            success=success,
            refuted_hits=occupant.refuted_hits,
            png=png,
            pixels=Pixels(x, y, saved[y, x]),
            logits_before=judge(victim, encode_png(job.image)),
            logits_after=logits,
            generations=generations,
            queries=self.optimizer.search.population * (1 + generations),
            queries_to_first_hit=int(candidate.queries_to_first_hit) if found else None,
            best_fitness=float(candidate.fitness),
            seconds=time.monotonic() - occupant.since,
        )


def _next_steps(steps: int, seconds: float) -> int:
    """Generations for the next call, so that a call lasts about a second and the bar stays alive."""
    wanted = steps * _SECONDS_PER_CALL / max(seconds, 1e-3)
    return int(min(max(1, wanted), 2 * steps, _MAX_GENERATIONS_PER_CALL))
