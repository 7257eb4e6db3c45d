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
from .layout import choose_layout, smaller_after
from .passes import Pass
from .slots import slot_program
from .verification import Verifier

if TYPE_CHECKING:
    from ..victim.victim import Victim
    from .course import Course
    from .layout import Layout
    from .problem import Problem
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

    def _arrange(self, largest: Layout, fewer: Layout | None = None) -> None:
        """Use the largest layout that memory allows, or one of fewer slots."""
        self._largest, self.layout = largest, fewer or largest
        self.program = slot_program(self.problem, self.layout)
        self.verify = Verifier(self.victim, self.problem, self.layout.judged)
        self._is_compiled = False

    @property
    def says(self) -> str:
        """For people: what is done at most, and how."""
        search = self.problem.search
        most, how = search.population * (1 + search.generations), self.problem.evaluator.name
        return f"at most {most:,} queries each; evaluation {how}, {self.layout.num_slots} slots"

    @property
    def capacity(self) -> int:
        """Experiments at a time."""
        return self.layout.num_slots

    def expect(self, experiments: int) -> None:
        """Make no more slots than so many experiments need, before they run; records do not depend on it.

        Programs with more slots that are compiled already are used as they are.
        """
        layout = self._largest.at_most(experiments)
        is_enough = layout.num_slots <= self.layout.num_slots
        if layout != self.layout and not (is_enough and self.program.is_compiled):
            self._arrange(self._largest, layout)

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

        work = {"search": advance, "bases": fill, "judge": self.verify.judge.compile, "refuting": refute}
        with ThreadPoolExecutor(len(work)) as threads:
            seconds = list(threads.map(_seconds_of, work.values()))
        self._is_compiled = program.is_compiled = True
        whole = time.monotonic() - began
        if on_notice and whole > _SECONDS_WORTH_SAYING:
            each = ", ".join(f"{name} {time:.1f} s" for name, time in zip(work, seconds, strict=True))
            on_notice(f"compiled in {whole:.1f} s, side by side: {each}")

    def run(self, jobs: Iterable[Job], course: Course) -> Iterator[Outcome]:
        """Yield outcomes as experiments finish, in order of finishing.

        When a device runs out of memory, slots are halved and what is unfinished starts again.

        Args:
            jobs: drawn lazily, one for each slot that becomes free.
            course: its seed, and who is told; an experiment that evolves is neither audited nor gone on with.

        Raises:
            InputError: `course.look` refuses, since the first population of every image is flat.
        """
        queue = iter(jobs)
        while True:
            work = Pass(self.program, self.verify, self.steps_after, queue, course)
            try:
                self.compile(course.on_notice)
                yield from work.outcomes()
                if work.aside:
                    raise course.look.refusal(self.victim, self.problem)
                return
            except jax.errors.JaxRuntimeError as error:
                smaller = smaller_after(error, self.layout.halved())
                course.on_notice(
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
