"""From trained models to `FrozenModel`: normalisation layers are folded into the convolutions before them."""

from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
from flax import nnx

from .densenet import DenseNet
from .frozen import FrozenModel, Kernel, Layer, Residual, Stem, grow, normalise, shrink
from .resnet import BasicBlock, Bottleneck, ResNet


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


def _resnet(model: ResNet) -> list[tuple[Layer, Any]]:
    """Layers of a residual network with their folded weights."""
    named: list[tuple[Layer, Any]] = [(Layer("stem", Stem()), _fold(model.conv1, model.bn1))]
    for number, stage in enumerate(model.stages, 1):
        for index, block in enumerate(stage):
            stride, weights = _block(block)
            named.append((Layer(f"layer{number}.{index}", Residual(stride)), weights))
    return named


def _block(block: BasicBlock | Bottleneck) -> tuple[int, dict[str, Kernel]]:
    """The stride of a block and its folded weights, by what they do in `Residual`."""
    layers: dict[str, tuple[Any, Any]] = {
        "spread": (block.conv1, block.bn1),
        "expand": (block.conv2, block.bn2),
    }
    if isinstance(block, Bottleneck):
        layers = {"reduce": layers["spread"], "spread": layers["expand"], "expand": (block.conv3, block.bn3)}
    if block.downsample:
        layers["shortcut"] = block.downsample[0], block.downsample[1]
    return layers["spread"][0].stride, {name: _fold(*pair) for name, pair in layers.items()}


def _densenet(model: DenseNet) -> list[tuple[Layer, Any]]:
    """Layers of a densely connected network with their folded weights."""
    named: list[tuple[Layer, Any]] = [(Layer("stem", Stem()), _fold(model.conv0, model.norm0))]
    for number, block in enumerate(model.denseblocks, 1):
        for index, layer in enumerate(block, 1):
            name = f"denseblock{number}.denselayer{index}"
            weights = _scale_and_shift(layer.norm1), _fold(layer.conv1, layer.norm2), _unbiased(layer.conv2)
            named.append((Layer(name, grow), weights))
        if number <= len(model.transitions):
            transition = model.transitions[number - 1]
            halving = _scale_and_shift(transition.norm), _unbiased(transition.conv)
            named.append((Layer(f"transition{number}", shrink), halving))
    named.append((Layer("norm5", normalise), _scale_and_shift(model.norm5)))
    return named


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
