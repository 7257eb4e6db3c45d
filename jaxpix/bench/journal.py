"""What became of each measurement of a visit: written before it begins, with every figure, and when it ends."""

import dataclasses
from collections.abc import Sequence
from typing import Any, Literal

from rich.markup import escape

from ..terminal.console import print_table, say
from .attacks import WholeAttack
from .comparison import Comparison
from .datasets import DatasetAttack
from .results import Results
from .tables import number, percent, spread
from .throughput import Forward
from .timing import Timing
from .training import TrainingStep

KIND = "visit"

Status = Literal[
    "running", "measured", "over its limit", "out of memory", "crashed", "failed", "skipped", "interrupted"
]

# Of these nothing is known yet; whoever goes on tries them again.
_OPEN: tuple[Status, ...] = ("skipped", "interrupted")


@dataclasses.dataclass(frozen=True)
class Entry:
    """One measurement.

    Attributes:
        name: in the agenda.
        status: `running` in the file of a process that is gone means that it died there. What is over its limit
            or failed late may have a figure nevertheless.
        seconds: that it took, compiling included.
        figure, unit, spread: the figure that counts, as text, and half the way between its slowest and fastest
            run; "" where there is none.
        note: why it has this status.
    """

    name: str
    status: Status
    seconds: float = 0.0
    figure: str = ""
    unit: str = ""
    spread: str = ""
    note: str = ""


class Journal:
    """The entries of one visit, in the results' file.

    Args:
        results: taken over from an earlier process of the same visit, or empty.
    """

    def __init__(self, results: Results):
        self._results = results
        past: Sequence[Entry] = results.of(KIND)
        entries = [_after_death(entry) for entry in past if entry.status not in _OPEN]
        self._places = {entry.name: place for place, entry in enumerate(entries)}
        self._row_place: int | None = None
        results.replace_all(KIND, entries)

    @property
    def entries(self) -> Sequence[Entry]:
        """In the order of beginning."""
        return self._results.of(KIND)

    def knows(self, name: str) -> bool:
        """Whether a measurement has been begun, by this process or one before."""
        return name in self._places

    def begin(self, name: str) -> None:
        """Write down what is measured now."""
        self._row_place = None
        self._put(Entry(name, "running"))

    def keep(self, name: str, kind: str, row: Any, seconds: float) -> None:
        """Write a row of the results' list `kind` that replaces the measurement's earlier one; say its figure."""
        self._row_place = self._results.put(kind, row, self._row_place)
        figure, unit, around = figure_of(row)
        self._put(Entry(name, "running", seconds, figure, unit, around))
        say(f"{name}: {figure} {unit}, ± {around}, after {seconds:.0f} s")

    def end(self, name: str, status: Status, seconds: float, note: str = "") -> None:
        """Write down how it ended."""
        self._put(dataclasses.replace(self._entry(name), status=status, seconds=seconds, note=note))
        if status != "measured":
            say(f"{name}: {status}{note and f': {note}'}")

    def skip(self, name: str, reason: str) -> None:
        """Write down why it was not begun."""
        self._put(Entry(name, "skipped", note=reason))

    def status(self, name: str) -> Status:
        """Of a measurement that has been begun."""
        return self._entry(name).status

    def _entry(self, name: str) -> Entry:
        entry: Entry = self.entries[self._places[name]]
        return entry

    def _put(self, entry: Entry) -> None:
        self._places[entry.name] = self._results.put(KIND, entry, self._places.get(entry.name))


def _after_death(entry: Entry) -> Entry:
    if entry.status != "running":
        return entry
    return dataclasses.replace(entry, status="crashed", note="the process died in it")


def figure_of(row: Forward | WholeAttack | TrainingStep | Comparison) -> tuple[str, str, str]:
    """The figure that counts, its unit, and its spread."""
    if isinstance(row, TrainingStep):
        return number(row.images_per_second), "images/s", spread(row.timing)
    if isinstance(row, Comparison):
        ratio = min(row.ratios, key=lambda one: one.median)
        rates = (f"{one.name} {number(one.candidates_per_second)}" for one in row.standings)
        return (
            f"{ratio.median:.2f}",
            f"× {ratio.peer} (candidates/s: {', '.join(rates)})",
            # A ratio's turns are spread like a timing's runs.
            spread(Timing(ratio.turns)),
        )
    unit = "candidates/s"
    if isinstance(row, WholeAttack) and row.efficiency is not None:
        unit += f" ({percent(row.efficiency)} of the bare evaluator)"
    return number(row.candidates_per_second), unit, spread(row.timing)


ROW_TYPES: dict[str, type[Any]] = {
    "forward": Forward,
    "attacks": WholeAttack,
    "training": TrainingStep,
    "comparisons": Comparison,
    "datasets": DatasetAttack,
    KIND: Entry,
}
"""Of the lists that results have."""


def kind_of(row: Any) -> str:
    """The list that a row belongs to."""
    return next(kind for kind, row_type in ROW_TYPES.items() if isinstance(row, row_type))


def show_visit(entries: Sequence[Entry]) -> None:
    """One line per measurement."""
    lines = []
    for entry in entries:
        seconds = f"{entry.seconds:.0f}" if entry.seconds else ""
        # What a compiler complains of is full of brackets, which rich would read.
        status = entry.status + (f": {escape(entry.note)}" if entry.note else "")
        lines.append([entry.name, entry.figure, entry.unit.partition(" (")[0], entry.spread, seconds, status])
    print_table("Visit", ["", "figure", "", "±", "s", "status"], lines)
