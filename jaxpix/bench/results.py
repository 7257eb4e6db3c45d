"""A benchmark's results: one JSON file that is written again after every measurement, and tables."""

import dataclasses
import datetime
import json
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from ..errors import InputError
from ..storage.documents import read_json
from ..storage.files import write_atomically
from .hardware import MatrixRates, describe_machine, device_name, peak_memory_bytes
from .timing import Timing

SCHEMA_VERSION = 1


class Results:
    """What was measured so far, kept in `<folder>/<name>.json`.

    Args:
        folder: created if absent.
        name: of the file, without ending; default: date and device. An older file of that name is replaced.
        command: what was typed.
        options: JSON-able.
        rates: of matrix products, filled as they are needed.
    """

    def __init__(
        self,
        folder: Path,
        name: str | None,
        command: str,
        options: dict[str, Any],
        rates: MatrixRates | None = None,
    ):
        now = datetime.datetime.now(datetime.UTC)
        self._stem = folder / (name or f"{now:%Y-%m-%dT%H%M%S}-{device_name()}")
        self._rates = rates
        self._writing = threading.Lock()
        self._rows: dict[str, list[Any]] = {}
        self._head: dict[str, Any] = {
            "schema_version": SCHEMA_VERSION,
            "command": command,
            "options": options,
            "machine": describe_machine(),
        }

    @property
    def json_path(self) -> Path:
        """The file."""
        return self._stem.with_name(self._stem.name + ".json")

    @property
    def options(self) -> dict[str, Any]:
        """What the measurements were told; of the first process, where others went on."""
        options: dict[str, Any] = self._head["options"]
        return options

    def picture_path(self, kind: str) -> Path:
        """Where the plot of that name goes, beside the file."""
        return self._stem.with_name(f"{self._stem.name}-{kind}.png")

    def restore(self, row_types: Mapping[str, type[Any]]) -> None:
        """Take over what the file of this name holds, to show it or to add to it.

        Args:
            row_types: dataclass of the rows of each list; lists of other names hold sentences.

        Raises:
            InputError: the file is not there, damaged, or of another kind.
        """
        content = read_json(self.json_path)
        try:
            head = {key: content.pop(key) for key in self._head}
            del content["peak_memory_bytes"]
            rates = content.pop("matrix_products")
            self._rows = {
                kind: [TypeAdapter(row_types.get(kind, str)).validate_python(row) for row in rows]
                for kind, rows in content.items()
            }
            if self._rates:
                self._rates.restore(rates)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            line = str(error).splitlines()[0]
            raise InputError(f"{self.json_path} does not hold results of bench: {line}") from None
        self._head = head

    def add(self, kind: str, row: Any) -> None:
        """Add a dataclass, or a sentence, to the list `kind` and write the file."""
        self.put(kind, row)

    def put(self, kind: str, row: Any, place: int | None = None) -> int:
        """The same, or replace what is at `place` in the list; the row's place."""
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
            write_atomically(self.json_path, json.dumps(self.to_plain(), indent=1) + "\n")

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

    def to_plain(self) -> dict[str, Any]:
        """JSON-able values of everything."""
        return {
            **self._head,
            "peak_memory_bytes": peak_memory_bytes(),
            "matrix_products": self._rates.to_plain() if self._rates else [],
            **{kind: [_plain(row) for row in rows] for kind, rows in self._rows.items()},
        }


def _plain(value: Any) -> Any:
    if isinstance(value, Timing):
        return value.to_plain()
    if dataclasses.is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(item) for item in value]
    return value
