"""The run folder of an attack: what has finished, and the pictures. Survives being killed at any moment.

Besides what every `RunFolder` has:

selection.json     the images, in order
about.json         data set and victim, for reports
journal.jsonl, records.parquet   what has finished; several processes have their own (`records/files.py`)
shares.json        several processes: what was left to do when they began
adversarial/, originals/   one PNG each per success; originals of the first failures and the nearest misses too
exhaustive/        of an exhaustive search: maps of each image (npz), and what is found of the one that is unfinished
"""

from __future__ import annotations

import contextlib
import dataclasses
import math
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from ..errors import InputError
from ..metrics.failures import distance
from ..records.attacked import SELECTION, Provenance
from ..records.files import (
    TABLE,
    Journal,
    cut_torn_lines,
    each_record,
    journal_records,
    part_name,
    part_tables,
    read_passed_over,
    write_table,
)
from ..records.maps import EXHAUSTIVE, maps_path, save_maps
from ..storage.documents import read_json
from ..storage.files import file_stem, write_atomically
from ..storage.png import encode_png
from ..storage.run_folder import RunFolder
from .cluster import ALONE

if TYPE_CHECKING:
    from ..records.attacked import About, AttackedData, AttackedVictim, PassedOver
    from ..records.record import Record
    from ..victim.victim import Victim
    from .cluster import Member
    from .experiments import Finished
    from .given import Attackable

SHARES = "shares.json"
KEPT_FAILURES = 200
"""Failures of which a process keeps the original, besides those that came nearer to success than all before."""

# Network file systems show a new file to other machines only after a while.
_PATIENCE_SECONDS = 120.0


