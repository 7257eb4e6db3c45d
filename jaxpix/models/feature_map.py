"""What a network is written in: maps of features and the few operations on them.

An architecture describes its layers once (in `frozen`); a kind of map decides what they mean. `WholeMap` here
computes them on whole images, `windows.Windows` only where pixels changed, and `costs.Sketch` counts their work.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol, TypeVar

import jax
import jax.numpy as jnp
from flax import nnx

from .convolve import convolve
from .winograd import winograd

Map = TypeVar("Map", bound="FeatureMap")


class Kernel(NamedTuple):
    """A convolution with its bias: weights [k, k, in, out], bias [out]; padded by k // 2.

    `transformed`, where it is present, is the same kernel for `winograd`, which whole maps then use.
    """

    weights: jax.Array
    bias: jax.Array
    transformed: jax.Array | None = None


class FeatureMap(Protocol):
    """Operations that layers are described in; each returns a new map."""

    def convolve(self: Map, kernel: Kernel, stride: int = 1) -> Map:
        """Convolution, padded with zeros by half the kernel's size on every side."""

    def max_pool(self: Map) -> Map:
        """3x3 maximum with stride 2; what lies outside the image never wins."""

    def average_pool(self: Map) -> Map:
        """2x2 mean with stride 2; an odd last row or column is dropped."""

    def pointwise(self: Map, fn: Callable[[jax.Array], jax.Array]) -> Map:
        """`fn` of the features of every position by itself; keeps their number."""

    def add(self: Map, other: Map) -> Map:
        """Sum of two maps of one size."""

    def append(self: Map, other: Map) -> Map:
        """Features of both, one after the other."""


class Layer(NamedTuple):
    """A step of a network.

    Attributes:
        name: as in torchvision ("layer1.0").
        apply: (map, weights) to map, in the operations of `FeatureMap`.
    """

    name: str
    apply: Callable[[Any, Any], Any]


class WholeMap:
    """Features [B, H, W, C], all of them computed."""

    def __init__(self, values: jax.Array):
        self.values = values

    def _then(self, values: jax.Array) -> "WholeMap":
        """The result of an operation."""
        return WholeMap(values)

    def convolve(self, kernel: Kernel, stride: int = 1) -> "WholeMap":
        """See `FeatureMap`."""
        if kernel.transformed is not None and stride == 1:
            return self._then(biased(winograd(self.values, kernel.transformed), kernel))
        margin = kernel.weights.shape[0] // 2
        return self._then(biased(convolve(self.values, kernel.weights, stride, margin), kernel))

    def max_pool(self) -> "WholeMap":
        """See `FeatureMap`."""
        return self._then(max_pool(self.values, 1))

    def average_pool(self) -> "WholeMap":
        """See `FeatureMap`."""
        return self._then(average_pool(self.values))

    def pointwise(self, fn: Callable[[jax.Array], jax.Array]) -> "WholeMap":
        """See `FeatureMap`."""
        return self._then(fn(self.values))

    def add(self, other: "WholeMap") -> "WholeMap":
        """See `FeatureMap`."""
        return self._then(self.values + other.values)

    def append(self, other: "WholeMap") -> "WholeMap":
        """See `FeatureMap`."""
        return self._then(jnp.concatenate([self.values, other.values], axis=-1))


def per_feature(numbers: jax.Array, values: jax.Array) -> jax.Array:
    """One number a feature [C] in the rank of `values` [..., C]: broadcasts are written out, never guessed."""
    return numbers.reshape(*[1] * (values.ndim - 1), -1)


def biased(values: jax.Array, kernel: Kernel) -> jax.Array:
    """Convolved features [..., C] with the kernel's bias."""
    return values + per_feature(kernel.bias, values)


def max_pool(values: jax.Array, margin: int) -> jax.Array:
    """3x3 maximum with stride 2 of [B, H, W, C], padded by `margin`."""
    return nnx.max_pool(values, (3, 3), strides=(2, 2), padding=((margin, margin), (margin, margin)))


def average_pool(values: jax.Array) -> jax.Array:
    """2x2 mean with stride 2 of [B, H, W, C]; an odd last row or column is dropped."""
    height, width = (values.shape[axis] // 2 * 2 for axis in (1, 2))
    values = values[:, :height, :width]
    rows = values[:, ::2] + values[:, 1::2]
    return (rows[:, :, ::2] + rows[:, :, 1::2]) * jnp.array(0.25, values.dtype)


def global_mean(values: jax.Array) -> jax.Array:
    """[B, H, W, C] in any precision to the float32 [B, C] mean over the image."""
    return jnp.mean(values.astype(jnp.float32), axis=(1, 2))
