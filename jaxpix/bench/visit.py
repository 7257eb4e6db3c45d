"""A visit to a GPU that is lent for minutes: one process, every figure written at once, nothing waited for long.

A measurement that Python cannot stop, or that takes the process down, costs itself alone: the process leaves with
`RESTART_STATUS` or dies, and one that is started with `resume` goes on behind it.
"""

import dataclasses
import functools
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from ..errors import InputError
from ..search.layout import is_out_of_memory
from ..terminal.console import say
from ..terminal.interruption import Interrupted
from .limits import PATIENCE_SECONDS, RESTART_STATUS, OverLimit, within
from .results import Entry, Results, Status
from .tables import figure_of, show_visit

# With less of its time than this left, a measurement would hardly get to its first figure.
_LEAST_SHARE = 1 / 3

# Of these nothing is known yet; whoever goes on tries them again.
_OPEN: tuple[Status, ...] = ("skipped", "interrupted")


@dataclasses.dataclass(frozen=True)
class Measurement:
    """One line of the agenda.

    Attributes:
        name: what a person types.
        seconds: that it may take, making and compiling what it needs included.
        work: yields its row as soon as there is one, and again when it knows more.
    """

    name: str
    seconds: float
    work: Callable[[], Iterator[Any]]


class Visit:
    """Measurements in order, each within its limit, all within `seconds` from when the results say they began.

    Args:
        agenda: what is measured.
        results: new, or restored; its option `began` is in seconds since the epoch.
        seconds: for everything.
        patience_seconds: from a measurement's limit to the end of a process that does not hear of it.
    """

    def __init__(
        self,
        agenda: Sequence[Measurement],
        results: Results,
        seconds: float,
        patience_seconds: float = PATIENCE_SECONDS,
    ):
        self._agenda, self._results = agenda, results
        self._journal = Journal(results)
        self._deadline = float(results.options["began"]) + seconds
        self._patience_seconds = patience_seconds

    def run(self) -> int:
        """Measure, and say what there is to carry home.

        Returns:
            Exit status, 0: something was measured, and nothing crashed or failed. 1: otherwise. `RESTART_STATUS`:
            to be started again with `resume`.
        """
        for measurement in self._agenda:
            if self._journal.knows(measurement.name):
                continue
            left = self._deadline - time.time()
            if left < _LEAST_SHARE * measurement.seconds:
                reason = f"{max(0.0, left):.0f} s left, and it may take {measurement.seconds:.0f}"
                self._journal.skip(measurement.name, reason)
                continue
            status = self._measure(measurement, min(measurement.seconds, left))
            if status == "failed" and not _device_answers():
                say("the device answers no more; it needs a new process")
                return RESTART_STATUS
        show_visit(self._journal.entries)
        say(f"carry home: {self._results.json_path} (shown by: python -m jaxpix.bench show FILE)")
        return self._exit_status()

    def _measure(self, measurement: Measurement, seconds: float) -> Status:
        name, began = measurement.name, time.monotonic()
        self._journal.begin(name)

        def end(status: Status, note: str = "") -> None:
            self._journal.end(name, status, time.monotonic() - began, note)

        def work() -> None:
            for row in measurement.work():
                self._journal.keep(name, row, time.monotonic() - began)

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
        return outcome[0]

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


class Journal:
    """The entries of one visit, in the results' file.

    Args:
        results: taken over from an earlier process of the same visit, or empty.
    """

    def __init__(self, results: Results):
        self._results = results
        past: Sequence[Entry] = results.of("visit")
        self._entries = {entry.name: _after_death(entry) for entry in past if entry.status not in _OPEN}
        self._row_place: int | None = None
        results.replace_all("visit", self.entries)

    @property
    def entries(self) -> list[Entry]:
        """In the order of beginning."""
        return list(self._entries.values())

    def knows(self, name: str) -> bool:
        """Whether a measurement has been begun, by this process or one before."""
        return name in self._entries

    def begin(self, name: str) -> None:
        """Write down what is measured now."""
        self._row_place = None
        self._put(Entry(name, "running"))

    def keep(self, name: str, row: Any, seconds: float) -> None:
        """Write a row that replaces the measurement's earlier one; say its figure."""
        self._row_place = self._results.add(row, self._row_place)
        figure, unit, around = figure_of(row)
        self._put(Entry(name, "running", seconds, figure, unit, around))
        say(f"{name}: {figure} {unit}, ± {around}, after {seconds:.0f} s")

    def end(self, name: str, status: Status, seconds: float, note: str = "") -> None:
        """Write down how it ended."""
        self._put(dataclasses.replace(self._entries[name], status=status, seconds=seconds, note=note))
        if status != "measured":
            say(f"{name}: {status}{note and f': {note}'}")

    def skip(self, name: str, reason: str) -> None:
        """Write down why it was not begun."""
        self._put(Entry(name, "skipped", note=reason))

    def _put(self, entry: Entry) -> None:
        self._entries[entry.name] = entry
        self._results.replace_all("visit", self.entries)


def _after_death(entry: Entry) -> Entry:
    if entry.status != "running":
        return entry
    return dataclasses.replace(entry, status="crashed", note="the process died in it")
