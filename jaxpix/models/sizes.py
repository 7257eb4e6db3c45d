"""How large every architecture is: the numbers that tell them apart."""

from typing import NamedTuple

from ..config import ModelName


class Residual(NamedTuple):
    """A ResNet.

    Attributes:
        blocks: of each stage.
        width: channels of the stem and of the first stage's 3x3 convolutions.
        is_deep: a block has three convolutions, not two.
    """

    blocks: tuple[int, ...]
    width: int = 64
    is_deep: bool = True


class Dense(NamedTuple):
    """A DenseNet.

    Attributes:
        layers: of each dense block.
        growth: features that each layer appends.
    """

    layers: tuple[int, ...]
    growth: int = 32


# Side in pixels below which feature maps carry nothing, or below which the last transition would leave an empty one.
SMALLEST_IMAGE: dict[type[Residual | Dense], int] = {Residual: 8, Dense: 29}

SIZES: dict[ModelName, Residual | Dense] = {
    "resnet18": Residual((2, 2, 2, 2), is_deep=False),
    "resnet34": Residual((3, 4, 6, 3), is_deep=False),
    "resnet50": Residual((3, 4, 6, 3)),
    "resnet101": Residual((3, 4, 23, 3)),
    "resnet152": Residual((3, 8, 36, 3)),
    "densenet121": Dense((6, 12, 24, 16)),
    "densenet169": Dense((6, 12, 32, 32)),
    "densenet201": Dense((6, 12, 48, 32)),
    "resnet14": Residual((1, 1, 1, 1), width=24),
}
