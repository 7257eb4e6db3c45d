"""A network in training: its state on the devices, an epoch at a time, and its answers to images."""

from __future__ import annotations

import collections
import math
from typing import TYPE_CHECKING, Any

import jax
import numpy as np
from flax import nnx

from ..data.pipeline import evaluation_batches, training_batches
from ..errors import InputError
from ..models.checkpoint_files import read_weights
from ..models.pretrained import load_torchvision
from ..models.zoo import build
from ..platforms import on_host
from ..terminal.console import Meter, say
from .adversarial import corners_of
from .devices import Devices
from .parts import normalization, training_parts
from .step import balanced_weights, initial_state, make_evaluate, make_optimizer, make_step

if TYPE_CHECKING:
    from ..config import TrainConfig
    from ..data.prepared import PreparedDataset
    from .parts import Part
    from .step import Evaluate, TrainState

# The loss of a step is read this many steps later, so that the device never waits for the host.
_LAG = 2


class Trainer:
    """What is trained, compiled once.

    Args:
        dataset: what to train on.
        config: the recipe.
        is_begun: a checkpoint takes the place of the weights to start from.
        quiet: show no progress.

    Attributes:
        state: of the network and its optimizer, on all devices.
        train, validation: the images.
        mean, std: grey levels [C] that the network is given as 0 and 1.
        steps_per_epoch: whole batches.

    Raises:
        InputError: a batch of more images than there are, or one that the devices cannot share; weights that do
            not fit.
    """

    def __init__(self, dataset: PreparedDataset, config: TrainConfig, *, is_begun: bool, quiet: bool):
        self.config, self.quiet = config, quiet
        self.task, self.class_names = dataset.info.task, dataset.info.class_names
        self.image_shape = (dataset.image_size, dataset.image_size, dataset.info.channels or 3)
        self.devices = Devices(config.batch_size)
        self.train, self.validation = training_parts(dataset, config)
        with Meter("measuring grey levels", len(self.train), quiet=quiet or config.init is not None) as meter:
            self.mean, self.std = normalization(dataset, self.train, config, meter)
        # A last partial batch is left out; the order of the next epoch is another.
        self.steps_per_epoch = len(self.train) // config.batch_size
        if not self.steps_per_epoch:
            raise InputError(
                f"batch_size {config.batch_size} is more than the {len(self.train)} images to train on"
            )
        self._step, self._evaluate, self.state = self._made(is_begun)

    def _made(self, is_begun: bool) -> tuple[jax.stages.Wrapped, Evaluate, TrainState]:
        config = self.config
        optimizer = make_optimizer(config, self.steps_per_epoch)
        with on_host():
            model = self.model()
            if config.init is not None and not is_begun:
                checkpoint = read_weights(config.init, architecture=config.model)
                load_torchvision(model, checkpoint, adapt=True, on_notice=None if self.quiet else say)
            first = initial_state(model, optimizer)
        state = self.devices.replicate(first)
        weights = None
        if config.class_weights == "balanced":
            weights = balanced_weights(self.task, self.train.labels, len(self.class_names))
        trained = nnx.eval_shape(lambda: self.model(config.precision))
        step = make_step(trained, optimizer, self.mean, self.std, weights, corners_of(config))
        return step, make_evaluate(model, self.mean, self.std), state

    def model(self, precision: Any = "float32") -> nnx.Module:
        """The network before training."""
        return build(
            self.config.model,
            num_classes=len(self.class_names),
            channels=self.image_shape[2],
            seed=self.config.seed,
            precision=precision,
        )

    @property
    def weights(self) -> dict[str, Any]:
        """What the network has learnt."""
        return {"params": self.state.params, "statistics": self.state.statistics}

    def place(self, state: TrainState) -> None:
        """Go on from this state."""
        self.state = self.devices.replicate(state)

    def compile(self) -> None:
        """Compile the step. Apart from the epochs, whose time left would otherwise be far off at first."""
        num_labels = None if self.task == "multiclass" else len(self.class_names)
        with Meter("compiling", 1, "program", quiet=self.quiet) as meter:
            self._compiled = self.devices.compile(self._step, self.state, self.image_shape, num_labels)
            meter.advance()

    def train_epoch(self, epoch: int, kept: str, meter: Meter) -> float:
        """One pass over the images; the mean loss of its steps.

        Args:
            epoch: its number, which seeds the order.
            kept: where the last finished epoch lies, for the message.
            meter: told of every batch.

        Raises:
            InputError: a loss that is not finite; names epoch and step.
        """
        config, train = self.config, self.train
        waiting: collections.deque[tuple[int, jax.Array]] = collections.deque()
        losses: list[float] = []

        def read_one() -> None:
            number, loss = waiting.popleft()
            losses.append(float(loss))
            if not math.isfinite(losses[-1]):
                raise InputError(
                    f"the loss is {losses[-1]} at epoch {epoch}, step {number} of {self.steps_per_epoch}"
                    f"{_way_out(config, epoch, kept)}"
                )

        batches = training_batches(
            train.source,
            batch_size=config.batch_size,
            seed=config.seed,
            epoch=epoch,
            augment=config.augment,
            indices=train.indices,
        )
        for number, batch in enumerate(batches, start=1):
            arrays = map(self.devices.share, (batch["images"], batch["labels"], batch["mask"]))
            self.state, loss = self._compiled(self.state, *arrays)
            waiting.append((number, loss))
            if len(waiting) > _LAG:
                read_one()
            note = f"epoch {epoch}/{config.epochs}"
            meter.advance(config.batch_size, note + (f" · loss {losses[-1]:.3f}" if losses else ""))
        while waiting:
            read_one()
        return float(np.mean(losses))

    def predict(self, part: Part, meter: Meter | None = None) -> np.ndarray:
        """Float32 logits [B, N] of a part, in its order, by the current weights."""
        logits = np.empty((len(part), len(self.class_names)), np.float32)
        filled = 0
        for batch in evaluation_batches(part.source, batch_size=self.config.batch_size, indices=part.indices):
            out = self._evaluate(
                self.state.params, self.state.statistics, self.devices.share(batch["images"])
            )
            kept = np.asarray(out)[np.asarray(batch["mask"], bool)]
            logits[filled : filled + len(kept)] = kept
            filled += len(kept)
            if meter:
                meter.advance(len(kept))
        assert filled == len(part), (filled, len(part))
        return logits


def _way_out(config: TrainConfig, epoch: int, kept: str) -> str:
    """What to do about a loss that is not finite. Before an epoch is finished the folder binds nobody."""
    advice = f". Try a smaller learning_rate, now {config.learning_rate:g}"
    return advice if epoch == 1 else f"; {kept} keeps the last finished epoch{advice}, in another --run"
