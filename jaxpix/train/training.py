"""Training a victim (paper 4.2 to 4.4): epochs, checkpoints, the best weights, the test."""

import collections
import contextlib
import dataclasses
import math
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax
import numpy as np
from flax import nnx

from ..config import TrainConfig
from ..data.pipeline import evaluation_batches, training_batches
from ..data.prepared import PreparedDataset
from ..errors import InputError
from ..models import build, check_image_size
from ..models.pretrained import load_torchvision, read_weights
from ..platforms import on_host
from ..storage.checkpoints import has_checkpoint, restore_tree, save_tree
from ..storage.settings import to_plain
from ..terminal.console import Meter
from ..version import __version__
from ..victim.victim import Victim
from .devices import Devices
from .evaluation import evaluate_logits, score_name, selection_score
from .parts import Part, normalization, testing_part, training_parts
from .run import Progress, TrainingRun
from .scores import cross_entropy
from .step import (
    Evaluate,
    TrainState,
    balanced_weights,
    initial_state,
    learning_rate,
    make_evaluate,
    make_optimizer,
    make_step,
)

# The loss of a step is read this many steps later, so that the device never waits for the host.
_LAG = 2


def train_victim(dataset: PreparedDataset, config: TrainConfig, run: Path, *, quiet: bool = False) -> Victim:
    """Train on the "train" split, keep the best epoch, test it, and save it as a victim.

    A run that was killed goes on from its last finished epoch and ends, on one machine, with the same bits
    as if it had not been; a finished run is only opened.

    Args:
        dataset: what to train on.
        config: the recipe.
        run: the run folder (see `jaxpix.train.run`).
        quiet: show no progress.

    Raises:
        InputError: images too small, a batch that the devices cannot share, weights that do not fit, a
            folder of another run, or a loss that is not finite (names epoch and step).
    """
    check_image_size(config.model, dataset.image_size)
    folder = TrainingRun(run)
    with folder.open(dataset, config):
        if folder.test_metrics is not None:
            return Victim.load(folder.victim)
        training = _Training(dataset, config, folder, quiet)
        training.run_epochs()
        return training.finish()


