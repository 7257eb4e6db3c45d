"""What a person sees while a door works: one live bar, or a line now and then in a log."""

import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable, Collection, Iterator
from types import TracebackType
from typing import Any, Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table

from ..errors import InputError
from ..storage.files import explain_disk_error
from .interruption import Interrupted, farewell, stopped_by_signals

_SECONDS_BETWEEN_LOG_LINES = 10.0
_SECONDS_BETWEEN_REDRAWS = 0.2
_BAR = 28

console = Console(highlight=False, soft_wrap=not sys.stdout.isatty())


def say(message: str) -> None:
    """Print one line, wrapped only by the terminal."""
    console.print(message, markup=False)


def _clock(seconds: float) -> str:
    minutes, seconds = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


class _NotebookLine:
    """A bar in a notebook, redrawn in place. That of rich needs `ipywidgets`, and a saved notebook loses it."""

    def __init__(self, description: str, total: int | None):
        self._description, self._total = description, total
        self._since = self._last = time.monotonic()
        self._handle: Any = None
        self._text = ""

    def start(self) -> None:
        """Show it."""
        from IPython.display import display

        self._handle = display({"text/plain": self._description}, raw=True, display_id=True)

    def add_task(self, description: str, *, total: int | None, completed: int, note: str) -> TaskID:
        """Draw the first state."""
        self.update(TaskID(0), completed=completed, note=note)
        return TaskID(0)

    def update(self, task: TaskID, *, completed: int, note: str) -> None:
        """Draw again, a few times a second at most."""
        share = completed / self._total if self._total else 0.0
        bar = "━" * round(_BAR * share) + "─" * (_BAR - round(_BAR * share)) if self._total else "…"
        of_total = f"/{self._total:,}" if self._total is not None else ""
        clock = _clock(time.monotonic() - self._since)
        self._text = f"{self._description} {bar} {completed:,}{of_total} {note} {clock}"
        if time.monotonic() - self._last > _SECONDS_BETWEEN_REDRAWS:
            self._last = time.monotonic()
            self._draw()

    def stop(self) -> None:
        """Draw the last state."""
        self._draw()

    def _draw(self) -> None:
        self._handle.update({"text/plain": self._text}, raw=True)


class Meter:
    """Progress of `total` things, with rate and time left.

    Args:
        description: what is being done, in a few words.
        total: how many things there are, or None where that is unknown.
        unit: what one thing is called ("images", "steps").
        already: how many were done before this process (a resumed run); they do not count in the rate.
        quiet: show nothing.
    """

    def __init__(
        self, description: str, total: int | None, unit: str = "images", already: int = 0, quiet: bool = False
    ):
        self._quiet, self._description, self._total, self._unit = quiet, description, total, unit
        self._done, self._already, self._note = already, already, ""
        self._start = self._last_line = time.monotonic()
        self._live: Progress | _NotebookLine | None = None
        if console.is_jupyter and not quiet:
            self._live = _NotebookLine(description, total)
        elif console.is_terminal and not quiet:
            self._live = Progress(
                SpinnerColumn(),
                TextColumn("{task.description}", markup=False),
                BarColumn(bar_width=_BAR),
                MofNCompleteColumn(),
                TextColumn("{task.fields[note]}", markup=False),
                TimeElapsedColumn(),
                console=console,
                transient=False,
            )

    def __enter__(self) -> Self:
        if self._live:
            self._live.start()
            self._task = self._live.add_task(
                self._description, total=self._total, completed=self._done, note=self._status()
            )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live:
            self._live.stop()
        elif kind is None and not self._quiet:
            self._print_line()

    @property
    def seconds(self) -> float:
        """Seconds since the start, never zero."""
        return max(1e-3, time.monotonic() - self._start)

    def advance(self, count: int = 1, note: str = "") -> None:
        """Count `count` more things as done; `note` replaces the words at the end of the bar."""
        self._done += count
        self._note = note or self._note
        if self._live:
            self._live.update(self._task, completed=self._done, note=self._status())
        elif not self._quiet and time.monotonic() - self._last_line > _SECONDS_BETWEEN_LOG_LINES:
            self._print_line()

    def _status(self) -> str:
        elapsed = time.monotonic() - self._start
        done = self._done - self._already
        parts = []
        if done and elapsed > 0:
            rate = done / elapsed
            per = f"{rate:,.1f} {self._unit}/s" if rate >= 1 else f"{60 * rate:,.1f} {self._unit}/min"
            parts.append(per)
            if self._total is not None and self._done < self._total:
                parts.append(f"{_clock((self._total - self._done) * elapsed / done)} left")
        if self._note:
            parts.append(self._note)
        return " · ".join(parts)

    def _print_line(self) -> None:
        self._last_line = time.monotonic()
        of_total = f"/{self._total:,}" if self._total is not None else ""
        elapsed = _clock(time.monotonic() - self._start)
        say(f"{self._description}: {self._done:,}{of_total} {self._unit} · {self._status()} · {elapsed}")


def print_table(
    title: str, header: list[str], rows: list[list[str]], caption: str = "", text: Collection[int] = (0,)
) -> None:
    """Print a table; columns of text are left-aligned, the others right-aligned."""
    table = Table(title=title, caption=caption or None, title_justify="left", caption_justify="left")
    for index, name in enumerate(header):
        table.add_column(name, justify="left" if index in text else "right", overflow="fold")
    for row in rows:
        table.add_row(*row)
    console.print(table)


@contextlib.contextmanager
def _plain_errors() -> Iterator[None]:
    try:
        yield
    except Exception as error:
        line = str(error) if isinstance(error, InputError) else explain_disk_error(error)
        if line is None or os.environ.get("JAXPIX_TRACEBACK"):
            raise
        Console(stderr=True, highlight=False, soft_wrap=True).print(f"error: {line}", markup=False)
        sys.exit(2)
    except Interrupted:
        raise
    except KeyboardInterrupt:
        Console(stderr=True).print(farewell(signal.SIGINT), markup=False)
        sys.exit(128 + signal.SIGINT)


def run_door(door: Callable[[list[str]], None], arguments: list[str] | None = None) -> None:
    """Run a door's `main`.

    An `InputError`, and a disk that is full or not to be written to, becomes one line on standard error and exit
    status 2; `JAXPIX_TRACEBACK=1` shows the whole traceback instead. SIGINT and SIGTERM stop the door within
    seconds with status 130 and 143 and a line that says how to go on; a second signal stops it at once.
    """
    with stopped_by_signals(), _plain_errors():
        door(sys.argv[1:] if arguments is None else arguments)
