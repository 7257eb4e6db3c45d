"""A classifier that can be asked: 8-bit images in, float32 logits out, always in the same arithmetic.

It owns its normalisation. Nothing else ever normalises.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from ..errors import InputError

if TYPE_CHECKING:
    from ..config import Task
    from ..labels import LabelSpace

Weights = Any
Apply = Callable[[Weights, jax.Array], jax.Array]

_PREDICTION_BATCH = 64


class SharedApply:
    """An `apply` that victims with other weights share: it is compiled for the first of them.

    Args:
        fn: holds no weights.
    """

    def __init__(self, fn: Apply):
        self._fn = fn

    def __call__(self, weights: Weights, images: jax.Array) -> jax.Array:
        """Logits [B, N] of images [B, H, W, C] in 0..255."""
        return self._fn(weights, images)

    @functools.cached_property
    def compiled(self) -> Apply:
        """The same in float32, compiled."""
        return jax.jit(functools.partial(_in_float32, self._fn))


def _in_float32(apply: Apply, weights: Weights, images: jax.Array) -> jax.Array:
    # On GPUs float32 convolutions would otherwise run in TF32 and verification would not be float32.
    with jax.default_matmul_precision("float32"):
        return apply(weights, images.astype(jnp.float32)).astype(jnp.float32)


@dataclasses.dataclass(frozen=True, eq=False)
class Classifier:
    """A pure logits function, its label space and its input shape.

    Attributes:
        apply: pure and jittable; (weights, images float32 [B, H, W, C] in 0..255) -> logits [B, N].
        weights: pytree handed to `apply`; an argument rather than a constant, which keeps compilation short.
        space: task, class names, normal classes and threshold.
        input_shape: (H, W, C) of one image.
        name: what reports call it.
        judged: logits [B, N] of concrete 8-bit images, where these are not what `apply` computes: a defence whose
            real form runs on the host (Pillow's JPEG), of which `apply` holds a stand-in for searches. None: `apply`.
    """

    apply: Apply
    weights: Weights
    space: LabelSpace
    input_shape: tuple[int, int, int]
    name: str
    judged: Callable[[np.ndarray], jax.Array] | None = dataclasses.field(default=None, kw_only=True)

    @property
    def task(self) -> Task:
        """`multiclass` or `multilabel`."""
        return self.space.task

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the N outputs."""
        return self.space.class_names

    @functools.cached_property
    def _compiled(self) -> Apply:
        if isinstance(self.apply, SharedApply):
            return self.apply.compiled
        return jax.jit(functools.partial(_in_float32, self.apply))

    def dense_logits(self, weights: Weights, images: jax.Array) -> jax.Array:
        """Float32 logits [B, N] of images [B, H, W, C], traceable inside a larger program.

        Raises:
            InputError: the images have another shape.
        """
        self._check(images)
        return _in_float32(self.apply, weights, images)

    def _check(self, images: jax.Array) -> None:
        if images.ndim != 4 or images.shape[1:] != self.input_shape:
            raise InputError(
                f"victim {self.name!r} expects images [B, {', '.join(map(str, self.input_shape))}], "
                f"got {list(images.shape)}"
            )

    def logits(self, images: np.ndarray | jax.Array) -> jax.Array:
        """Logits [B, N] of 8-bit or float images [B, H, W, C] in 0..255: every verdict comes from here."""
        if self.judged is not None:
            return self.judged(np.asarray(images))
        given = jnp.asarray(images)
        self._check(given)
        return self._compiled(self.weights, given)

    def predict(self, images: np.ndarray) -> np.ndarray:
        """Logits [B, N] as NumPy, evaluated in padded batches of one fixed shape."""
        parts = []
        for start in range(0, len(images), _PREDICTION_BATCH):
            batch = images[start : start + _PREDICTION_BATCH]
            missing = _PREDICTION_BATCH - len(batch)
            padded = np.pad(batch, ((0, missing), (0, 0), (0, 0), (0, 0)))
            parts.append(np.asarray(self.logits(padded))[: len(batch)])
        return np.concatenate(parts) if parts else np.zeros((0, len(self.class_names)), np.float32)