class AttackRun:
    """One attack's folder, held by one process, or by those of one `Member`'s cluster. A context manager.

    Args:
        folder: created if absent.
        identity: JSON-able values that decide the results; a resumed run must match all of them.
        member: this process among those that share the run. Process 0 prepares the folder and lets the others in.

    Attributes:
        finished: ids of the images whose experiment was finished when the run was opened, or since by this process.
        passed_over: ids of those that were judged and cannot be attacked, likewise.
        num_successes: successes among `finished`.
        scratch: where an exhaustive search keeps what it has found of an unfinished image.
        handed_out: where process 0 prepared the folder: the images, by position, that it found left to do.

    Raises:
        InputError: another process holds the folder, it belongs to another attack, its files are damaged, or
            process 0 has written to another folder.
    """

    def __init__(self, folder: Path, identity: Mapping[str, Any], member: Member = ALONE):
        self.files, self.folder, self.member = RunFolder(folder, "attack"), Path(folder), member
        self.scratch: Path | None = self.folder / EXHAUSTIVE
        self._identity = identity
        self.finished: set[str] = set()
        self.passed_over: set[str] = set()
        self.num_successes = 0
        self.handed_out: list[int] = []
        self._num_failures, self._least_distance = 0, math.inf
        self._resources = contextlib.ExitStack()

    def __enter__(self) -> AttackRun:
        with contextlib.ExitStack() as resources:
            self._lock = resources.enter_context(self.files.held(shared=not self.member.is_leader))
            if self.member.is_leader:
                self._prepare()
            else:
                self.handed_out = self._await_shares()
                self.files.match(self._identity)
            self._journal = Journal(self._own("journal", ".jsonl"))
            resources.callback(self._journal.close)
            self._resources = resources.pop_all()
        return self

    def __exit__(self, *details: object) -> None:
        self._resources.close()

    def _own(self, stem: str, suffix: str) -> Path:
        return self.folder / part_name(stem, suffix, self.member.process_id, self.member.num_processes)

    def _prepare(self) -> None:
        for record in each_record(self.folder):
            self._count(record)
        self.passed_over = read_passed_over(self.folder)
        has_results = bool(self.finished or self.passed_over)
        if not self.files.bind(self._identity, has_results=has_results) and not has_results:
            # Of images that were chosen for another attack, none of which was attacked.
            (self.folder / SELECTION).unlink(missing_ok=True)
        cut_torn_lines(self.folder)

    def hand_out(self, todo: Sequence[int]) -> None:
        """Process 0 of several: let the others in and tell them which images, by position, are left to do."""
        # Whether all processes are done is seen from their tables, which hold nothing that the journals do not.
        for path in part_tables(self.folder):
            path.unlink()
        self.files.store_json(SHARES, {"start": self.member.start, "todo": list(todo)}, indent=None)
        self._lock.share()
        self.member.begin()

    def _await_shares(self) -> list[int]:
        path, until = self.folder / SHARES, time.monotonic() + _PATIENCE_SECONDS
        while True:
            shares = read_json(path) if path.exists() else {}
            if shares.get("start") == self.member.start:
                return list(map(int, shares["todo"]))
            if time.monotonic() > until:
                raise InputError(
                    f"{path} is not what process 0 has written; is {self.folder} on a disk that all processes share?"
                )
            time.sleep(0.5)

    def store_own_json(self, name: str, content: Any) -> None:
        """Write what each of several processes says of itself: `environment-1-of-4.json`."""
        path = Path(name)
        self.files.store_json(self._own(path.stem, path.suffix).name, content)

    def save(self, finished: Finished) -> Record:
        """Keep one finished experiment: its pictures first, then its line in the journal."""
        record = finished.record
        if record.success:
            name = f"{file_stem(record.image_id)}.png"
            write_atomically(self.folder / "adversarial" / name, finished.png)
            write_atomically(self.folder / "originals" / name, encode_png(finished.original))
            record = dataclasses.replace(record, image_file=f"adversarial/{name}")
        elif self._num_failures < KEPT_FAILURES or distance(record) < self._least_distance:
            # A report shows failures as well, and where nothing succeeded the nearest miss.
            name = f"{file_stem(record.image_id)}.png"
            write_atomically(self.folder / "originals" / name, encode_png(finished.original))
        if finished.maps is not None:
            save_maps(maps_path(self.folder, record.image_id), finished.maps)
        self._journal.add(record)
        self._count(record)
        return record

    def _count(self, record: Record) -> None:
        self.finished.add(record.image_id)
        self.num_successes += record.success
        self._num_failures += not record.success
        if not record.success:
            self._least_distance = min(self._least_distance, distance(record))

    def pass_over(self, images: Sequence[PassedOver]) -> None:
        """Keep that these images were judged and cannot be attacked."""
        self._journal.pass_over(images)
        self.passed_over.update(one.image_id for one in images)

    def finish(self, order: Sequence[str]) -> tuple[list[Record], bool]:
        """Write this process's table, and that of the whole run once no process has anything left to do.

        Args:
            order: image ids, of finished experiments and of others.

        Returns:
            Records in that order: all, and True; or, while other processes are at work, this one's, and False.
        """
        rank = {image_id: number for number, image_id in enumerate(order)}
        if self.member.num_processes > 1:
            own = {record.image_id: record for record in journal_records(self._journal.path)}
            part = sorted(own.values(), key=lambda record: rank[record.image_id])
            write_table(self._own("records", ".parquet"), part, is_whole=False)
            if len(part_tables(self.folder)) < self.member.num_processes:
                return part, False
        records = sorted(each_record(self.folder), key=lambda record: rank[record.image_id])
        write_table(self.folder / TABLE, records, is_whole=True)
        return records, True


def describe_attacked(victim: Victim, dataset: Attackable, subset: str) -> About:
    """Data set and victim; `None` where something is unknown."""
    return {"dataset": _dataset(dataset, subset), "victim": _victim(victim)}


def _dataset(dataset: Attackable, subset: str) -> AttackedData:
    info = dataset.info
    return {
        "name": dataset.name,
        "title": info.title,
        "citation": info.citation,
        "licence": info.licence,
        "task": info.task,
        "class_names": list(info.class_names),
        "normal_classes": list(info.normal_classes),
        "image_size": dataset.image_size,
        "channels": 1 if info.channels == 1 else 3,
        "split": dataset.scheme,
        "subset": subset,
        "synthetic": dataset.synthetic,
        "note": dataset.note,
    }


def _victim(victim: Victim) -> AttackedVictim:
    provenance = dict(victim.provenance)
    metrics = provenance.pop("test", None)
    return {
        "name": victim.name,
        "id": victim.victim_id,
        "architecture": victim.description["architecture"] if victim.description else None,
        "provenance": cast(Provenance, provenance),
        "test_metrics": metrics,
    }
