"""Many images through one compiled evolution.

S slots hold one experiment each. One compiled `advance` runs whole generations of all slots; the host
collects what has stopped and refills the slot from the queue, so no image waits for another. While the devices
compute the next generations, the host saves what is finished and prepares the saved candidates for the judge.
Every random draw folds in the image id: a result depends on neither slot, order, batch nor device.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import jax
import numpy as np

from ..config import EngineConfig
from .evolution import experiment_keys
from .fitness import Goal
from .layout import choose_layout, is_out_of_memory
from .slots import Filling, slot_program
from .verification import Experiment, Stopped, Verifier

if TYPE_CHECKING:
    from ..victim.victim import Victim
    from .layout import Layout
    from .problem import Problem
    from .slots import Candidates, Slots
    from .verification import Job, Outcome

_MAX_GENERATIONS_PER_CALL = 100
# Compiling that took less is not worth a line.
_SECONDS_WORTH_SAYING = 2.0


class Engine:
    """The search of one attack: its slots, its judge, and where it stands. The compiled programs are shared.

    Args:
        victim: what is attacked; judges the saved candidates.
        problem: what is searched.
        config: slots, by device and memory where it names none, and generations per call.
    """

    def __init__(self, victim: Victim, problem: Problem, config: EngineConfig):
        self.victim, self.problem, self._config = victim, problem, config
        self._arrange(choose_layout(problem, config.slots))

    def _arrange(self, layout: Layout) -> None:
        self.layout, self.program = layout, slot_program(self.problem, layout)
        self.verify = Verifier(self.victim, self.problem, layout.judged)
        self._is_compiled = False

    def compile(self, on_notice: Callable[[str], None] | None = None) -> None:
        """Compile what an attack needs, side by side, unless that is done; XLA does not hold Python's lock.

        The functions are called as an attack calls them, but with nothing to do.

        Args:
            on_notice: told what was compiled, and for how long.
        """
        if self._is_compiled:
            return
        program, weights = self.program, self.program.weights
        began = time.monotonic()
        # All the others begin with what this one gives.
        program.empty()

        def fill() -> None:
            jax.block_until_ready(program.fill(weights, program.empty(), program.nothing()))

        def advance() -> None:
            slots, _ = program.advance(weights, program.empty(), 0)
            jax.block_until_ready(program.read(slots))

        def refute() -> None:
            jax.block_until_ready(program.refute(program.empty(), np.zeros(program.num_slots, bool)))

        work = {"search": advance, "bases": fill, "judge": self.verify.compile, "refuting": refute}
        with ThreadPoolExecutor(len(work)) as threads:
            seconds = list(threads.map(_seconds_of, work.values()))
        self._is_compiled = True
        whole = time.monotonic() - began
        if on_notice and whole > _SECONDS_WORTH_SAYING:
            each = ", ".join(f"{name} {time:.1f} s" for name, time in zip(work, seconds, strict=True))
            on_notice(f"compiled in {whole:.1f} s, side by side: {each}")

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
            work = _Pass(self, queue, seed, on_candidates)
            try:
                self.compile(on_notice)
                yield from work.outcomes()
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
            yield from work.judged
            queue = itertools.chain(work.unfinished(), queue)
            del work
            self._arrange(smaller)

    def steps_after(self, steps: int, seconds: float) -> int:
        """Generations for the next call, so that calls last about as long as the layout wants."""
        if self._config.generations_per_call is not None:
            return self._config.generations_per_call
        wanted = steps * self.layout.seconds_per_call / max(seconds, 1e-3)
        return int(min(max(1, wanted), 2 * steps, _MAX_GENERATIONS_PER_CALL))


def _seconds_of(fn: Callable[[], None]) -> float:
    began = time.monotonic()
    fn()
    return time.monotonic() - began


class _Pass:
    """One pass through a queue with slots of one size: fill, advance, judge, read, again.

    Attributes:
        judged: outcomes that wait to be handed out, which is done while the devices are busy.
    """

    def __init__(
        self, engine: Engine, queue: Iterator[Job], seed: int, on_candidates: Callable[[int], None] | None
    ):
        self._engine, self._program = engine, engine.program
        self._queue, self._seed, self._on_candidates = queue, seed, on_candidates
        self._occupants: list[Experiment | None] = [None] * engine.layout.num_slots
        self._to_verify: list[Stopped] = []
        self.judged: list[Outcome] = []

    def unfinished(self) -> list[Job]:
        """Jobs drawn from the queue that have not been judged."""
        waiting = [stopped.experiment.job for stopped in self._to_verify if stopped.slot is None]
        return waiting + [experiment.job for experiment in self._occupants if experiment is not None]

    def outcomes(self) -> Iterator[Outcome]:
        """Outcomes until the queue and all slots are empty."""
        slots = self._program.empty()
        steps = self._engine.steps_after(1, self._engine.layout.seconds_per_call)
        while True:
            slots = self._refill(slots)
            if not any(self._occupants) and not self._to_verify:
                yield from self._handed_out()
                return
            began = time.monotonic()
            slots, evaluated = self._program.advance(self._program.weights, slots, steps)
            reading = self._program.read(slots)
            # The devices are busy now: whoever takes outcomes saves them meanwhile.
            yield from self._handed_out()
            refuted = self._judge()
            was_waited_for = not evaluated.is_ready()
            candidates: Candidates = jax.device_get(reading)
            if was_waited_for:
                steps = self._engine.steps_after(steps, time.monotonic() - began)
            if self._on_candidates:
                self._on_candidates(int(np.sum(evaluated)))
            self._collect(candidates, refuted)
            if refuted.any():
                slots = self._program.refute(slots, refuted)

    def _handed_out(self) -> Iterator[Outcome]:
        while self.judged:
            yield self.judged.pop(0)

    def _judge(self) -> np.ndarray:
        """Judge what has stopped: confirmed hits free their slots; the slots of the others, bool [S]."""
        refuted = np.zeros(len(self._occupants), bool)
        verdicts = self._engine.verify(self._to_verify)
        for stopped, outcome in zip(self._to_verify, verdicts, strict=True):
            if outcome is None:
                assert stopped.slot is not None, "only hits can be refuted"
                stopped.experiment.refuted_hits += 1
                refuted[stopped.slot] = True
                continue
            if stopped.slot is not None:
                self._occupants[stopped.slot] = None
            self.judged.append(outcome)
        self._to_verify = []
        return refuted

    def _collect(self, candidates: Candidates, refuted: np.ndarray) -> None:
        """Queue what has stopped for verification; a slot without a hit is free at once."""
        now = time.monotonic()
        for index in np.flatnonzero(candidates.stopped & ~refuted).tolist():
            experiment = self._occupants[index]
            if experiment is None:
                continue
            candidate: Candidates = jax.tree.map(lambda leaf, i=index: leaf[i], candidates)
            slot = index if candidate.is_hit else None
            self._to_verify.append(Stopped(experiment, candidate, now - experiment.since, slot))
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
                self._occupants[position] = Experiment(job, time.monotonic())
            slots = self._program.fill(self._program.weights, slots, self._filling(positions, jobs))
        return slots

    def _filling(self, positions: list[int], jobs: list[Job]) -> Filling:
        """Jobs as arrays of one fixed size; what is padded goes to no slot."""
        spare = self._engine.layout.filling - len(jobs)
        padded = jobs + [jobs[0]] * spare
        return Filling(
            np.array(positions + [len(self._occupants)] * spare, np.int32),
            experiment_keys(self._seed, [job.image_id for job in padded]),
            np.stack([job.image for job in padded]),
            Goal(np.stack([job.original for job in padded]), np.stack([job.target for job in padded])),
        )
