"""Trained networks as pure functions of weights and images: one list of layers and one of their weights.

The layers are described here; `freezing` folds trained models into them.
"""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from ..platforms import on_cpu


class Kernel(NamedTuple):
    """A convolution with its bias: weights [k, k, in, out], bias [out]; padded by k // 2."""

    weights: jax.Array
    bias: jax.Array


class Layer(NamedTuple):
    """A step of a network.

    Attributes:
        name: as in torchvision ("layer1.0").
        apply: (features [B, H, W, C], weights) to features.
    """

    name: str
    apply: Callable[[jax.Array, Any], jax.Array]


@dataclasses.dataclass(frozen=True)
class FrozenModel:
    """A network from 8-bit images to logits.

    Attributes:
        layers: from the image to the last map of features, in order.
        weights: one pytree per layer, then the classifier's `Kernel` ([1, 1, C, N]).
        before: what images in 0..255 go through before the first layer; None: nothing.
    """

    layers: tuple[Layer, ...]
    weights: tuple[Any, ...]
    before: Callable[[jax.Array], jax.Array] | None = None

    def features(self, weights: Sequence[Any], images: jax.Array) -> jax.Array:
        """What the classifier reads, float32 [B, C], of images [B, H, W, C] in 0..255."""
        x = images.astype(jnp.float32)
        if self.before is not None:
            with jax.named_scope("before"):
                x = self.before(x)
        for layer, layer_weights in zip(self.layers, weights, strict=False):
            with jax.named_scope(layer.name):
                x = layer.apply(x, layer_weights)
        return jnp.mean(x.astype(jnp.float32), axis=(1, 2))

    def logits(self, weights: Sequence[Any], images: jax.Array) -> jax.Array:
        """Float32 logits [B, N] of images [B, H, W, C] in 0..255."""
        features, classifier = self.features(weights, images), weights[-1]
        with jax.named_scope("classifier"):
            return features @ classifier.weights[0, 0] + classifier.bias[None]

    def in_bfloat16(self) -> "FrozenModel":
        """The same network in bfloat16 between images and classifier, which stay float32.

        On CPUs the stem stays float32, too: bfloat16 is emulated there.
        """
        inner, (normalisation, kernel) = _in_bfloat16(self.weights[1:-1]), self.weights[0]
        if not on_cpu():
            kernel = _in_bfloat16(kernel)
        stem = self.layers[0]._replace(apply=Stem(jnp.bfloat16))
        return dataclasses.replace(
            self, layers=(stem, *self.layers[1:]), weights=((normalisation, kernel), *inner, self.weights[-1])
        )


def per_feature(numbers: jax.Array, values: jax.Array) -> jax.Array:
    """One number a feature [C] in the rank of `values` [..., C]: broadcasts are written out, never guessed."""
    return numbers.reshape(*[1] * (values.ndim - 1), -1)


def convolve(x: jax.Array, kernel: Kernel, stride: int = 1) -> jax.Array:
    """Convolution with its bias, padded with zeros by half the kernel's size on every side."""
    margin = kernel.weights.shape[0] // 2
    result = jax.lax.conv_general_dilated(
        x.astype(kernel.weights.dtype),
        kernel.weights,
        (stride, stride),
        ((margin, margin), (margin, margin)),
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
    )
    return result + per_feature(kernel.bias, result)


@dataclasses.dataclass(frozen=True)
class Stem:
    """Normalisation of 8-bit images, the first convolution, and the pooling behind it; results in `dtype`."""

    dtype: Any = jnp.float32

    def __call__(self, x: jax.Array, weights: Any) -> jax.Array:
        (mean, std), kernel = weights
        x = convolve((x - per_feature(mean, x)) / per_feature(std, x), kernel, 2)
        x = jax.nn.relu(x).astype(self.dtype)
        return nnx.max_pool(x, (3, 3), strides=(2, 2), padding=((1, 1), (1, 1)))


@dataclasses.dataclass(frozen=True)
class Residual:
    """A block of a residual network, added to its input: 3x3 twice, or 1x1 down, 3x3 with the stride, 1x1 up."""

    stride: int

    def __call__(self, x: jax.Array, weights: dict[str, Kernel]) -> jax.Array:
        shortcut = convolve(x, weights["shortcut"], self.stride) if "shortcut" in weights else x
        if "reduce" in weights:
            x = jax.nn.relu(convolve(x, weights["reduce"]))
        x = jax.nn.relu(convolve(x, weights["spread"], self.stride))
        return jax.nn.relu(convolve(x, weights["expand"]) + shortcut)


def normalise(x: jax.Array, weights: Any) -> jax.Array:
    """Folded normalisation, then ReLU."""
    scale, shift = weights
    return jax.nn.relu(x * per_feature(scale, x) + per_feature(shift, x))


def grow(x: jax.Array, weights: Any) -> jax.Array:
    """A dense layer: appends its new features."""
    norm, reduce, spread = weights
    new = convolve(jax.nn.relu(convolve(normalise(x, norm), reduce)), spread)
    return jnp.concatenate([x, new], axis=-1)


def shrink(x: jax.Array, weights: Any) -> jax.Array:
    """A transition between dense blocks."""
    # A 1x1 convolution and a mean over positions commute; this order is four times less work.
    norm, kernel = weights
    x = normalise(x, norm)
    quarter = jnp.array(0.25, x.dtype)
    sums = jax.lax.reduce_window(x, np.zeros((), x.dtype), jax.lax.add, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")
    return convolve(sums * quarter, kernel)


def _in_bfloat16(tree: Any) -> Any:
    # By NumPy: a GPU would compile something for each shape.
    return jax.device_put(jax.tree.map(lambda leaf: np.asarray(leaf).astype(jnp.bfloat16), tree))
