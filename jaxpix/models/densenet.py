"""Densely connected networks (Huang et al. 2017), torchvision's: every layer sees all that came before it."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
from flax import nnx

from ..config import Precision
from .layers import Maker, global_mean, max_pool

BOTTLENECK = 4


class DenseLayer(nnx.Module):
    """Appends `growth` features: [B, H, W, C] to [B, H, W, C + growth]."""

    def __init__(self, num_in: int, growth: int, make: Maker):
        inner = BOTTLENECK * growth
        self.norm1 = make.batch_norm(num_in)
        self.conv1 = make.convolution(num_in, inner, 1)
        self.norm2 = make.batch_norm(inner)
        self.conv2 = make.convolution(inner, growth, 3)

    def __call__(self, x: jax.Array) -> jax.Array:
        new = self.conv1(nnx.relu(self.norm1(x)))
        new = self.conv2(nnx.relu(self.norm2(new)))
        return jnp.concatenate([x, new], axis=-1)


class Transition(nnx.Module):
    """Halves channels, height and width between dense blocks; an odd last row or column is dropped."""

    def __init__(self, num_in: int, num_out: int, make: Maker):
        self.norm = make.batch_norm(num_in)
        self.conv = make.convolution(num_in, num_out, 1)

    def __call__(self, x: jax.Array) -> jax.Array:
        x = self.conv(nnx.relu(self.norm(x)))
        return nnx.avg_pool(x, (2, 2), strides=(2, 2), padding="VALID")


class DenseNet(nnx.Module):
    """Stem, dense blocks with transitions between them, mean, linear.

    `denseblocks[i][j]` is torchvision's `features.denseblock{i+1}.denselayer{j+1}` and `transitions[i]`
    its `features.transition{i+1}`.

    Args:
        block_sizes: layers of each dense block; (6, 12, 24, 16) is DenseNet121.
        growth: features that each layer appends.
        num_classes, channels: outputs and input channels.
        precision: arithmetic of convolutions and normalisation; weights, statistics and logits are float32.
        rngs: where initial weights come from.
    """

    def __init__(
        self,
        block_sizes: Sequence[int],
        growth: int = 32,
        *,
        num_classes: int,
        channels: int,
        precision: Precision = "float32",
        rngs: nnx.Rngs,
    ):
        make = Maker("fan_in", precision, rngs)
        num_features = 2 * growth
        self.conv0 = make.convolution(channels, num_features, 7, 2)
        self.norm0 = make.batch_norm(num_features)
        blocks, transitions = [], []
        for index, num_layers in enumerate(block_sizes):
            layers = []
            for _ in range(num_layers):
                layers.append(DenseLayer(num_features, growth, make))
                num_features += growth
            blocks.append(nnx.List(layers))
            if index < len(block_sizes) - 1:
                transitions.append(Transition(num_features, num_features // 2, make))
                num_features //= 2
        self.denseblocks = nnx.List(blocks)
        self.transitions = nnx.List(transitions)
        self.norm5 = make.batch_norm(num_features)
        self.classifier = make.classifier(num_features, num_classes)

    def __call__(self, x: jax.Array) -> jax.Array:
        """Normalised images [B, H, W, C] to float32 logits [B, N]."""
        x = max_pool(nnx.relu(self.norm0(self.conv0(x))))
        for index, block in enumerate(self.denseblocks):
            for layer in block:
                x = layer(x)
            if index < len(self.transitions):
                x = self.transitions[index](x)
        return self.classifier(global_mean(nnx.relu(self.norm5(x))))
