"""Bottleneck residual networks (He et al. 2016), torchvision's v1.5: the 3x3 convolution has the stride."""

from collections.abc import Sequence

import jax
from flax import nnx

from ..config import Precision
from .layers import Convolution, batch_norm, classifier, convolution, global_mean, max_pool

EXPANSION = 4


class Bottleneck(nnx.Module):
    """1x1 down, 3x3, 1x1 up, added to the input: [B, H, W, C] to [B, H/stride, W/stride, 4 width]."""

    def __init__(
        self, num_in: int, width: int, stride: int = 1, *, precision: Precision = "float32", rngs: nnx.Rngs
    ):
        def conv(num_in: int, num_out: int, size: int, stride: int = 1) -> Convolution:
            return convolution(num_in, num_out, size, stride, init="fan_out", precision=precision, rngs=rngs)

        num_out = EXPANSION * width
        self.conv1 = conv(num_in, width, 1)
        self.bn1 = batch_norm(width, precision=precision, rngs=rngs)
        self.conv2 = conv(width, width, 3, stride)
        self.bn2 = batch_norm(width, precision=precision, rngs=rngs)
        self.conv3 = conv(width, num_out, 1)
        self.bn3 = batch_norm(num_out, precision=precision, rngs=rngs)
        # Empty where the input is added as it is.
        self.downsample: nnx.List[nnx.Module] = nnx.List([])
        if stride != 1 or num_in != num_out:
            projection = conv(num_in, num_out, 1, stride)
            self.downsample = nnx.List([projection, batch_norm(num_out, precision=precision, rngs=rngs)])

    def __call__(self, x: jax.Array) -> jax.Array:
        shortcut = x
        for layer in self.downsample:
            shortcut = layer(shortcut)
        x = nnx.relu(self.bn1(self.conv1(x)))
        x = nnx.relu(self.bn2(self.conv2(x)))
        return nnx.relu(self.bn3(self.conv3(x)) + shortcut)


class ResNet(nnx.Module):
    """Stem, four stages of bottlenecks, mean, linear. Attributes are named as torchvision's.

    Args:
        stage_sizes: bottlenecks of each stage; (3, 4, 6, 3) is ResNet50.
        width: channels of the stem and of the first stage's 3x3 convolutions; doubles each stage.
        num_classes, channels: outputs and input channels.
        precision: arithmetic of convolutions and normalisation; weights, statistics and logits are float32.
        rngs: where initial weights come from.
    """

    def __init__(
        self,
        stage_sizes: Sequence[int],
        width: int = 64,
        *,
        num_classes: int,
        channels: int,
        precision: Precision = "float32",
        rngs: nnx.Rngs,
    ):
        self.conv1 = convolution(channels, width, 7, 2, init="fan_out", precision=precision, rngs=rngs)
        self.bn1 = batch_norm(width, precision=precision, rngs=rngs)
        num_in = width
        stages = []
        for index, num_blocks in enumerate(stage_sizes):
            blocks = []
            for block in range(num_blocks):
                stride = 2 if block == 0 and index > 0 else 1
                stage_width = width * 2**index
                blocks.append(Bottleneck(num_in, stage_width, stride, precision=precision, rngs=rngs))
                num_in = EXPANSION * stage_width
            stages.append(nnx.List(blocks))
        self.layer1, self.layer2, self.layer3, self.layer4 = stages
        self.fc = classifier(num_in, num_classes, rngs=rngs)

    @property
    def stages(self) -> tuple[nnx.List[Bottleneck], ...]:
        """The four lists of bottlenecks, in order."""
        return self.layer1, self.layer2, self.layer3, self.layer4

    def __call__(self, x: jax.Array) -> jax.Array:
        """Normalised images [B, H, W, C] to float32 logits [B, N]."""
        x = max_pool(nnx.relu(self.bn1(self.conv1(x))))
        for stage in self.stages:
            for block in stage:
                x = block(x)
        return self.fc(global_mean(x))
