"""Trained models as pure functions: normalisation layers folded, one list of layers and one of their weights."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from ..platforms import on_cpu
from .densenet import DenseLayer, DenseNet, Transition
from .feature_map import FeatureMap, Kernel, Layer, WholeMap, per_feature
from .layers import global_mean
from .resnet import Bottleneck, ResNet
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
        stem = self.layers[0]._replace(apply=_Stem(jnp.bfloat16))
        return FrozenModel((stem, *self.layers[1:]), ((normalisation, kernel), *inner, self.weights[-1]))


def classify(features: WholeMap, classifier: Kernel) -> jax.Array:
    """Float32 logits [B, N]: the mean over the map, then a matrix."""
    return global_mean(features.values) @ classifier.weights[0, 0] + classifier.bias[None]


def freeze(model: nnx.Module, mean: Sequence[float], std: Sequence[float]) -> FrozenModel:
    """Fold a trained ResNet or DenseNet; `mean` and `std` [C] are on the 0..255 scale.

    Raises:
        TypeError: the model is of another architecture.
    """
    model.eval()
    if isinstance(model, ResNet):
        named, head = _resnet(model), model.fc
    elif isinstance(model, DenseNet):
        named, head = _densenet(model), model.classifier
    else:
        raise TypeError(f"expected a ResNet or a DenseNet, got {type(model).__name__}")
    layers, weights = zip(*named, strict=True)
    scale = (np.asarray(mean, np.float32), np.asarray(std, np.float32))
    classifier = Kernel(_array(head.kernel)[None, None], _array(head.bias))
    # In one transfer; jnp.asarray would have a GPU compile something for each shape.
    numbers = jax.device_put(((scale, weights[0]), *weights[1:], classifier))
    return FrozenModel(tuple(layers), numbers)


@dataclasses.dataclass(frozen=True)
class _Stem:
    dtype: Any = jnp.float32

    def __call__(self, x: FeatureMap, weights: Any) -> FeatureMap:
        (mean, std), kernel = weights

        def normalised(image: jax.Array) -> jax.Array:
            return (image - per_feature(mean, image)) / per_feature(std, image)

        x = x.pointwise(normalised).convolve(kernel, 2)
        return x.pointwise(lambda values: jax.nn.relu(values).astype(self.dtype)).max_pool()


def _resnet(model: ResNet) -> list[tuple[Layer, Any]]:
    """Layers of a residual network with their folded weights."""
    named: list[tuple[Layer, Any]] = [(Layer("stem", _Stem()), _fold(model.conv1, model.bn1))]
    for number, stage in enumerate(model.stages, 1):
        for index, block in enumerate(stage):
            layer = Layer(f"layer{number}.{index}", _Residual(block.conv2.stride))
            named.append((layer, _bottleneck_weights(block)))
    return named


def _bottleneck_weights(block: Bottleneck) -> dict[str, Kernel]:
    weights = {
        "reduce": _fold(block.conv1, block.bn1),
        "spread": _fold(block.conv2, block.bn2),
        "expand": _fold(block.conv3, block.bn3),
    }
    if block.downsample:
        weights["shortcut"] = _fold(*block.downsample)
    return weights


@dataclasses.dataclass(frozen=True)
class _Residual:
    stride: int

    def __call__(self, x: FeatureMap, weights: dict[str, Kernel]) -> FeatureMap:
        shortcut = x.convolve(weights["shortcut"], self.stride) if "shortcut" in weights else x
        inner = x.convolve(weights["reduce"]).pointwise(jax.nn.relu)
        inner = inner.convolve(weights["spread"], self.stride).pointwise(jax.nn.relu)
        return inner.convolve(weights["expand"]).add(shortcut).pointwise(jax.nn.relu)


def _densenet(model: DenseNet) -> list[tuple[Layer, Any]]:
    """Layers of a densely connected network with their folded weights."""
    named: list[tuple[Layer, Any]] = [(Layer("stem", _Stem()), _fold(model.conv0, model.norm0))]
    for number, block in enumerate(model.denseblocks, 1):
        for index, layer in enumerate(block, 1):
            name = f"denseblock{number}.denselayer{index}"
            named.append((Layer(name, _grow), _dense_layer_weights(layer)))
        if number <= len(model.transitions):
            transition = model.transitions[number - 1]
            named.append((Layer(f"transition{number}", _shrink), _transition_weights(transition)))
    named.append((Layer("norm5", _normalise), _scale_and_shift(model.norm5)))
    return named


def _dense_layer_weights(layer: DenseLayer) -> Any:
    return _scale_and_shift(layer.norm1), _fold(layer.conv1, layer.norm2), _unbiased(layer.conv2)


def _transition_weights(transition: Transition) -> Any:
    return _scale_and_shift(transition.norm), _unbiased(transition.conv)


def _normalise(x: FeatureMap, weights: Any) -> FeatureMap:
    scale, shift = weights

    def normalised(values: jax.Array) -> jax.Array:
        return jax.nn.relu(values * per_feature(scale, values) + per_feature(shift, values))

    return x.pointwise(normalised)


def _grow(x: FeatureMap, weights: Any) -> FeatureMap:
    norm, reduce, spread = weights
    return x.append(_normalise(x, norm).convolve(reduce).pointwise(jax.nn.relu).convolve(spread))


def _shrink(x: FeatureMap, weights: Any) -> FeatureMap:
    # A 1x1 convolution and a mean over positions commute; this order is four times less work.
    norm, kernel = weights
    return _normalise(x, norm).average_pool().convolve(kernel)


def _in_bfloat16(tree: Any) -> Any:
    # By NumPy: a GPU would compile something for each shape.
    return jax.device_put(jax.tree.map(lambda leaf: np.asarray(leaf).astype(jnp.bfloat16), tree))


def _transformed(node: Any) -> Any:
    if not isinstance(node, Kernel) or node.weights.shape[0] != 3:
        return node
    if min(node.weights.shape[2:]) < LEAST_FEATURES:
        return node
    return node._replace(transformed=transform_kernel(node.weights))


def _fold(convolution: Any, norm: Any) -> Kernel:
    """A convolution without bias and the normalisation behind it, as one convolution."""
    scale, shift = _scale_and_shift(norm)
    return Kernel(_array(convolution.kernel) * scale, shift)


def _unbiased(convolution: Any) -> Kernel:
    weights = _array(convolution.kernel)
    bias: Any = np.zeros(weights.shape[-1], np.float32)
    return Kernel(weights, bias)


def _scale_and_shift(norm: Any) -> tuple[Any, Any]:
    """Normalisation with running statistics, as x * scale + shift; computed in float64."""
    variance, mean = (_array(value).astype(np.float64) for value in (norm.var, norm.mean))
    scale = _array(norm.scale) / np.sqrt(variance + norm.epsilon)
    return scale.astype(np.float32), (_array(norm.bias) - mean * scale).astype(np.float32)


def _array(variable: Any) -> Any:
    return np.asarray(variable.get_value(), np.float32)
