"""One pass through a queue of experiments with slots of one size: fill, advance, judge, read, again."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from .fitness import Goal
from .slots import Filling
from .strategies.strategy import experiment_keys
from .verification import Experiment, Stopped

if TYPE_CHECKING:
    from .course import Course
    from .slots import Candidates, SlotProgram, Slots
    from .verification import Job, Outcome, Verifier


class Pass:
    """Where a search stands: who is in which slot, and what waits to be judged.

    Args:
        program: of the slots.
        verify: judges what has stopped.
        steps_after: how many generations the next call has, see `Engine`.
        queue: experiments to do.
        course: of the run.

    Attributes:
        judged: outcomes that wait to be handed out, which is done while the devices are busy.
        aside: begun, and set aside until some image has shown that the fitness can guide the search.
    """

    def __init__(
        self,
        program: SlotProgram,
        verify: Verifier,
        steps_after: Callable[[int, float], int],
        queue: Iterator[Job],
        course: Course,
    ):
        self._program, self._verify, self._steps_after = program, verify, steps_after
        self._queue, self._course, self._look = queue, course, course.look
        self._occupants: list[Experiment | None] = [None] * program.num_slots
        self._to_verify: list[Stopped] = []
        self.aside: list[Job] = []
        self.judged: list[Outcome] = []

    def unfinished(self) -> list[Job]:
        """Jobs drawn from the queue that have not been judged."""
        waiting = [stopped.experiment.job for stopped in self._to_verify if stopped.slot is None]
        return [*waiting, *self.aside, *self._jobs()]

    def _jobs(self) -> list[Job]:
        return [experiment.job for experiment in self._occupants if experiment is not None]

    def outcomes(self) -> Iterator[Outcome]:
        """Outcomes until the queue and all slots are empty; none where all jobs were set aside."""
        slots = self._program.empty()
        steps = self._steps_after(1, self._program.layout.seconds_per_call)
        while True:
            slots = self._refill(slots)
            if not any(self._occupants) and not self._to_verify:
                yield from self._handed_out()
                return
            began = time.monotonic()
            now = steps if self._look.is_over else 1
            slots, evaluated = self._program.advance(self._program.weights, slots, now)
            reading = self._program.read(slots)
            # The devices are busy now: whoever takes outcomes saves them meanwhile.
            yield from self._handed_out()
            refuted = self._judge()
            was_waited_for = not evaluated.is_ready()
            candidates: Candidates = jax.device_get(reading)
            if was_waited_for:
                steps = self._steps_after(now, time.monotonic() - began)
            self._course.on_candidates(int(np.sum(evaluated)))
            if not self._has_begun(candidates):
                continue
            self._collect(candidates, refuted)
            if refuted.any():
                slots = self._program.refute(slots, refuted)

    def _has_begun(self, candidates: Candidates) -> bool:
        """Look at first populations; while all are flat, make room for others. What is set aside starts again."""
        if self._look.may_go_on(self._occupants, candidates):
            if self.aside:
                self._queue, self.aside = itertools.chain(self.aside, self._queue), []
            return True
        self.aside += self._jobs()
        self._occupants = [None] * len(self._occupants)
        if self._look.is_long_enough:
            self._queue = iter(())
        return False

    def _handed_out(self) -> Iterator[Outcome]:
        while self.judged:
            yield self.judged.pop(0)

    def _judge(self) -> np.ndarray:
        """Judge what has stopped: confirmed hits free their slots; the slots of the others, bool [S]."""
        refuted = np.zeros(len(self._occupants), bool)
        verdicts = self._verify(self._to_verify)
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
        size = self._program.layout.filling
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
        spare = self._program.layout.filling - len(jobs)
        padded = jobs + [jobs[0]] * spare
        names, images = [job.image_id for job in padded], np.stack([job.image for job in padded])
        goals = Goal(np.stack([job.original for job in padded]), np.stack([job.target for job in padded]))
        hints: Any = ()
        if self._program.problem.guide is not None:
            hints = self._program.problem.guide(images, goals)
            self._look.blind.update(itertools.compress(names, hints.is_blind))
        return Filling(
            np.array(positions + [len(self._occupants)] * spare, np.int32),
            experiment_keys(self._course.seed, names),
            images,
            goals,
            hints,
        )
