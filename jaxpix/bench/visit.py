"""A visit to a GPU that is lent for minutes: one process, every figure written at once, nothing waited for long.

A measurement that Python cannot stop, or that takes the process down, costs itself alone: the process leaves with
`RESTART_STATUS` or dies, and one that is started with `resume` goes on behind it.
"""

import dataclasses
import functools
import time
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import jax
import jax.numpy as jnp
import tyro
from pydantic import Field

from ..errors import InputError
from ..search.layout import is_out_of_memory
from ..storage.settings import to_plain
from ..terminal.console import say
from ..terminal.interruption import Interrupted
from .agenda import IN_SMALL, ON_GPU, Measurement, agenda_of, chosen, with_limits
from .hardware import MatrixRates
from .journal import ROW_TYPES, Journal, Status, kind_of, show_visit
from .limits import PATIENCE_SECONDS, RESTART_STATUS, OverLimit, within
from .options import FOLDER
from .results import Results
from .workbench import Workbench

# With less of its time than this left, a measurement would hardly get to its first figure.
_LEAST_SHARE = 1 / 3


@dataclasses.dataclass(frozen=True)
class VisitOptions:
    """Options of `python -m jaxpix.bench visit`."""

    steps: tyro.conf.Positional[tuple[str, ...]] = ()
    """Measurements, of those that an unknown name lists. Default: all, the most valuable first."""
    small: bool = False
    """Tiny networks on a CPU, to rehearse."""
    seconds: Annotated[float, Field(gt=0)] = 360.0
    """Time for everything, counted from the start of the first process."""
    limits: tuple[str, ...] = ()
    """NAME=SECONDS: what a measurement may take, instead of what the agenda says."""
    out: Path = FOLDER
    """Folder of the results."""
    name: str | None = None
    """NAME.json holds the results. Default: date and device."""
    resume: bool = False
    """Go on with the results of that name, behind what they call measured, given up or crashed."""


def visit(options: VisitOptions, command: str) -> int:
    """Measure what the options name; the exit status.

    Returns:
        0: something was measured, and nothing crashed or failed. 1: otherwise. `RESTART_STATUS`: to be started
        again with `resume`.

    Raises:
        InputError: an unknown step or limit, no GPU, or nothing to resume.
    """
    began = time.time()
    setting = IN_SMALL if options.small else ON_GPU
    agenda = chosen(with_limits(agenda_of(setting), options.limits), options.steps)
    if options.resume and options.name is None:
        raise InputError("--resume needs the --name of the results to go on with")
    if not options.small and jax.default_backend() == "cpu":
        raise InputError("no GPU here: JAX found only the CPU; --small rehearses on it")
    rates = MatrixRates(setting.scale.repeats)
    results = Results(options.out, options.name, command, {**to_plain(options), "began": began}, rates)
    if options.resume:
        results.restore(ROW_TYPES)
    return Visit(agenda, Workbench(setting.scale, rates), results, options.seconds).run()


class Visit:
    """Measurements in order, each within its limit, all within `seconds` from when the results say they began.

    Args:
        agenda: what is measured.
        bench: what measurements share.
        results: new, or restored; its option `began` is in seconds since the epoch.
        seconds: for everything.
        patience_seconds: from a measurement's limit to the end of a process that does not hear of it.
    """

    def __init__(
        self,
        agenda: Sequence[Measurement],
        bench: Workbench,
        results: Results,
        seconds: float,
        patience_seconds: float = PATIENCE_SECONDS,
    ):
        self._agenda, self._bench, self._results = agenda, bench, results
        self._journal = Journal(results)
        self._deadline = float(results.options["began"]) + seconds
        self._patience_seconds = patience_seconds

    def run(self) -> int:
        """Measure, and say what there is to carry home; the exit status, see `visit`."""
        for measurement in self._agenda:
            if self._journal.knows(measurement.name):
                continue
            left = self._deadline - time.time()
            if left < _LEAST_SHARE * measurement.seconds:
                reason = f"{max(0.0, left):.0f} s left, and it may take {measurement.seconds:.0f}"
                self._journal.skip(measurement.name, reason)
                continue
            self._measure(measurement, min(measurement.seconds, left))
            if self._journal.status(measurement.name) == "failed" and not _device_answers():
                say("the device answers no more; it needs a new process")
                return RESTART_STATUS
        show_visit(self._journal.entries)
        say(f"carry home: {self._results.json_path} (shown by: python -m jaxpix.bench show FILE)")
        return self._exit_status()

    def _measure(self, measurement: Measurement, seconds: float) -> None:
        name, began = measurement.name, time.monotonic()
        self._journal.begin(name)

        def end(status: Status, note: str = "") -> None:
            self._journal.end(name, status, time.monotonic() - began, note)

        def work() -> None:
            for row in measurement.work(self._bench):
                self._journal.keep(name, kind_of(row), row, time.monotonic() - began)

        over = f"{seconds:.3g} s"
        give_up = functools.partial(
            end, "over its limit", f"{over}, and not to be stopped but with the process"
        )
        try:
            within(seconds, work, give_up, self._patience_seconds)
            outcome: tuple[Status, str] = "measured", ""
        except OverLimit:
            outcome = "over its limit", over
        except Interrupted:
            end("interrupted")
            raise
        except Exception as error:
            outcome = _what_happened(error)
        # Outside the handler, whose traceback keeps arrays alive.
        end(*outcome)

    def _exit_status(self) -> int:
        entries = self._journal.entries
        broken = [one.name for one in entries if one.status in ("crashed", "failed")]
        if broken:
            say(f"crashed or failed: {', '.join(broken)}")
        if not any(one.figure for one in entries):
            say("nothing was measured")
            return 1
        return 1 if broken else 0


def _what_happened(error: Exception) -> tuple[Status, str]:
    note = f"{type(error).__name__}: {error}".splitlines()[0][:200]
    if isinstance(error, InputError):
        return "skipped", str(error)
    if isinstance(error, jax.errors.JaxRuntimeError) and is_out_of_memory(error):
        return "out of memory", ""
    traceback.print_exception(error)
    return "failed", note


def _device_answers() -> bool:
    """Whether anything can be computed; after some errors a GPU's process has to be left."""
    try:
        ones: Any = jnp.ones(8)
        return bool(jax.block_until_ready(ones + 1)[0] == 2)
    except jax.errors.JaxRuntimeError:
        return False
