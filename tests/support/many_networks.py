"""Small networks of many families as plain JAX functions, in either order of axes, with weights as if trained."""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

CLASSES = 4


@dataclasses.dataclass
class Net:
    """The layers that networks below are written in; draws weights when it has none."""

    layout: str
    weights: dict[str, Any] | None
    drawn: dict[str, np.ndarray]
    seed: int = 0

    @property
    def channel(self) -> int:
        return 3 if self.layout == "NHWC" else 1

    @property
    def positions(self) -> tuple[int, int]:
        return (1, 2) if self.layout == "NHWC" else (2, 3)

    def weight(self, shape: tuple[int, ...], low: float | None = None, high: float = 1.5) -> Any:
        name = str(self.seed)
        self.seed += 1
        if self.weights is not None:
            return self.weights[name]
        generator = np.random.default_rng(self.seed)
        drawn = (
            generator.uniform(low, high, shape)
            if low is not None
            else generator.normal(0, np.sqrt(2 / max(1, np.prod(shape[:-1]))), shape)
        )
        self.drawn[name] = drawn.astype(np.float32)
        return self.drawn[name]

    def per_channel(self, numbers: Any, rank: int = 4) -> Any:
        return numbers.reshape([-1 if axis == self.channel else 1 for axis in range(rank)])

    def conv(self, x, out, size, stride=1, padding=None, groups=1, dilation=1, bias=False):
        rows, columns = size if isinstance(size, tuple) else (size, size)
        into = x.shape[self.channel] // groups
        kernel = self.weight((rows, columns, into, out))
        order = ("NHWC", "HWIO", "NHWC")
        if self.layout == "NCHW":
            kernel, order = jnp.transpose(kernel, (3, 2, 0, 1)), ("NCHW", "OIHW", "NCHW")
        if padding is None:
            padding = [(dilation * (rows // 2),) * 2, (dilation * (columns // 2),) * 2]
        x = jax.lax.conv_general_dilated(
            x, kernel, (stride, stride), padding, None, (dilation, dilation), order, groups
        )
        return x + self.per_channel(self.weight((out,), -0.1, 0.1)) if bias else x

    def norm(self, x):
        features = (x.shape[self.channel],)
        mean, variance = self.weight(features, -0.1, 0.1), self.weight(features, 0.5, 1.5)
        scale, shift = self.weight(features, 0.5, 1.5), self.weight(features, -0.1, 0.1)
        scale = scale * jax.lax.rsqrt(variance + 1e-5)
        return (x - self.per_channel(mean)) * self.per_channel(scale) + self.per_channel(shift)

    def layer_norm(self, x):
        mean = jnp.mean(x, self.channel, keepdims=True)
        variance = jnp.mean(jnp.square(x - mean), self.channel, keepdims=True)
        return (x - mean) * jax.lax.rsqrt(variance + 1e-6)

    def pool(self, x, size=2, stride=2, padding=0, kind="max"):
        window, strides, around = [1] * 4, [1] * 4, [(0, 0)] * 4
        for axis in self.positions:
            window[axis], strides[axis], around[axis] = size, stride, (padding, padding)
        if kind == "max":
            return jax.lax.reduce_window(x, -np.inf, jax.lax.max, window, strides, around)
        total = jax.lax.reduce_window(x, 0.0, jax.lax.add, window, strides, around)
        if kind == "mean":
            return total / size**2
        # Averages that leave the padding out.
        count = jax.lax.reduce_window(jnp.ones_like(x), 0.0, jax.lax.add, window, strides, around)
        return total / count

    def linear(self, x, out):
        return x @ self.weight((x.shape[-1], out))

    def head(self, x):
        return self.linear(jnp.mean(x, self.positions), CLASSES)

    def join(self, parts):
        return jnp.concatenate(parts, self.channel)

    def gate(self, x):
        """Squeeze and excite."""
        mean = jnp.mean(x, self.positions)
        weights = jax.nn.sigmoid(self.linear(jax.nn.relu(self.linear(mean, 4)), x.shape[self.channel]))
        shape = [x.shape[0], 1, 1, 1]
        shape[self.channel] = -1
        return x * weights.reshape(shape)


def plain(net, x):
    x = jax.nn.leaky_relu(net.conv(x, 8, 3, bias=True), 0.1)
    x = net.pool(x, kind="mean")
    x = jax.nn.leaky_relu(net.conv(x, 12, 5, bias=True), 0.1)
    return net.head(net.pool(x, 3, 2, 1, kind="exclusive"))


def vgg(net, x, norm=False):
    for features in (8, 12):
        for _ in range(2):
            x = net.conv(x, features, 3, bias=True)
            x = jax.nn.relu(net.norm(x) if norm else x)
        x = net.pool(x)
    x = x.reshape(x.shape[0], -1)
    return net.linear(jax.nn.relu(net.linear(x, 16)), CLASSES)


def resnet(net, x):
    x = net.pool(jax.nn.relu(net.norm(net.conv(x, 8, 7, 2))), 3, 2, 1)
    for features, stride in ((8, 1), (16, 2)):
        shortcut = x if stride == 1 else net.norm(net.conv(x, features, 1, stride, padding="VALID"))
        inner = jax.nn.relu(net.norm(net.conv(x, features, 3, stride)))
        x = jax.nn.relu(net.norm(net.conv(inner, features, 3)) + shortcut)
    return net.head(x)


def densenet(net, x):
    x = net.pool(jax.nn.relu(net.norm(net.conv(x, 8, 7, 2))), 3, 2, 1)
    for _ in range(2):
        inner = net.conv(jax.nn.relu(net.norm(x)), 16, 1)
        x = net.join([x, net.conv(jax.nn.relu(net.norm(inner)), 4, 3)])
    x = net.pool(net.conv(jax.nn.relu(net.norm(x)), 8, 1), kind="mean")
    return net.head(net.norm(x))


def mobilenet(net, x, gated=False):
    x = jax.nn.relu6(net.norm(net.conv(x, 8, 3, 2)))
    for stride in (1, 2):
        inner = jax.nn.hard_swish(net.norm(net.conv(x, 24, 1)))
        inner = jax.nn.hard_swish(net.norm(net.conv(inner, 24, 3, stride, groups=24)))
        if gated:
            inner = net.gate(inner)
        inner = net.norm(net.conv(inner, 8, 1))
        x = inner + x if stride == 1 else inner
    return net.head(x)


def efficientnet(net, x):
    x = jax.nn.silu(net.norm(net.conv(x, 8, 3, 2)))
    x = jax.nn.silu(net.norm(net.conv(x, 8, 5, groups=8)))
    return mobilenet(net, x, gated=True)


def convnext(net, x):
    x = net.layer_norm(net.conv(x, 8, 4, 4, padding="VALID", bias=True))
    inner = net.layer_norm(net.conv(x, 8, 7, groups=8, bias=True))
    # The linear layers see features last, as torchvision's.
    if net.layout == "NCHW":
        inner = jnp.transpose(inner, (0, 2, 3, 1))
    inner = net.linear(jax.nn.gelu(net.linear(inner, 32), approximate=False), 8)
    if net.layout == "NCHW":
        inner = jnp.transpose(inner, (0, 3, 1, 2))
    x = x + net.per_channel(net.weight((8,), 0.5, 1.0)) * inner
    return net.head(net.conv(net.layer_norm(x), 12, 2, 2, padding="VALID"))


def regnet(net, x):
    x = jax.nn.relu(net.norm(net.conv(x, 8, 3, 2)))
    inner = jax.nn.relu(net.norm(net.conv(x, 16, 1)))
    inner = jax.nn.relu(net.norm(net.conv(inner, 16, 3, 2, groups=4)))
    shortcut = net.norm(net.conv(x, 16, 1, 2, padding="VALID"))
    return net.head(jax.nn.relu(net.norm(net.conv(inner, 16, 1)) + shortcut))


def inception(net, x):
    x = jax.nn.relu(net.conv(x, 8, 3, 2, padding="VALID"))
    tall = net.conv(net.conv(net.conv(x, 4, 1), 4, (1, 7)), 6, (7, 1))
    pooled = net.conv(net.pool(x, 3, 1, 1, kind="mean"), 4, 1)
    x = jax.nn.relu(net.join([net.conv(x, 6, 1), tall, pooled, net.conv(x, 4, 5)]))
    return net.head(net.join([net.conv(x, 8, 3, 2, padding="VALID"), net.pool(x, 3, 2)]))


def unet_encoder(net, x):
    kept = []
    for features in (6, 8, 12):
        x = jax.nn.relu(net.norm(net.conv(x, features, 3)))
        kept.append(jnp.mean(x, net.positions))
        x = net.pool(x)
    return net.linear(jnp.concatenate(kept, -1), CLASSES)


def oddities(net, x):
    """SAME padding of even kernels, dilation, stride 3, crops, channel shuffles, reversed and picked channels."""
    x = jnp.flip(x, net.channel)
    x = net.conv(x, 8, 4, 3, padding="SAME")
    x = jnp.take(x, np.array([3, 1, 0, 2, 7, 5, 6, 4]), net.channel)
    x = net.conv(jax.nn.elu(x), 8, 3, dilation=2)
    around = [(0, 0, 0)] * 4
    around[net.positions[0]], around[net.positions[1]] = (2, 1, 0), (-1, 2, 0)
    x = jax.lax.pad(x, jnp.float32(0.5), around)
    shape = x.shape
    split = (*shape[: net.channel], 2, 4, *shape[net.channel + 1 :])
    shuffled = jnp.swapaxes(x.reshape(split), net.channel, net.channel + 1)
    first, second = jnp.split(shuffled.reshape(shape), 2, net.channel)
    x = net.join([jnp.maximum(first, second), jnp.tanh(second), jnp.cumsum(first, net.channel)])
    index = [slice(None)] * 4
    index[net.positions[0]] = slice(1, None, 2)
    return net.head(jnp.clip(net.conv(x[tuple(index)], 6, 2, padding="VALID"), -4, 4))


def vit(net, x):
    x = net.conv(x, 16, 8, 8, padding="VALID")
    if net.layout == "NCHW":
        x = jnp.transpose(x, (0, 2, 3, 1))
    x = x.reshape(x.shape[0], -1, 16)
    keys, queries, values = (net.linear(x, 16) for _ in range(3))
    x = x + jax.nn.softmax(jnp.einsum("bqc,bkc->bqk", queries, keys) / 4) @ values
    return net.linear(x.mean(1), CLASSES)


def mlp(net, x):
    x = x.reshape(x.shape[0], -1) / 40
    return net.linear(jax.nn.relu(net.linear(x, 16)), CLASSES)


NETWORKS: dict[str, Callable[[Net, Any], Any]] = {
    "plain": plain,
    "vgg": vgg,
    "vgg_bn": functools.partial(vgg, norm=True),
    "resnet": resnet,
    "densenet": densenet,
    "mobilenet_v2": mobilenet,
    "mobilenet_v3": functools.partial(mobilenet, gated=True),
    "efficientnet": efficientnet,
    "convnext": convnext,
    "regnet": regnet,
    "inception": inception,
    "unet_encoder": unet_encoder,
    "oddities": oddities,
    "vit": vit,
    "mlp": mlp,
}


def network(name: str, layout: str, image_shape: tuple[int, int, int]) -> tuple[Callable[..., Any], Any]:
    """A function (weights, images [B, H, W, C] in 0..255) -> logits, and its weights."""

    def run(weights: Any, images: Any, drawn: dict[str, np.ndarray]) -> Any:
        x = (images - 128) / 40
        if layout == "NCHW":
            x = jnp.transpose(x, (0, 3, 1, 2))
        return NETWORKS[name](Net(layout, weights, drawn), x)

    drawn: dict[str, np.ndarray] = {}
    images = jax.ShapeDtypeStruct((1, *image_shape), np.float32)
    jax.eval_shape(lambda images: run(None, images, drawn), images)
    weights = jax.tree.map(jnp.asarray, drawn)
    return (lambda weights, images: run(weights, images, {})), weights
