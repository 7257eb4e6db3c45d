"""Every architecture by name."""

import dataclasses
from collections.abc import Callable
from functools import partial

from flax import nnx

from ..config import ModelName, Precision
from ..errors import InputError
from .densenet import DenseNet
from .resnet import BasicBlock, Bottleneck, ResNet
from .sizes import SIZES, Dense, Residual


@dataclasses.dataclass(frozen=True)
class Architecture:
    """One entry of `MODELS`.

    Attributes:
        make: builds it; takes `num_classes, channels, precision, rngs`.
        smallest_image: side in pixels below which its feature maps vanish or carry nothing.
    """

    make: Callable[..., nnx.Module]
    smallest_image: int


def _architecture(size: Residual | Dense) -> Architecture:
    if isinstance(size, Dense):
        # Below 29 pixels the last transition would leave an empty map.
        return Architecture(partial(DenseNet, size.layers, size.growth), 29)
    block = Bottleneck if size.is_deep else BasicBlock
    return Architecture(partial(ResNet, size.blocks, size.width, block=block), 8)


MODELS: dict[ModelName, Architecture] = {name: _architecture(size) for name, size in SIZES.items()}


def build(
    name: ModelName, *, num_classes: int, channels: int, seed: int, precision: Precision = "float32"
) -> nnx.Module:
    """A model with random weights; in training mode, as Flax builds it (`model.eval()` changes that).

    The weights depend on `seed` alone, not on `precision`.

    Raises:
        InputError: there is no model of that name.
    """
    if name not in MODELS:
        raise InputError(f"unknown model {name!r}; allowed: {', '.join(MODELS)}")
    return MODELS[name].make(
        num_classes=num_classes, channels=channels, precision=precision, rngs=nnx.Rngs(seed)
    )


def check_image_size(name: ModelName, image_size: int) -> None:
    """Refuse images too small for the model.

    Raises:
        InputError: the side is below the architecture's `smallest_image`.
    """
    smallest = MODELS[name].smallest_image
    if image_size < smallest:
        raise InputError(f"{name} needs images of at least {smallest} pixels, got {image_size}")
