"""One step of training, pure and compiled: state, loss, optimiser. B images, N classes."""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx

from ..config import Task, TrainConfig
from .adversarial import Corners, key_of, worst_corners


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class TrainState:
    """All that changes from step to step.

    Attributes:
        params: float32 weights.
        statistics: float32 running mean and variance of the normalisation layers.
        optimizer: optax' state: momentum and step counter.
    """

    params: Any
    statistics: Any
    optimizer: optax.OptState


Step = Callable[[TrainState, jax.Array, jax.Array, jax.Array], tuple[TrainState, jax.Array]]
"""(state, images 0..255 [B, H, W, C], labels [B] or [B, N], mask [B]) -> (new state, loss). The old state
is donated: it must not be used again."""

Evaluate = Callable[[Any, Any, jax.Array], jax.Array]
"""(params, statistics, images 0..255 [B, H, W, C]) -> float32 logits [B, N]."""


def learning_rate(config: TrainConfig, steps_per_epoch: int) -> Callable[[Any], Any]:
    """The rate of each step, counted from 0: linear warm-up, then constant or a cosine down to 0."""
    warmup = config.warmup_epochs * steps_per_epoch
    total = config.epochs * steps_per_epoch

    def rate(step: Any) -> Any:
        warm = jnp.minimum(1.0, (step + 1) / warmup) if warmup else 1.0
        if config.schedule == "constant":
            return config.learning_rate * warm
        progress = jnp.clip((step - warmup) / max(total - warmup, 1), 0.0, 1.0)
        return config.learning_rate * warm * 0.5 * (1 + jnp.cos(jnp.pi * progress))

    return rate


def make_optimizer(config: TrainConfig, steps_per_epoch: int) -> optax.GradientTransformation:
    """torch's SGD: weight decay joins the gradient of every parameter before momentum."""
    decay = optax.add_decayed_weights(config.weight_decay) if config.weight_decay else optax.identity()
    momentum = optax.trace(config.momentum, config.nesterov) if config.momentum else optax.identity()
    rate = optax.scale_by_learning_rate(learning_rate(config, steps_per_epoch))
    return optax.chain(decay, momentum, rate)


def balanced_weights(task: Task, labels: np.ndarray, num_classes: int) -> np.ndarray:
    """Weights inverse to the frequencies in the training labels, 1 on average over its images.

    Returns:
        float32 [N] for multiclass (labels int [B]); [2, N] for multi-label (labels 0/1 [B, N]): row 0
        weighs a label's negatives, row 1 its positives.
    """
    if task == "multiclass":
        counts = np.bincount(labels, minlength=num_classes)
    else:
        positives = labels.sum(0)
        counts = np.stack([len(labels) - positives, positives])
    return (len(labels) / (len(counts) * np.maximum(counts, 1))).astype(np.float32)


def loss_of(
    logits: jax.Array, labels: jax.Array, mask: jax.Array, class_weights: np.ndarray | None
) -> jax.Array:
    """Weighted mean of softmax (labels int [B]) or sigmoid (labels 0/1 [B, N]) cross-entropy; scalar."""
    if labels.ndim == 1:
        losses = optax.softmax_cross_entropy_with_integer_labels(logits, labels)
        weights = mask if class_weights is None else mask * jnp.asarray(class_weights)[labels]
    else:
        losses = optax.sigmoid_binary_cross_entropy(logits, labels.astype(logits.dtype))
        weights = jnp.broadcast_to(mask[:, None], losses.shape)
        if class_weights is not None:
            weights = weights * jnp.where(labels > 0, class_weights[None, 1], class_weights[None, 0])
    return jnp.sum(losses * weights) / jnp.maximum(jnp.sum(weights), jnp.finfo(jnp.float32).tiny)


def losses_of(logits: jax.Array, labels: jax.Array) -> jax.Array:
    """Cross-entropy of each image [B], unweighted; of several labels their mean."""
    if labels.ndim == 1:
        return optax.softmax_cross_entropy_with_integer_labels(logits, labels)
    return jnp.mean(optax.sigmoid_binary_cross_entropy(logits, labels.astype(logits.dtype)), axis=-1)


def _normalised(images: jax.Array, mean: np.ndarray, std: np.ndarray) -> jax.Array:
    return (images.astype(jnp.float32) - mean[None, None, None]) / std[None, None, None]


def make_step(
    model: nnx.Module,
    optimizer: optax.GradientTransformation,
    mean: np.ndarray,
    std: np.ndarray,
    class_weights: np.ndarray | None = None,
    corners: Corners | None = None,
) -> jax.stages.Wrapped:
    """A jitted `Step` for the structure of `model` (in training mode).

    `mean`, `std` [C] in 0..255; `class_weights` as `balanced_weights` gives them. With `corners` training is
    adversarial: the network as it is, in training mode, says which pixel is worst.
    """
    model.train()
    graph = nnx.graphdef(model)

    def worst(state: TrainState, images: jax.Array, labels: jax.Array, corners: Corners) -> jax.Array:
        def losses(images: jax.Array) -> jax.Array:
            copy = nnx.merge(graph, state.params, state.statistics, copy=True)
            return losses_of(copy(_normalised(images, mean, std)), labels)

        return worst_corners(losses, images, key_of(corners, state.optimizer), corners.draws)

    def loss_fn(
        params: Any, statistics: Any, images: jax.Array, labels: jax.Array, mask: jax.Array
    ) -> tuple[jax.Array, Any]:
        copy = nnx.merge(graph, params, statistics, copy=True)
        logits = copy(_normalised(images, mean, std))
        return loss_of(logits, labels, mask.astype(jnp.float32), class_weights), nnx.state(
            copy, nnx.BatchStat
        )

    @functools.partial(jax.jit, donate_argnums=0)
    def step(
        state: TrainState, images: jax.Array, labels: jax.Array, mask: jax.Array
    ) -> tuple[TrainState, jax.Array]:
        if corners is not None:
            images = worst(state, images, labels, corners)
        gradient_fn = jax.value_and_grad(loss_fn, has_aux=True)
        (loss, statistics), gradients = gradient_fn(state.params, state.statistics, images, labels, mask)
        updates, optimizer_state = optimizer.update(gradients, state.optimizer, state.params)
        params = optax.apply_updates(state.params, updates)
        return TrainState(params, statistics, optimizer_state), loss

    return step


def make_evaluate(model: nnx.Module, mean: np.ndarray, std: np.ndarray) -> Evaluate:
    """Compile float32 evaluation for the structure of `model`, which must be of float32 precision."""
    model.eval()
    graph = nnx.graphdef(model)

    @jax.jit
    def evaluate(params: Any, statistics: Any, images: jax.Array) -> jax.Array:
        # Otherwise GPUs would evaluate float32 convolutions in TF32.
        with jax.default_matmul_precision("float32"):
            copy = nnx.merge(graph, params, statistics, copy=True)
            return copy(_normalised(images, mean, std))

    return evaluate


def initial_state(model: nnx.Module, optimizer: optax.GradientTransformation) -> TrainState:
    """The state before the first step."""
    params, statistics = nnx.state(model, nnx.Param), nnx.state(model, nnx.BatchStat)
    return TrainState(params, statistics, optimizer.init(params))
