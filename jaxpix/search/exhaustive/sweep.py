"""An exhaustive search, image by image: every candidate in blocks, evaluated again where it must be, and judged."""

from __future__ import annotations

import dataclasses
import math
import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

import jax
import numpy as np

from ...records.maps import unfinished_path
from ...storage.png import encode_png
from ..fitness import Goal
from ..layout import judged_together, smaller_after
from ..verification import Judge, Outcome, succeeds
from .audit import Verdicts, audit
from .candidates import Candidates
from .ledger import Ledger
from .mapping import maps_of
from .program import choose_blocks, sweep_program

if TYPE_CHECKING:
    from ...victim.victim import Victim
    from ..course import Course
    from ..problem import Problem
    from ..verification import Job
    from .program import Found
    from .scope import Scope

AUDITED = 10_000
"""Others that a run evaluates again, over all its images."""


class Sweep:
    """The exhaustive search of one attack. The compiled programs are shared.

    Args:
        victim: what is attacked; judges whatever is in doubt, and what is saved.
        problem: what is a success; its evolution is not used.
        scope: what is tried.
    """

    def __init__(self, victim: Victim, problem: Problem, scope: Scope):
        self.victim, self.problem, self.scope = victim, problem, scope
        self._blocks = choose_blocks(problem)
        self._program = sweep_program(problem, scope.grid, self._blocks)
        self._judge = Judge(victim, judged_together(self._blocks.devices[0]))

    @property
    def says(self) -> str:
        """For people: what is done, and how."""
        return (
            f"exhaustive, {self.scope}, {self.scope.size:,} candidates each; evaluation "
            f"{self.problem.evaluator.name}, {self._blocks.size:,} candidates a call"
        )

    @property
    def capacity(self) -> int:
        """Experiments at a time."""
        return 1

    def expect(self, experiments: int) -> None:
        """One image is searched at a time, however many there are."""

    def compile(self, on_notice: Callable[[str], None] | None = None) -> None:
        """Compile what a search needs."""
        shape, num_classes = self.problem.box.image_shape, len(self.problem.space.class_names)
        image, label = np.zeros(shape, np.uint8), np.zeros(num_classes, bool)
        base = self._program.base(self._program.weights, image)
        nothing = np.zeros((0, self.problem.box.num_pixels), np.int32)
        jax.block_until_ready(self._program.block(base, image, Goal(label, label), nothing))
        self._judge.compile()

    def run(self, jobs: Iterable[Job], course: Course) -> Iterator[Outcome]:
        """Yield an outcome for each image, in their order."""
        self.compile()
        for job in jobs:
            began = time.monotonic()
            candidates = Candidates(self.scope, job.image, self.victim.told_apart)
            ledger = self._ledger(job, candidates, course)
            if ledger.done:
                course.on_notice(
                    f"{job.image_id}: going on after {ledger.done:,} of {candidates.num_rows:,} candidates"
                )
            self._fill(job, candidates, ledger, course)
            yield self._outcome(job, candidates, candidates.every(ledger.found), course, began)
            # Only now: whoever takes outcomes has kept this one.
            ledger.discard()

    def _ledger(self, job: Job, candidates: Candidates, course: Course) -> Ledger:
        path = None if course.scratch is None else unfinished_path(course.scratch, job.image_id)
        problem = self.problem
        parts = [self.victim.victim_id, problem.evaluator.name, problem.fitness, str(problem.targeted)]
        parts += map(str, self.scope.together)
        grid = self.scope.grid
        arrays = (job.image, job.original, job.target, grid.positions, grid.values, candidates.evaluated)
        identity = "\n".join(parts).encode() + b"".join(np.ascontiguousarray(one).tobytes() for one in arrays)
        return Ledger(candidates.num_rows, path, identity)

    def _fill(self, job: Job, candidates: Candidates, ledger: Ledger, course: Course) -> None:
        """Evaluate what the ledger lacks; where a device runs out of memory, in smaller blocks."""
        while True:
            try:
                for begin, end in candidates.segments:
                    if begin:
                        candidates.combine(ledger.found)
                    if ledger.done < end:
                        # Blocks begin where they would have begun.
                        ledger.cut(ledger.done - (ledger.done - begin) % self._program.size)
                        self._evaluate(job, candidates, range(ledger.done, end), ledger, course)
                return
            except jax.errors.JaxRuntimeError as error:
                smaller = smaller_after(error, self._blocks.halved())
                course.on_notice(
                    f"out of memory with {self._blocks.size:,} candidates a call; going on with {smaller.size:,}"
                )
            self._blocks = smaller
            self._program = sweep_program(self.problem, self.scope.grid, smaller)

    def _evaluate(
        self, job: Job, candidates: Candidates, rows: range, ledger: Ledger, course: Course
    ) -> None:
        program = self._program
        base = program.base(program.weights, job.image)
        waiting: list[tuple[Found, int]] = []

        def take() -> None:
            found, count = waiting.pop(0)
            ledger.add(found, count)
            course.on_candidates(count)

        with ledger.writing():
            # One block ahead: the devices do not wait while the host keeps what they have found.
            for start in range(0, len(rows), program.size):
                part = np.array(rows[start : start + program.size])
                pixels = candidates.pixels(candidates.numbers(part))
                found = program.block(base, job.image, job.goal, pixels)
                waiting.append((found, len(part)))
                if len(waiting) > 1:
                    take()
            while waiting:
                take()

    def _outcome(
        self, job: Job, candidates: Candidates, found: Found, course: Course, began: float
    ) -> Outcome:
        changes = candidates.changes()
        tried = np.flatnonzero(changes > 0)

        def dense(numbers: np.ndarray) -> np.ndarray:
            return self._judge.of_images([candidates.painted(int(one)) for one in numbers])

        verdicts = Verdicts(self.problem, job.goal, found.distance, found.reached, dense)
        seed = zlib.crc32(job.image_id.encode("utf-8")) ^ course.seed
        audited = audit(verdicts, tried, math.ceil(AUDITED / course.total), seed)
        best, refuted = _fittest(verdicts, found.fitness, tried)
        audited = dataclasses.replace(audited, contradictions=audited.contradictions + refuted)
        num_classes = len(self.problem.space.class_names)
        maps = maps_of(candidates, found, verdicts.flips, changes, num_classes, audited)
        flipping = np.flatnonzero(verdicts.flips[tried])
        png = encode_png(candidates.painted(best))
        after, before = self._judge([png, encode_png(job.image)])
        return Outcome(
            job=job,
            success=succeeds(self.problem, job, after),
            refuted_hits=refuted,
            png=png,
            pixels=candidates.places(best),
            logits_before=before,
            logits_after=after,
            generations=0,
            queries=len(tried),
            queries_to_first_hit=int(flipping[0]) + 1 if len(flipping) else None,
            best_fitness=float(found.fitness[best]),
            seconds=time.monotonic() - began,
            maps=maps,
        )


def _fittest(verdicts: Verdicts, fitness: np.ndarray, tried: np.ndarray) -> tuple[int, int]:
    """The fittest flip that the dense victim confirms, else the fittest of all; and how many it refuted."""
    refuted = 0
    while len(hits := tried[verdicts.flips[tried]]):
        best = hits[np.argmin(fitness[hits])]
        if not verdicts.asked[best]:
            verdicts.ask(np.array([best]))
        if verdicts.flips[best]:
            return int(best), refuted
        refuted += 1
    return int(tried[np.argmin(fitness[tried])]), refuted
