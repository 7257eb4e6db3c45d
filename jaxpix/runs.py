"""A run folder: what was asked, what has finished, and the pictures. Survives being killed at any moment.

config.toml        the options, resolved          environment.json   versions, device, date
identity.json      what a resumed run must match  selection.json     the images, in order
about.json         data set and victim, for reports
journal.jsonl      one line per finished experiment, appended while running
records.parquet    the same as a table, written at the end
adversarial/, originals/   one PNG each per success
"""

import contextlib
import dataclasses
import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from .errors import InputError
from .experiments import Finished
from .files import read_json, remove_unfinished, write_atomically
from .locks import hold
from .records import Record, from_json, from_table, to_json, to_table
from .verification import encode_png

SELECTION, CONFIG, ENVIRONMENT, ABOUT = "selection.json", "config.toml", "environment.json", "about.json"
IDENTITY = "identity.json"
_JOURNAL, _TABLE = "journal.jsonl", "records.parquet"

# What is raised by a row that is no record: no JSON, other keys, other types.
_NO_RECORD = (ValueError, KeyError, TypeError, AttributeError)


def file_stem(image_id: str) -> str:
    """A file name for an image id: readable, safe on every file system, distinct."""
    readable = re.sub(r"[^A-Za-z0-9._-]+", "_", image_id).strip("._")[-80:]
    return f"{readable}-{hashlib.sha256(image_id.encode('utf-8')).hexdigest()[:8]}"


class AttackRun:
    """One attack's folder, held by one process at a time. Use as a context manager.

    Args:
        folder: created if absent.
        identity: JSON-able values that decide the results; a resumed run must match all of them.

    Raises:
        InputError: another process holds the folder, it belongs to another attack, or its files are damaged.
    """

    def __init__(self, folder: Path, identity: Mapping[str, Any]):
        self.folder = Path(folder)
        self._identity = json.loads(json.dumps(identity))
        self.finished: dict[str, Record] = {}
        self._resources = contextlib.ExitStack()

    def __enter__(self) -> "AttackRun":
        busy = f"another process is working on {self.folder}; wait for it or choose --run"
        self._resources.enter_context(hold(self.folder / ".lock", f"the run folder {self.folder}", busy))
        try:
            self._check_identity()
            remove_unfinished(self.folder)
            self.finished = {record.image_id: record for record in read_records(self.folder)}
            self._cut_torn_line()
            self._journal = self._resources.enter_context(
                (self.folder / _JOURNAL).open("a", encoding="utf-8")
            )
        except BaseException:
            self._resources.close()
            raise
        return self

    def __exit__(self, *details: object) -> None:
        self._resources.close()

    def _check_identity(self) -> None:
        path = self.folder / IDENTITY
        # A run that ended before it chose its images holds nothing that another attack could mix up.
        if not path.exists() or not (self.folder / SELECTION).exists():
            write_atomically(path, json.dumps(self._identity, indent=1) + "\n")
            return
        before = read_json(path)
        keys = sorted({*before, *self._identity})
        changed = [key for key in keys if before.get(key) != self._identity.get(key)]
        if changed:
            what = "; ".join(
                f"{key}: it has {before.get(key)!r}, now asked {self._identity.get(key)!r}" for key in changed
            )
            raise InputError(f"{self.folder} holds another attack ({what}); choose another --run")

    def _cut_torn_line(self) -> None:
        path = self.folder / _JOURNAL
        if not path.exists():
            return
        with path.open("r+b") as stream:
            content = stream.read()
            # Shortened in place: a disk that is full has no room for a second journal.
            stream.truncate(content.rfind(b"\n") + 1)
            os.fsync(stream.fileno())

    def stored_json(self, name: str) -> dict[str, Any] | None:
        """Content of a JSON file of this folder, or None."""
        path = self.folder / name
        return read_json(path) if path.exists() else None

    def store_json(self, name: str, content: Any) -> None:
        """Write a JSON file of this folder, atomically."""
        write_atomically(self.folder / name, json.dumps(content, indent=1) + "\n")

    def store_text(self, name: str, content: str) -> None:
        """Write a text file of this folder, atomically."""
        write_atomically(self.folder / name, content)

    def save(self, finished: Finished) -> Record:
        """Keep one finished experiment: its pictures first, then its line in the journal."""
        record = finished.record
        if record.success:
            name = f"{file_stem(record.image_id)}.png"
            write_atomically(self.folder / "adversarial" / name, finished.png)
            write_atomically(self.folder / "originals" / name, encode_png(finished.original))
            record = dataclasses.replace(record, image_file=f"adversarial/{name}")
        self._journal.write(to_json(record) + "\n")
        self._journal.flush()
        os.fsync(self._journal.fileno())
        self.finished[record.image_id] = record
        return record

    def finish(self, order: list[str]) -> list[Record]:
        """Write `records.parquet` in the order of `order` (image ids) and return the records."""
        records = [self.finished[image_id] for image_id in order]
        sink = pa.BufferOutputStream()
        pq.write_table(to_table(records), sink, compression="zstd")
        write_atomically(self.folder / _TABLE, sink.getvalue().to_pybytes())
        return records


def read_records(folder: Path) -> list[Record]:
    """All records of a run folder, finished or not; each experiment once.

    Raises:
        InputError: a file is damaged. A torn last line of the journal is what a kill leaves and is passed over.
    """
    folder = Path(folder)
    records: dict[str, Record] = {}
    if (folder / _TABLE).exists():
        records |= {record.image_id: record for record in _table_records(folder / _TABLE)}
    for record in _journal_records(folder / _JOURNAL):
        records.setdefault(record.image_id, record)
    return list(records.values())


def _table_records(path: Path) -> list[Record]:
    try:
        return from_table(pq.read_table(path))
    except InputError:
        raise
    except (pa.ArrowException, OSError, *_NO_RECORD) as error:
        raise InputError(
            f"{path} is damaged: {error}; {_JOURNAL} holds the same records: delete {_TABLE}, and the command "
            f"that wrote it writes it again"
        ) from None


def _journal_records(path: Path) -> Iterator[Record]:
    if not path.exists():
        return
    lines = path.read_bytes().split(b"\n")
    for number, line in enumerate(lines[:-1], start=1):
        try:
            yield from_json(line.decode("utf-8"))
        except InputError:
            raise
        except _NO_RECORD:
            raise InputError(
                f"{path}: line {number} is damaged; delete that line, and its experiment is done again"
            ) from None
