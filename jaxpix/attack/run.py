"""The run folder of an attack: what has finished, and the pictures. Survives being killed at any moment.

Besides what every `RunFolder` has:

selection.json     the images, in order
about.json         data set and victim, for reports
journal.jsonl, records.parquet   what has finished
adversarial/, originals/   one PNG each per success; originals of the first failures and the nearest misses too
exhaustive/        of an exhaustive search: maps of each image (npz), and what is found of the one that is unfinished
"""

from __future__ import annotations

import contextlib
import dataclasses
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from ..metrics.failures import distance
from ..records.attacked import SELECTION, Provenance
from ..records.files import (
    TABLE,
    Journal,
    cut_torn_lines,
    each_record,
    read_passed_over,
    write_table,
)
from ..records.maps import EXHAUSTIVE, maps_path, save_maps, unfinished_path
from ..storage.documents import read_json
from ..storage.files import file_stem, write_atomically
from ..storage.png import encode_png
from ..storage.run_folder import ENVIRONMENT, RunFolder
from .work import Keeper

if TYPE_CHECKING:
    from ..records.attacked import About, AttackedData, AttackedVictim, PassedOver
    from ..records.record import Record
    from ..victim.victim import Victim
    from .experiments import Finished
    from .given import Attackable

KEPT_FAILURES = 200
"""Failures of which a run keeps the original, besides those that came nearer to success than all before."""

JOURNAL = "journal.jsonl"


class AttackRun(Keeper):
    """One attack's folder, held by one process. A context manager.

    Args:
        folder: created if absent.
        identity: JSON-able values that decide the results; a resumed run must match all of them.

    Raises:
        InputError: another process holds the folder, it belongs to another attack, or its files are damaged.
    """

    def __init__(self, folder: Path, identity: Mapping[str, Any]):
        super().__init__()
        self.files, self.folder = RunFolder(folder, "attack"), Path(folder)
        self.scratch = self.folder / EXHAUSTIVE
        self._identity = identity
        self._num_failures, self._least_distance = 0, math.inf
        self._resources = contextlib.ExitStack()

    def __enter__(self) -> AttackRun:
        with contextlib.ExitStack() as resources:
            resources.enter_context(self.files.held())
            self._prepare()
            self._journal = Journal(self.folder / JOURNAL)
            resources.callback(self._journal.close)
            self._resources = resources.pop_all()
        return self

    def __exit__(self, *details: object) -> None:
        self._resources.close()

    def _prepare(self) -> None:
        for record in each_record(self.folder):
            self._count(record)
        self.passed_over = read_passed_over(self.folder)
        has_results = bool(self.finished or self.passed_over)
        if not self.files.bind(self._identity, has_results=has_results) and not has_results:
            # Of images that were chosen for another attack, none of which was attacked.
            (self.folder / SELECTION).unlink(missing_ok=True)
        cut_torn_lines(self.folder)

    def computed_by(self, environments: Sequence[Mapping[str, Any]]) -> None:
        """Keep what has computed the records, where it was not this process: the first worker's, and all devices."""
        devices = [f"{one['host']}: {', '.join(one['devices'])}" for one in environments]
        before = read_json(self.folder / ENVIRONMENT)
        self.files.store_json(ENVIRONMENT, {**before, **environments[0], "workers": devices})

    def save(self, finished: Finished) -> Record:
        """Keep one finished experiment: its pictures first, then its line in the journal."""
        record, name = finished.record, f"{file_stem(finished.record.image_id)}.png"
        if record.success:
            write_atomically(self.folder / "adversarial" / name, finished.png)
            record = dataclasses.replace(record, image_file=f"adversarial/{name}")
        # A report shows failures as well, and where nothing succeeded the nearest miss.
        if record.success or self._num_failures < KEPT_FAILURES or distance(record) < self._least_distance:
            original = finished.original_png or encode_png(finished.original)
            write_atomically(self.folder / "originals" / name, original)
        if finished.maps is not None:
            save_maps(maps_path(self.folder, record.image_id), finished.maps)
            # Of the same image, found here before others went on with the run.
            unfinished_path(self.folder / EXHAUSTIVE, record.image_id).unlink(missing_ok=True)
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

    def finish(self, order: Sequence[str]) -> list[Record]:
        """Write the table of the run.

        Args:
            order: image ids, of finished experiments and of others.

        Returns:
            Records in that order.
        """
        rank = {image_id: number for number, image_id in enumerate(order)}
        records = sorted(each_record(self.folder), key=lambda record: rank[record.image_id])
        write_table(self.folder / TABLE, records)
        return records


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
