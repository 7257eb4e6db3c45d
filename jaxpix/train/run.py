"""A training run's folder. Survives being killed at any moment.

Besides what every `RunFolder` has:

metrics.jsonl       one line per epoch
checkpoints/last    all that the next epoch needs     checkpoints/best    weights of the best epoch
victim/             the best weights, ready for attack
test_metrics.json   written last: the run is complete
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jax
import numpy as np
import tomli_w

from ..errors import InputError
from ..storage.checkpoints import has_checkpoint
from ..storage.documents import read_json
from ..storage.files import write_atomically
from ..storage.run_folder import RunFolder
from ..storage.settings import to_plain

if TYPE_CHECKING:
    from ..config import TrainConfig
    from ..data.prepared import PreparedDataset


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Progress:
    """How far a run is: NumPy scalars, stored with the state."""

    epoch: np.ndarray = dataclasses.field(default_factory=lambda: np.asarray(0, np.int64))
    best_score: np.ndarray = dataclasses.field(default_factory=lambda: np.asarray(-np.inf))
    best_loss: np.ndarray = dataclasses.field(default_factory=lambda: np.asarray(np.inf))
    stopped: np.ndarray = dataclasses.field(default_factory=lambda: np.asarray(False))


class TrainingRun:
    """Paths and small files of one run.

    Attributes:
        folder: the run folder.
        last, best: checkpoints (`jaxpix.storage.checkpoints`).
        victim: folder of the finished victim.
    """

    def __init__(self, folder: Path):
        self.files, self.folder = RunFolder(folder, "training"), Path(folder)
        self.last = self.folder / "checkpoints" / "last"
        self.best = self.folder / "checkpoints" / "best"
        self.victim = self.folder / "victim"
        self._metrics = self.folder / "metrics.jsonl"
        self._test_metrics = self.folder / "test_metrics.json"

    @contextlib.contextmanager
    def open(self, dataset: PreparedDataset, config: TrainConfig) -> Iterator[None]:
        """Hold the folder, created if absent, for one process.

        Raises:
            InputError: it cannot be written, another process holds it, or an epoch was trained in it with other
                options or on other data; the message names what differs.
        """
        data = {"dataset": dataset.name, "split": dataset.scheme, "image_size": dataset.image_size}
        options = {**data, **to_plain(config)}
        with self.files.held():
            has_results = self._test_metrics.exists() or has_checkpoint(self.last)
            self.files.bind({**options, "fingerprint": dataset.fingerprint}, has_results=has_results)
            given = {key: value for key, value in options.items() if value is not None}
            self.files.describe(tomli_w.dumps({"train": given}))
            yield

    def keep_epochs(self, finished: int) -> None:
        """Drop the metrics of epochs after `finished`: those that a kill left without a checkpoint."""
        lines = [line for line in self.epochs() if line["epoch"] <= finished]
        write_atomically(self._metrics, "".join(json.dumps(line) + "\n" for line in lines))

    def add_epoch(self, line: dict[str, Any]) -> None:
        """Append one epoch's metrics."""
        lines = [*self.epochs(), line]
        write_atomically(self._metrics, "".join(json.dumps(line) + "\n" for line in lines))

    def epochs(self) -> list[dict[str, Any]]:
        """Metrics of all epochs so far, in order.

        Raises:
            InputError: a line is damaged.
        """
        if not self._metrics.exists():
            return []
        lines = self._metrics.read_bytes().splitlines()
        return [_epoch(line, f"{self._metrics}: line {number}") for number, line in enumerate(lines, start=1)]

    @property
    def test_metrics(self) -> dict[str, Any] | None:
        """What the finished run scored on the test split; None while it is not finished.

        Raises:
            InputError: the file is damaged.
        """
        if not self._test_metrics.exists():
            return None
        metrics = read_json(self._test_metrics)
        if not {"task", "best_epoch"} <= metrics.keys():
            raise InputError(
                f"{self._test_metrics} is damaged: it has neither task nor best epoch; delete it, and training "
                "tests the best epoch again"
            )
        return metrics

    def finish(self, metrics: dict[str, Any]) -> None:
        """Write the test metrics, which completes the run."""
        self.files.store_json(self._test_metrics.name, metrics)


def _epoch(line: bytes, where: str) -> dict[str, Any]:
    try:
        metrics = json.loads(line)
        if {"epoch", "best"} <= metrics.keys():
            return metrics
    except (ValueError, AttributeError):
        pass
    raise InputError(f"{where} is damaged: expected the metrics of an epoch, got {line[:40]!r}")
