"""Many images through one compiled evolution.

S slots hold one experiment each. One compiled `advance` runs whole generations of all slots; the host
collects what has stopped and refills the slot from the queue, so no image waits for another. Saved candidates
are verified while the devices compute the next generations. Every random draw folds in the image id: a result
depends on neither slot, order, batch nor device.
"""

import dataclasses
import itertools
import time
import zlib
from collections.abc import Callable, Iterable, Iterator

import jax
import numpy as np

from .config import EngineConfig
from .evaluators import Evaluator
from .evolution import Optimizer
from .fitness import FitnessFn, Goal, is_success
from .genome import Pixels
from .layout import Layout, choose_layout, is_out_of_memory
from .slots import Candidates, Filling, SlotProgram, Slots
from .verification import decode_png, encode_png, judge
from .victim import Victim

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
        seconds: from the slot's filling to its stop, beside all other slots.
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
class _Experiment:
    job: Job
    since: float
    refuted_hits: int = 0


@dataclasses.dataclass(frozen=True)
class _Stopped:
    """A stopped experiment to verify; `slot` waits for the verdict on a hit, None: already filled again."""

    experiment: _Experiment
    candidate: Candidates
    seconds: float
    slot: int | None


def experiment_key(seed: int, image_id: str) -> jax.Array:
    """Random key of one experiment: the seed with the image id folded in."""
    return jax.random.fold_in(jax.random.key(seed), zlib.crc32(image_id.encode("utf-8")))


class Engine:
    """One victim, one kind of attack, compiled once.

    Args:
        victim: what is attacked; judges the saved candidates.
        evaluator: gives the search its logits.
        optimizer: the evolution in its box.
        fitness_fn: objective of one candidate.
        targeted: success means reaching the goal's target instead of leaving its original label.
        config: slots and generations per call.
        layout: slots and groups; default: by device, memory and `config`.
    """

    def __init__(
        self,
        victim: Victim,
        evaluator: Evaluator,
        optimizer: Optimizer,
        fitness_fn: FitnessFn,
        *,
        targeted: bool,
        config: EngineConfig | None = None,
        layout: Layout | None = None,
    ):
        self.victim, self.evaluator, self.optimizer = victim, evaluator, optimizer
        self._fitness_fn, self._targeted = fitness_fn, targeted
        self._config = config or EngineConfig()
        self._is_success = jax.jit(is_success, static_argnums=(2, 3))
        self._arrange(layout or choose_layout(evaluator, optimizer, self._config.slots))

    def _arrange(self, layout: Layout) -> None:
        self.layout = layout
        self.program = SlotProgram(
            self.evaluator,
            self.optimizer,
            self._fitness_fn,
            self.victim.space,
            targeted=self._targeted,
            num_slots=layout.num_slots,
            group=layout.group,
            devices=layout.devices,
        )

    def run(
        self,
        jobs: Iterable[Job],
        seed: int,
        on_candidates: Callable[[int], None] | None = None,
        on_notice: Callable[[str], None] | None = None,
    ) -> Iterator[Outcome]:
        """Yield outcomes as experiments finish, in order of finishing.

        When a device runs out of memory, slots are halved and what is unfinished starts again.

        Args:
            jobs: drawn lazily, one for each slot that becomes free.
            seed: of the whole run.
            on_candidates: told after each device call how many candidates were evaluated in it.
            on_notice: told what a person should know, in a sentence.
        """
        queue = iter(jobs)
        while True:
            shift = _Shift(self, queue, seed, on_candidates)
            try:
                yield from shift.work()
                return
            except jax.errors.JaxRuntimeError as error:
                smaller = self.layout.halved()
                if smaller is None or not is_out_of_memory(error):
                    raise
                if on_notice:
                    on_notice(
                        f"out of memory with {self.layout.num_slots} slots in groups of {self.layout.group}; "
                        f"going on with {smaller.num_slots} in groups of {smaller.group}"
                    )
            # Outside the handler, whose traceback would keep the arrays alive.
            queue = itertools.chain(shift.unfinished(), queue)
            del shift
            self._arrange(smaller)

    def verify(self, stopped: _Stopped) -> Outcome | None:
        """The outcome of a stopped experiment; None when its hit does not survive being saved."""
        job, candidate, victim = stopped.experiment.job, stopped.candidate, self.victim
        x, y = candidate.pixels.x, candidate.pixels.y
        image = job.image.copy()
        for row, column, value in zip(y, x, candidate.pixels.values, strict=True):
            image[row, column] = value
        png = encode_png(image)
        logits = judge(victim, png)
        goal = Goal(job.original, job.target)
        success = bool(self._is_success(logits, goal, victim.space, self._targeted))
        found = bool(candidate.is_hit)
        if found and not success:
            return None
        generations = int(candidate.generation)
        return Outcome(
            job=job,
            success=success,
            refuted_hits=stopped.experiment.refuted_hits,
            png=png,
            pixels=Pixels(x, y, decode_png(png)[y, x]),
            logits_before=judge(victim, encode_png(job.image)),
            logits_after=logits,
            generations=generations,
            queries=self.optimizer.search.population * (1 + generations),
            queries_to_first_hit=int(candidate.queries_to_first_hit) if found else None,
            best_fitness=float(candidate.fitness),
            seconds=stopped.seconds,
        )

    def steps_after(self, steps: int, seconds: float) -> int:
        """Generations for the next call, so that calls last about as long as the layout wants."""
        if self._config.generations_per_call is not None:
            return self._config.generations_per_call
        wanted = steps * self.layout.seconds_per_call / max(seconds, 1e-3)
        return int(min(max(1, wanted), 2 * steps, _MAX_GENERATIONS_PER_CALL))


