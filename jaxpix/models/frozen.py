"""Trained networks as pure functions of weights and images: one list of layers and one of their weights.

The layers are described here in the operations of `FeatureMap`; `freezing` folds trained models into them.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..platforms import on_cpu
from .feature_map import FeatureMap, Kernel, Layer, WholeMap, global_mean, per_feature
from .winograd import LEAST_FEATURES, transform_kernel


@dataclasses.dataclass(frozen=True)
class FrozenModel:
    """A network from 8-bit images to logits.

    Attributes:
        layers: from the image to the last map of features, in order.
        weights: one pytree per layer, then the classifier's `Kernel` ([1, 1, C, N]).
    """

    layers: tuple[Layer, ...]
    weights: tuple[Any, ...]

    def features(self, weights: Sequence[Any], start: Any, first: int = 0, last: int | None = None) -> Any:
        """The map after layers `first` to `last` (exclusive) of the map `start`, of any kind."""
        for layer, layer_weights in list(zip(self.layers, weights, strict=False))[first:last]:
            start = layer.apply(start, layer_weights)
        return start

    def logits(self, weights: Sequence[Any], images: jax.Array) -> jax.Array:
        """Float32 logits [B, N] of images [B, H, W, C] in 0..255."""
        return classify(self.features(weights, WholeMap(images.astype(jnp.float32))), weights[-1])

    def with_transformed_kernels(self, first: int) -> "FrozenModel":
        """The same network whose wide 3x3 kernels, from layer `first` on, are prepared for `winograd`."""
        prepared = [
            jax.tree.map(_transformed, layer, is_leaf=lambda node: isinstance(node, Kernel))
            for layer in self.weights[first:-1]
        ]
        return FrozenModel(self.layers, (*self.weights[:first], *prepared, self.weights[-1]))

    def in_bfloat16(self) -> "FrozenModel":
        """The same network in bfloat16 between images and classifier, which stay float32.

        On CPUs the stem stays float32, too: bfloat16 is emulated there.
        """
        inner, (normalisation, kernel) = _in_bfloat16(self.weights[1:-1]), self.weights[0]
        if not on_cpu():
            kernel = _in_bfloat16(kernel)
        stem = self.layers[0]._replace(apply=Stem(jnp.bfloat16))
        return FrozenModel((stem, *self.layers[1:]), ((normalisation, kernel), *inner, self.weights[-1]))


def classify(features: WholeMap, classifier: Kernel) -> jax.Array:
    """Float32 logits [B, N]: the mean over the map, then a matrix."""
    return global_mean(features.values) @ classifier.weights[0, 0] + classifier.bias[None]


@dataclasses.dataclass(frozen=True)
class Stem:
    """Normalisation of 8-bit images, the first convolution, and the pooling behind it; results in `dtype`."""

    dtype: Any = jnp.float32

    def __call__(self, x: FeatureMap, weights: Any) -> FeatureMap:
        (mean, std), kernel = weights

        def normalised(image: jax.Array) -> jax.Array:
            return (image - per_feature(mean, image)) / per_feature(std, image)

        x = x.pointwise(normalised).convolve(kernel, 2)
        return x.pointwise(lambda values: jax.nn.relu(values).astype(self.dtype)).max_pool()


@dataclasses.dataclass(frozen=True)
class Residual:
    """A bottleneck of a residual network: 1x1 down, 3x3 with the stride, 1x1 up, added to the input."""

    stride: int

    def __call__(self, x: FeatureMap, weights: dict[str, Kernel]) -> FeatureMap:
        shortcut = x.convolve(weights["shortcut"], self.stride) if "shortcut" in weights else x
        inner = x.convolve(weights["reduce"]).pointwise(jax.nn.relu)
        inner = inner.convolve(weights["spread"], self.stride).pointwise(jax.nn.relu)
        return inner.convolve(weights["expand"]).add(shortcut).pointwise(jax.nn.relu)


def normalise(x: FeatureMap, weights: Any) -> FeatureMap:
    """Folded normalisation, then ReLU."""
    scale, shift = weights

    def normalised(values: jax.Array) -> jax.Array:
        return jax.nn.relu(values * per_feature(scale, values) + per_feature(shift, values))

    return x.pointwise(normalised)


def grow(x: FeatureMap, weights: Any) -> FeatureMap:
    """A dense layer: appends its new features."""
    norm, reduce, spread = weights
    return x.append(normalise(x, norm).convolve(reduce).pointwise(jax.nn.relu).convolve(spread))


def shrink(x: FeatureMap, weights: Any) -> FeatureMap:
    """A transition between dense blocks."""
    # A 1x1 convolution and a mean over positions commute; this order is four times less work.
    norm, kernel = weights
    return normalise(x, norm).average_pool().convolve(kernel)


def _in_bfloat16(tree: Any) -> Any:
    # By NumPy: a GPU would compile something for each shape.
    return jax.device_put(jax.tree.map(lambda leaf: np.asarray(leaf).astype(jnp.bfloat16), tree))


def _transformed(node: Any) -> Any:
    if not isinstance(node, Kernel) or node.weights.shape[0] != 3:
        return node
    if min(node.weights.shape[2:]) < LEAST_FEATURES:
        return node
    return node._replace(transformed=transform_kernel(node.weights))