class _Training:
    """One training run in memory."""

    def __init__(self, dataset: PreparedDataset, config: TrainConfig, folder: TrainingRun, quiet: bool):
        self.dataset, self.config, self.folder, self.quiet = dataset, config, folder, quiet
        self.task, self.class_names = dataset.info.task, dataset.info.class_names
        self.image_shape = (dataset.image_size, dataset.image_size, dataset.info.channels or 3)
        self.devices = Devices(config.batch_size)
        self.train, self.validation = training_parts(dataset, config)
        with _meter("measuring grey levels", len(self.train), 0, quiet or config.init is not None) as meter:
            self.mean, self.std = normalization(dataset, self.train, config, meter)
        # A last partial batch is left out; the order of the next epoch is another.
        self.steps_per_epoch = len(self.train) // config.batch_size
        if not self.steps_per_epoch:
            raise InputError(
                f"batch_size {config.batch_size} is more than the {len(self.train)} images to train on"
            )
        self.step, self.evaluate, self.state = self._compile()

    def _compile(self) -> tuple[jax.stages.Wrapped, Evaluate, TrainState]:
        config = self.config
        optimizer = make_optimizer(config, self.steps_per_epoch)
        with on_host():
            model = self._model()
            if config.init is not None and not has_checkpoint(self.folder.last):
                load_torchvision(model, read_weights(config.init, architecture=config.model), adapt=True)
            first = initial_state(model, optimizer)
        state = self.devices.replicate(first)
        weights = None
        if config.class_weights == "balanced":
            weights = balanced_weights(self.task, self.train.labels, len(self.class_names))
        trained = nnx.eval_shape(lambda: self._model(config.precision))
        step = make_step(trained, optimizer, self.mean, self.std, weights)
        return step, make_evaluate(model, self.mean, self.std), state

    def _model(self, precision: Any = "float32") -> nnx.Module:
        return build(
            self.config.model,
            num_classes=len(self.class_names),
            channels=self.image_shape[2],
            seed=self.config.seed,
            precision=precision,
        )

    def run_epochs(self) -> None:
        """Train from the last checkpoint to the stop, leaving a checkpoint after each epoch."""
        progress = Progress()
        if has_checkpoint(self.folder.last):
            self.state, progress = restore_tree(self.folder.last, (self.state, progress))
            self.state = self.devices.replicate(self.state)
        self.folder.keep_epochs(int(progress.epoch))
        images = self.steps_per_epoch * self.config.batch_size
        total, done = self.config.epochs * images, int(progress.epoch) * images
        if progress.stopped or progress.epoch >= self.config.epochs:
            return
        num_labels = None if self.task == "multiclass" else len(self.class_names)
        # Apart from the epochs, whose time left would otherwise be far off at first.
        with _meter("compiling", 1, 0, self.quiet, "program") as meter:
            self.compiled_step = self.devices.compile(self.step, self.state, self.image_shape, num_labels)
            if meter:
                meter.advance()
        with _meter("training", total, done, self.quiet) as meter:
            while progress.epoch < self.config.epochs and not progress.stopped:
                progress = self._epoch(progress, meter)

    def _epoch(self, progress: Progress, meter: Meter | None) -> Progress:
        epoch, start = int(progress.epoch) + 1, time.monotonic()
        loss = self._train_once(epoch, meter)
        train_seconds = time.monotonic() - start
        logits = self.predict(self.validation, None)
        score = selection_score(self.task, self.validation.labels, logits)
        validation_loss = cross_entropy(self.validation.labels, logits)
        # At equal scores the surer model is the better one.
        is_best = (score, -validation_loss) > (float(progress.best_score), -float(progress.best_loss))
        if is_best:
            save_tree(self.folder.best, {"params": self.state.params, "statistics": self.state.statistics})
        with on_host():
            rate = float(learning_rate(self.config, self.steps_per_epoch)(epoch * self.steps_per_epoch - 1))
        # Before the checkpoint: a kill in between leaves a line too many, which the next start drops.
        self.folder.add_epoch(
            {
                "epoch": epoch,
                "loss": loss,
                "validation_loss": validation_loss,
                f"validation_{score_name(self.task)}": score,
                "best": is_best,
                "learning_rate": rate,
                "images_per_second": self.steps_per_epoch * self.config.batch_size / train_seconds,
                "seconds": time.monotonic() - start,
            }
        )
        stopped = self.config.stop_accuracy < 1 and score >= self.config.stop_accuracy
        progress = progress.after(epoch, score, validation_loss, is_best, stopped)
        save_tree(self.folder.last, (self.state, progress))
        return progress

    def _train_once(self, epoch: int, meter: Meter | None) -> float:
        waiting: collections.deque[tuple[int, jax.Array]] = collections.deque()
        losses: list[float] = []

        def read_one() -> None:
            number, loss = waiting.popleft()
            losses.append(float(loss))
            if not math.isfinite(losses[-1]):
                raise InputError(
                    f"the loss is {losses[-1]} at epoch {epoch}, step {number} of {self.steps_per_epoch}; "
                    f"{self.folder.last} keeps the last finished epoch. Try a smaller learning_rate, "
                    f"now {self.config.learning_rate:g}, in another --run"
                )

        for number, batch in enumerate(
            training_batches(
                self.train.source,
                batch_size=self.config.batch_size,
                seed=self.config.seed,
                epoch=epoch,
                augment=self.config.augment,
                indices=self.train.indices,
            ),
            start=1,
        ):
            arrays = (
                self.devices.share(array) for array in (batch["images"], batch["labels"], batch["mask"])
            )
            self.state, loss = self.compiled_step(self.state, *arrays)
            waiting.append((number, loss))
            if len(waiting) > _LAG:
                read_one()
            if meter:
                note = f"epoch {epoch}/{self.config.epochs}"
                meter.advance(self.config.batch_size, note + (f" · loss {losses[-1]:.3f}" if losses else ""))
        while waiting:
            read_one()
        return float(np.mean(losses))

    def predict(self, part: Part, meter: Meter | None) -> np.ndarray:
        """Float32 logits [B, N] of a part, in its order, by the current weights."""
        logits = np.empty((len(part), len(self.class_names)), np.float32)
        filled = 0
        for batch in evaluation_batches(part.source, batch_size=self.config.batch_size, indices=part.indices):
            out = self.evaluate(self.state.params, self.state.statistics, self.devices.share(batch["images"]))
            kept = np.asarray(out)[np.asarray(batch["mask"], bool)]
            logits[filled : filled + len(kept)] = kept
            filled += len(kept)
            if meter:
                meter.advance(len(kept))
        assert filled == len(part), (filled, len(part))
        return logits

    def finish(self) -> Victim:
        """Test the best weights on all test images, and save them as a victim."""
        like = {"params": self.state.params, "statistics": self.state.statistics}
        best = restore_tree(self.folder.best, like)
        self.state = dataclasses.replace(self.state, **self.devices.replicate(best))
        part = testing_part(self.dataset)
        with _meter("testing", len(part), 0, self.quiet) as meter:
            logits = self.predict(part, meter)
        metrics = evaluate_logits(self.task, self.class_names, part.labels, logits)
        metrics["best_epoch"] = max(line["epoch"] for line in self.folder.epochs() if line["best"])
        victim = self._victim(metrics)
        victim.save(self.folder.victim)
        self.folder.finish(metrics)
        return victim

    def _victim(self, metrics: dict[str, Any]) -> Victim:
        # Only the structure: weights drawn once more would be thrown away.
        graph = nnx.graphdef(nnx.eval_shape(self._model))
        model = nnx.merge(graph, *jax.device_get((self.state.params, self.state.statistics)))
        dataset = self.dataset
        return Victim.from_model(
            model,
            architecture=self.config.model,
            task=self.task,
            class_names=self.class_names,
            normal_classes=dataset.info.normal_classes,
            input_shape=self.image_shape,
            mean=self.mean.tolist(),
            std=self.std.tolist(),
            name=f"{dataset.name}-{self.config.model}-{dataset.image_size}",
            provenance={
                "dataset": dataset.name,
                "split": dataset.scheme,
                "fingerprint": dataset.fingerprint,
                "data": dataset.provenance,
                "synthetic": dataset.synthetic,
                "training": to_plain(self.config),
                "best_epoch": metrics["best_epoch"],
                "test": {key: value for key, value in metrics.items() if key != "best_epoch"},
                "jaxpix": __version__,
            },
        )


@contextlib.contextmanager
def _meter(
    description: str, total: int, already: int, quiet: bool, unit: str = "images"
) -> Iterator[Meter | None]:
    if quiet:
        yield None
        return
    with Meter(description, total, unit, already) as meter:
        yield meter
