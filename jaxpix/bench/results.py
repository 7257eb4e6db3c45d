"""A benchmark's results: one JSON file that is written again after every measurement."""

import dataclasses
import datetime
import json
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import TypeAdapter

from ..errors import InputError
from ..storage.documents import read_json
from ..storage.files import write_atomically
from .hardware import MatrixRates, describe_machine, device_name, peak_memory_bytes
from .rows import Comparison, Forward, Timing, TrainingStep, WholeAttack
from .standings import DatasetAttack, SearchRow

SCHEMA_VERSION = 1

Status = Literal[
    "running", "measured", "over its limit", "out of memory", "crashed", "failed", "skipped", "interrupted"
]


@dataclasses.dataclass(frozen=True)
class Entry:
    """What became of one measurement of a visit.

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


_ROW_TYPES: dict[str, type[Any]] = {
    "forward": Forward,
    "attacks": WholeAttack,
    "training": TrainingStep,
    "comparisons": Comparison,
    "datasets": DatasetAttack,
    "searches": SearchRow,
    "visit": Entry,
    "skipped": str,
}


class Results:
    """What was measured so far, kept in `<folder>/<name>.json`.

    Args:
        folder: created if absent.
        name: of the file, without ending; default: date and device. An older file of that name is replaced.
        command: what was typed.
        options: JSON-able.
        repeats: timed runs of matrix products.

    Attributes:
        json_path: the file.
        rates: of matrix products, measured as they are needed.
    """

    def __init__(
        self, folder: Path, name: str | None, command: str, options: dict[str, Any], repeats: int = 1
    ):
        now = datetime.datetime.now(datetime.UTC)
        self._stem = folder / (name or f"{now:%Y-%m-%dT%H%M%S}-{device_name()}")
        self.json_path = self._stem.with_name(self._stem.name + ".json")
        self.rates = MatrixRates(repeats)
        self._writing = threading.Lock()
        self._rows: dict[str, list[Any]] = {}
        self._head: dict[str, Any] = {
            "schema_version": SCHEMA_VERSION,
            "command": command,
            "options": options,
            "machine": describe_machine(),
        }

    @property
    def options(self) -> dict[str, Any]:
        """What the measurements were told; of the first process, where others went on."""
        options: dict[str, Any] = self._head["options"]
        return options

    def picture_path(self, kind: str) -> Path:
        """Where the plot of that name goes, beside the file."""
        return self._stem.with_name(f"{self._stem.name}-{kind}.png")

    @classmethod
    def read(cls, file: Path) -> "Results":
        """Results of a file, to show them.

        Raises:
            InputError: see `restore`; or its name does not end in `.json`.
        """
        if file.suffix != ".json":
            raise InputError(f"expected a .json file of bench, got {file}")
        results = cls(file.parent, file.stem, "", {})
        results.restore()
        return results

    def restore(self) -> None:
        """Take over what the file of this name holds, to show it or to add to it.

        Raises:
            InputError: the file is not there, damaged, or of another kind.
        """
        content = read_json(self.json_path)
        try:
            head = {key: content.pop(key) for key in self._head}
            del content["peak_memory_bytes"]
            self.rates.restore(content.pop("matrix_products"))
            self._rows = {
                kind: [TypeAdapter(_ROW_TYPES.get(kind, str)).validate_python(row) for row in rows]
                for kind, rows in content.items()
            }
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            line = str(error).splitlines()[0]
            raise InputError(f"{self.json_path} does not hold results of bench: {line}") from None
        self._head = head

    def add(self, row: Any, place: int | None = None) -> int:
        """Write a row, or a sentence on what was skipped, into the list of its type.

        Args:
            row: what was measured.
            place: of the row in that list that it replaces; default: it is a new one.

        Returns:
            Its place.
        """
        kind = next(kind for kind, row_type in _ROW_TYPES.items() if isinstance(row, row_type))
        rows = self._rows.setdefault(kind, [])
        if place is None:
            rows.append(row)
            place = len(rows) - 1
        else:
            rows[place] = row
        self._write()
        return place

    def replace_all(self, kind: str, rows: Sequence[Any]) -> None:
        """Replace a whole list, and write the file."""
        self._rows[kind] = [*rows]
        self._write()

    def _write(self) -> None:
        # The thread that watches a measurement's limit writes, too.
        with self._writing:
            content = {
                **self._head,
                "peak_memory_bytes": peak_memory_bytes(),
                "matrix_products": self.rates.to_plain(),
                **self._rows,
            }
            write_atomically(self.json_path, json.dumps(content, indent=1, default=_plain) + "\n")

    def of(self, kind: str) -> list[Any]:
        """The rows of one list, in order."""
        return self._rows.get(kind, [])

    @property
    def machine_line(self) -> str:
        """What was measured on, in a line."""
        machine = self._head["machine"]
        on_cpu = machine["backend"] == "cpu"
        kind = machine["processor"] if on_cpu else machine["devices"][0]
        count = machine["usable_cores"] if on_cpu else len(machine["devices"])
        commit = machine["commit"]
        version = machine["jaxpix"] if commit is None else commit[:8] + ("+" if commit.endswith("+") else "")
        return f"{count} × {kind}, JAX {machine['packages']['jax']}, jaxpix {version}"


def _plain(row: Any) -> dict[str, Any]:
    return row.to_plain() if isinstance(row, Timing) else vars(row)