class _Shift:
    """One pass through a queue with slots of one size: fill, advance, verify, read, again."""

    def __init__(
        self, engine: Engine, queue: Iterator[Job], seed: int, on_candidates: Callable[[int], None] | None
    ):
        self._engine, self._program = engine, engine.program
        self._queue, self._seed, self._on_candidates = queue, seed, on_candidates
        self._occupants: list[_Experiment | None] = [None] * engine.layout.num_slots
        self._to_verify: list[_Stopped] = []

    def unfinished(self) -> list[Job]:
        """Jobs drawn from the queue whose outcome has not been yielded."""
        waiting = [stopped.experiment.job for stopped in self._to_verify if stopped.slot is None]
        return waiting + [experiment.job for experiment in self._occupants if experiment is not None]

    def work(self) -> Iterator[Outcome]:
        """Outcomes until the queue and all slots are empty."""
        slots = self._program.empty()
        steps = self._engine.steps_after(1, self._engine.layout.seconds_per_call)
        while True:
            slots = self._refill(slots)
            if not any(self._occupants) and not self._to_verify:
                return
            began = time.monotonic()
            slots, evaluated = self._program.advance(self._program.weights, slots, steps)
            reading = self._program.read(slots)
            # The devices are busy now; the host verifies what the call before has left.
            refuted = np.zeros(len(self._occupants), bool)
            while self._to_verify:
                stopped = self._to_verify[0]
                outcome = self._engine.verify(stopped)
                self._to_verify.pop(0)
                if outcome is None:
                    assert stopped.slot is not None, "only hits can be refuted"
                    stopped.experiment.refuted_hits += 1
                    refuted[stopped.slot] = True
                    continue
                if stopped.slot is not None:
                    self._occupants[stopped.slot] = None
                yield outcome
            candidates: Candidates = jax.device_get(reading)
            steps = self._engine.steps_after(steps, time.monotonic() - began)
            if self._on_candidates:
                self._on_candidates(int(np.sum(evaluated)))
            self._collect(candidates, refuted)
            if refuted.any():
                slots = self._program.refute(slots, refuted)

    def _collect(self, candidates: Candidates, refuted: np.ndarray) -> None:
        """Queue what has stopped for verification; a slot without a hit is free at once."""
        now = time.monotonic()
        for index in np.flatnonzero(candidates.stopped & ~refuted).tolist():
            experiment = self._occupants[index]
            if experiment is None:
                continue
            candidate: Candidates = jax.tree.map(lambda leaf, i=index: leaf[i], candidates)
            slot = index if candidate.is_hit else None
            self._to_verify.append(_Stopped(experiment, candidate, now - experiment.since, slot))
            if slot is None:
                self._occupants[index] = None

    def _refill(self, slots: Slots) -> Slots:
        """Jobs from the queue into free slots, a few at a time."""
        free = [index for index, experiment in enumerate(self._occupants) if experiment is None]
        size = self._engine.layout.filling
        while free:
            jobs = list(itertools.islice(self._queue, min(size, len(free))))
            if not jobs:
                break
            positions, free = free[: len(jobs)], free[len(jobs) :]
            for position, job in zip(positions, jobs, strict=True):
                self._occupants[position] = _Experiment(job, time.monotonic())
            slots = self._program.fill(self._program.weights, slots, self._filling(positions, jobs))
        return slots

    def _filling(self, positions: list[int], jobs: list[Job]) -> Filling:
        """Jobs as arrays of one fixed size; what is padded goes to no slot."""
        spare = self._engine.layout.filling - len(jobs)
        padded = jobs + [jobs[0]] * spare
        keys = jax.numpy.stack([experiment_key(self._seed, job.image_id) for job in padded])
        return Filling(
            np.array(positions + [len(self._occupants)] * spare, np.int32),
            keys,
            np.stack([job.image for job in padded]),
            Goal(np.stack([job.original for job in padded]), np.stack([job.target for job in padded])),
        )
