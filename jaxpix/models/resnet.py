"""Residual networks (He et al. 2016) of either block, torchvision's v1.5: a 3x3 convolution has the stride."""

from collections.abc import Sequence
from typing import Any, ClassVar

import jax
from flax import nnx

from ..config import Precision
from .layers import Convolution, Maker, global_mean, max_pool


class BasicBlock(nnx.Module):
    """3x3, 3x3, added to the input: [B, H, W, C] to [B, H/stride, W/stride, width]."""

    # Channels that come out, per `width`.
    expansion: ClassVar[int] = 1

    def __init__(self, num_in: int, width: int, stride: int, make: Maker):
        self.conv1, self.bn1 = _normalised(make, num_in, width, 3, stride)
        self.conv2, self.bn2 = _normalised(make, width, width, 3)
        self.downsample = _projection(make, num_in, width, stride)

    def __call__(self, x: jax.Array) -> jax.Array:
        shortcut = _through(self.downsample, x)
        x = nnx.relu(self.bn1(self.conv1(x)))
        return nnx.relu(self.bn2(self.conv2(x)) + shortcut)


class Bottleneck(nnx.Module):
    """1x1 down, 3x3, 1x1 up, added to the input: [B, H, W, C] to [B, H/stride, W/stride, 4 width]."""

    expansion: ClassVar[int] = 4

    def __init__(self, num_in: int, width: int, stride: int, make: Maker):
        num_out = self.expansion * width
        self.conv1, self.bn1 = _normalised(make, num_in, width, 1)
        self.conv2, self.bn2 = _normalised(make, width, width, 3, stride)
        self.conv3, self.bn3 = _normalised(make, width, num_out, 1)
        self.downsample = _projection(make, num_in, num_out, stride)

    def __call__(self, x: jax.Array) -> jax.Array:
        shortcut = _through(self.downsample, x)
        x = nnx.relu(self.bn1(self.conv1(x)))
        x = nnx.relu(self.bn2(self.conv2(x)))
        return nnx.relu(self.bn3(self.conv3(x)) + shortcut)


def _normalised(
    make: Maker, num_in: int, num_out: int, size: int, stride: int = 1
) -> tuple[Convolution, nnx.BatchNorm]:
    return make.convolution(num_in, num_out, size, stride), make.batch_norm(num_out)


def _projection(make: Maker, num_in: int, num_out: int, stride: int) -> nnx.List[nnx.Module]:
    """What brings the input to the shape of the output; empty where it is added as it is."""
    if stride == 1 and num_in == num_out:
        return nnx.List([])
    return nnx.List(_normalised(make, num_in, num_out, 1, stride))


def _through(layers: nnx.List[nnx.Module], x: jax.Array) -> jax.Array:
    for layer in layers:
        x = layer(x)
    return x


class ResNet(nnx.Module):
    """Stem, four stages of blocks, mean, linear. Attributes are named as torchvision's.

    Args:
        stage_sizes: blocks of each stage; (3, 4, 6, 3) is ResNet50, with basic blocks ResNet34.
        width: channels of the stem and of the first stage's 3x3 convolutions; doubles each stage.
        block: `Bottleneck`, or `BasicBlock` as in ResNet18 and ResNet34.
        num_classes, channels: outputs and input channels.
        precision: arithmetic of convolutions and normalisation; weights, statistics and logits are float32.
        rngs: where initial weights come from.
    """

    def __init__(
        self,
        stage_sizes: Sequence[int],
        width: int = 64,
        *,
        block: type[BasicBlock] | type[Bottleneck] = Bottleneck,
        num_classes: int,
        channels: int,
        precision: Precision = "float32",
        rngs: nnx.Rngs,
    ):
        make = Maker("fan_out", precision, rngs)
        self.conv1, self.bn1 = _normalised(make, channels, width, 7, 2)
        num_in = width
        stages = []
        for index, num_blocks in enumerate(stage_sizes):
            blocks = []
            for position in range(num_blocks):
                stride = 2 if position == 0 and index > 0 else 1
                stage_width = width * 2**index
                blocks.append(block(num_in, stage_width, stride, make))
                num_in = block.expansion * stage_width
            stages.append(nnx.List(blocks))
        self.layer1, self.layer2, self.layer3, self.layer4 = stages
        self.fc = make.classifier(num_in, num_classes)

    @property
    def stages(self) -> tuple[nnx.List[Any], ...]:
        """The four lists of blocks, in order."""
        return self.layer1, self.layer2, self.layer3, self.layer4

    def __call__(self, x: jax.Array) -> jax.Array:
        """Normalised images [B, H, W, C] to float32 logits [B, N]."""
        x = max_pool(nnx.relu(self.bn1(self.conv1(x))))
        for stage in self.stages:
            for block in stage:
                x = block(x)
        return self.fc(global_mean(x))
