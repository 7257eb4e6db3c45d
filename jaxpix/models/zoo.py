"""Every architecture by name."""

from typing import Any

from flax import nnx

from ..config import ModelName, Precision
from ..errors import InputError
from .densenet import DenseNet
from .resnet import BasicBlock, Bottleneck, ResNet
from .sizes import SIZES, SMALLEST_IMAGE, Dense


def build(
    name: ModelName, *, num_classes: int, channels: int, seed: int, precision: Precision = "float32"
) -> nnx.Module:
    """A model with random weights; in training mode, as Flax builds it (`model.eval()` changes that).

    The weights depend on `seed` alone, not on `precision`.

    Raises:
        InputError: there is no model of that name.
    """
    if name not in SIZES:
        raise InputError(f"unknown model {name!r}; allowed: {', '.join(SIZES)}")
    size, rngs = SIZES[name], nnx.Rngs(seed)
    options: dict[str, Any] = {"num_classes": num_classes, "channels": channels, "precision": precision}
    if isinstance(size, Dense):
        return DenseNet(size.layers, size.growth, **options, rngs=rngs)
    block = Bottleneck if size.is_deep else BasicBlock
    return ResNet(size.blocks, size.width, block=block, **options, rngs=rngs)


def check_image_size(name: ModelName, image_size: int) -> None:
    """Refuse images too small for the model.

    Raises:
        InputError: the side is below the `SMALLEST_IMAGE` of the architecture.
    """
    smallest = SMALLEST_IMAGE[type(SIZES[name])]
    if image_size < smallest:
        raise InputError(f"{name} needs images of at least {smallest} pixels, got {image_size}")
