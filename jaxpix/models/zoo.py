"""Every architecture by name."""

import dataclasses
from collections.abc import Callable
from functools import partial

from flax import nnx

from ..config import ModelName, Precision
from ..errors import InputError
from .densenet import DenseNet
from .resnet import BasicBlock, ResNet


@dataclasses.dataclass(frozen=True)
class Architecture:
    """One entry of `MODELS`.

    Attributes:
        make: builds it; takes `num_classes, channels, precision, rngs`.
        smallest_image: side in pixels below which its feature maps vanish or carry nothing.
    """

    make: Callable[..., nnx.Module]
    smallest_image: int


# Below 29 pixels a DenseNet's last transition would leave an empty map.
MODELS: dict[ModelName, Architecture] = {
    "resnet18": Architecture(partial(ResNet, (2, 2, 2, 2), block=BasicBlock), 8),
    "resnet34": Architecture(partial(ResNet, (3, 4, 6, 3), block=BasicBlock), 8),
    "resnet50": Architecture(partial(ResNet, (3, 4, 6, 3)), 8),
    "resnet101": Architecture(partial(ResNet, (3, 4, 23, 3)), 8),
    "resnet152": Architecture(partial(ResNet, (3, 8, 36, 3)), 8),
    "densenet121": Architecture(partial(DenseNet, (6, 12, 24, 16)), 29),
    "densenet169": Architecture(partial(DenseNet, (6, 12, 32, 32)), 29),
    "densenet201": Architecture(partial(DenseNet, (6, 12, 48, 32)), 29),
    "resnet14": Architecture(partial(ResNet, (1, 1, 1, 1), width=24), 8),
}


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
