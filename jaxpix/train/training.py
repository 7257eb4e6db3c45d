"""Training a victim (paper 4.2 to 4.4): epochs, checkpoints, the best weights, the test."""

from __future__ import annotations

import dataclasses
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jax
import numpy as np
from flax import nnx

from ..models.zoo import check_image_size
from ..platforms import on_host
from ..storage.checkpoints import has_checkpoint, restore_tree, save_tree
from ..storage.settings import to_plain
from ..terminal.console import Meter
from ..version import __version__
from ..victim.victim import Victim
from .evaluation import evaluate_logits, score_name, selection_score
from .parts import testing_part
from .run import Progress, TrainingRun
from .scores import cross_entropy
from .step import learning_rate
from .trainer import Trainer

if TYPE_CHECKING:
    from ..config import TrainConfig
    from ..data.prepared import PreparedDataset


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
    """One training run: what the trainer learns, and the folder that keeps it."""

    def __init__(self, dataset: PreparedDataset, config: TrainConfig, folder: TrainingRun, quiet: bool):
        self.dataset, self.config, self.folder = dataset, config, folder
        self.trainer = Trainer(dataset, config, is_begun=has_checkpoint(folder.last), quiet=quiet)

    def run_epochs(self) -> None:
        """Train from the last checkpoint to the stop, leaving a checkpoint after each epoch."""
        progress = Progress()
        if has_checkpoint(self.folder.last):
            state, progress = restore_tree(self.folder.last, (self.trainer.state, progress))
            self.trainer.place(state)
        self.folder.keep_epochs(int(progress.epoch))
        if progress.stopped or progress.epoch >= self.config.epochs:
            return
        self.trainer.compile()
        images = self.trainer.steps_per_epoch * self.config.batch_size
        total, done = self.config.epochs * images, int(progress.epoch) * images
        with Meter("training", total, already=done, quiet=self.trainer.quiet) as meter:
            while progress.epoch < self.config.epochs and not progress.stopped:
                progress = self._epoch(progress, meter)

    def _epoch(self, progress: Progress, meter: Meter) -> Progress:
        trainer, task = self.trainer, self.trainer.task
        epoch, start = int(progress.epoch) + 1, time.monotonic()
        loss = trainer.train_epoch(epoch, str(self.folder.last), meter)
        train_seconds = time.monotonic() - start
        logits = trainer.predict(trainer.validation)
        score = selection_score(task, trainer.validation.labels, logits)
        validation_loss = cross_entropy(trainer.validation.labels, logits)
        # At equal scores the surer model is the better one.
        is_best = (score, -validation_loss) > (float(progress.best_score), -float(progress.best_loss))
        if is_best:
            save_tree(self.folder.best, trainer.weights)
        with on_host():
            rate = float(
                learning_rate(self.config, trainer.steps_per_epoch)(epoch * trainer.steps_per_epoch - 1)
            )
        # Before the checkpoint: a kill in between leaves a line too many, which the next start drops.
        self.folder.add_epoch(
            {
                "epoch": epoch,
                "loss": loss,
                "validation_loss": validation_loss,
                f"validation_{score_name(task)}": score,
                "best": is_best,
                "learning_rate": rate,
                "images_per_second": trainer.steps_per_epoch * self.config.batch_size / train_seconds,
                "seconds": time.monotonic() - start,
            }
        )
        stopped = self.config.stop_accuracy < 1 and score >= self.config.stop_accuracy
        best = (score, validation_loss) if is_best else (progress.best_score, progress.best_loss)
        progress = Progress(np.asarray(epoch, np.int64), *map(np.asarray, (*best, stopped)))
        save_tree(self.folder.last, (trainer.state, progress))
        return progress

    def finish(self) -> Victim:
        """Test the best weights on all test images, and save them as a victim."""
        trainer = self.trainer
        best = restore_tree(self.folder.best, trainer.weights)
        trainer.place(dataclasses.replace(trainer.state, **best))
        part = testing_part(self.dataset)
        with Meter("testing", len(part), quiet=trainer.quiet) as meter:
            logits = trainer.predict(part, meter)
        metrics = evaluate_logits(trainer.task, trainer.class_names, part.labels, logits)
        metrics["best_epoch"] = max(line["epoch"] for line in self.folder.epochs() if line["best"])
        victim = self._victim(metrics)
        victim.save(self.folder.victim)
        self.folder.finish(metrics)
        return victim

    def _victim(self, metrics: dict[str, Any]) -> Victim:
        dataset, trainer = self.dataset, self.trainer
        # Only the structure: weights drawn once more would be thrown away.
        graph = nnx.graphdef(nnx.eval_shape(trainer.model))
        named = dataset.name, self.config.model, str(dataset.image_size)
        model = nnx.merge(graph, *jax.device_get((trainer.state.params, trainer.state.statistics)))
        return Victim.from_model(
            model,
            architecture=self.config.model,
            task=trainer.task,
            class_names=trainer.class_names,
            normal_classes=dataset.info.normal_classes,
            input_shape=trainer.image_shape,
            mean=trainer.mean.tolist(),
            std=trainer.std.tolist(),
            name="-".join(filter(None, (*named, self.config.adversarial))),
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
