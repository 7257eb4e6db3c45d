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
from .flatness import FirstLook
from .layout import choose_layout, is_out_of_memory
from .passes import Means, Pass
from .slots import slot_program
from .verification import Verifier

if TYPE_CHECKING:
    from pathlib import Path

    from ..victim.victim import Victim
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

        work = {"search": advance, "bases": fill, "judge": self.verify.compile, "refuting": refute}
        with ThreadPoolExecutor(len(work)) as threads:
            seconds = list(threads.map(_seconds_of, work.values()))
        self._is_compiled = program.is_compiled = True
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
        *,
        look: FirstLook | None = None,
        total: int | None = None,
        scratch: Path | None = None,
    ) -> Iterator[Outcome]:
        """Yield outcomes as experiments finish, in order of finishing.

        When a device runs out of memory, slots are halved and what is unfinished starts again.

        Args:
            jobs: drawn lazily, one for each slot that becomes free.
            seed: of the whole run.
            on_candidates: told after each device call how many candidates were evaluated in it.
            on_notice: told what a person should know, in a sentence.
            look: at the first populations; default: one that does not refuse.
            total, scratch: see `Sweep.run`; an experiment that evolves is neither audited nor gone on with.

        Raises:
            InputError: `look` refuses, since the first population of every image is flat.
        """
        queue, look = iter(jobs), look or FirstLook()
        while True:
            work = Pass(self._means(), queue, seed, look, on_candidates)
            try:
                self.compile(on_notice)
                yield from work.outcomes()
                if work.aside:
                    raise look.refusal(self.victim, self.problem)
                return
            except jax.errors.JaxRuntimeError as error:
                smaller = self._smaller_after(error, on_notice)
            # Outside the handler, whose traceback would keep the arrays alive.
            yield from work.judged
            queue = itertools.chain(work.unfinished(), queue)
            del work
            self._arrange(smaller)

    def _smaller_after(self, error: Exception, on_notice: Callable[[str], None] | None) -> Layout:
        """The layout to go on with after an error, which is raised where fewer slots do not help."""
        smaller = self.layout.halved()
        if smaller is None or not is_out_of_memory(error):
            raise error
        if on_notice:
            on_notice(
                f"out of memory with {self.layout.num_slots} slots in groups of {self.layout.group}; "
                f"going on with {smaller.num_slots} in groups of {smaller.group}"
            )
        return smaller

    def _means(self) -> Means:
        return Means(self.program, self.layout, self.verify, self.steps_after)

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
