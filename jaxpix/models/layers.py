"""The layers all models are made of: torchvision's padding, constants and initial weights."""

from collections.abc import Callable
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from ..config import Precision

DTYPES = {"float32": jnp.float32, "bfloat16": jnp.bfloat16}

Initializer = Callable[[jax.Array, tuple[int, ...], Any], jax.Array]


def initial_normal(deviation: float) -> Initializer:
    """Normal weights with mean 0."""
    return _drawn(lambda generator, shape: generator.normal(0.0, deviation, shape))


def initial_uniform(limit: float) -> Initializer:
    """Weights uniform within +-`limit`."""
    return _drawn(lambda generator, shape: generator.uniform(-limit, limit, shape))


def _drawn(draw: Callable[[np.random.Generator, tuple[int, ...]], np.ndarray]) -> Initializer:
    # NumPy draws: JAX would compile one program for each shape in the model, several seconds in all.
    def initialize(key: jax.Array, shape: tuple[int, ...], dtype: Any) -> jax.Array:
        def on_host(key_data: np.ndarray) -> np.ndarray:
            return draw(np.random.default_rng(np.asarray(key_data)), shape).astype(dtype)

        return jax.pure_callback(on_host, jax.ShapeDtypeStruct(shape, dtype), jax.random.key_data(key))

    return initialize


class Convolution(nnx.Conv):
    """nnx.Conv in the form that is fastest on CPUs; the same parameters and, up to rounding, the same result.

    A 1x1 kernel is a matrix product. Where at most 3x3 positions come out, as in deep stages of small images,
    a 3x3 kernel is one too, over gathered neighbourhoods: XLA's CPU convolution is up to 100 times slower there.
    """

    def __init__(self, *arguments: Any, stride: int, **options: Any):
        super().__init__(*arguments, strides=stride, **options)  # type: ignore[misc]
        self.stride = stride

    def __call__(self, inputs: jax.Array) -> jax.Array:  # type: ignore[override]
        """Features [B, H, W, C] of inputs [B, H, W, C]."""
        size, stride = self.kernel_size[0], self.stride
        small = size == 3 and max(inputs.shape[1:3]) <= 3 * stride
        narrow_stem = self.in_features == 3 and self.out_features < 40
        if size != 1 and not small and not narrow_stem:
            return super().__call__(inputs)
        kernel = self.kernel.get_value()
        inputs, kernel = nnx.nn.dtypes.promote_dtype((inputs, kernel), dtype=self.dtype)
        if size == 1:
            return inputs[:, ::stride, ::stride] @ kernel[0, 0]
        if narrow_stem:
            return _with_a_fourth_channel(inputs, kernel, stride)
        return _neighbourhoods(inputs, stride) @ kernel.reshape(-1, kernel.shape[-1])


def _with_a_fourth_channel(inputs: jax.Array, kernel: jax.Array, stride: int) -> jax.Array:
    """Convolution of colour images [B, H, W, 3] as if they had a fourth, empty channel.

    With few output channels JAX 0.10 takes a path on CPUs that is nine times slower for three.
    """
    margin = kernel.shape[0] // 2
    return jax.lax.conv_general_dilated(
        jnp.pad(inputs, ((0, 0), (0, 0), (0, 0), (0, 1))),
        jnp.pad(kernel, ((0, 0), (0, 0), (0, 1), (0, 0))),
        (stride, stride),
        ((margin, margin), (margin, margin)),
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
    )


def _neighbourhoods(inputs: jax.Array, stride: int) -> jax.Array:
    """3x3 surroundings [B, h, w, 9 C] of every `stride`-th position of inputs [B, H, W, C], zero outside.

    The last axis is in the order of a kernel's axes.
    """
    _, height, width, _ = inputs.shape
    padded = jnp.pad(inputs, ((0, 0), (1, 1), (1, 1), (0, 0)))
    taps = [padded[:, i : i + height : stride, j : j + width : stride] for i in range(3) for j in range(3)]
    return jnp.concatenate(taps, axis=-1)


def convolution(
    num_in: int,
    num_out: int,
    size: int,
    stride: int = 1,
    *,
    init: Literal["fan_in", "fan_out"],
    precision: Precision,
    rngs: nnx.Rngs,
) -> Convolution:
    """A square convolution without bias on [B, H, W, C], padded by `size // 2` on every side as torch does.

    "SAME" would pad a strided convolution on one side only and shift the features.

    Args:
        init: `fan_in` or `fan_out`, the mode of He's normal initialisation.
    """
    fan = (num_in if init == "fan_in" else num_out) * size**2
    return Convolution(
        num_in,
        num_out,
        (size, size),
        stride=stride,
        padding=((size // 2, size // 2),) * 2,
        use_bias=False,
        dtype=DTYPES[precision],
        param_dtype=jnp.float32,
        kernel_init=initial_normal((2 / fan) ** 0.5),
        rngs=rngs,
    )


def batch_norm(num_features: int, *, precision: Precision, rngs: nnx.Rngs) -> nnx.BatchNorm:
    """Batch normalisation with torch's constants; its statistics are float32 in any precision."""
    return nnx.BatchNorm(num_features, momentum=0.9, epsilon=1e-5, dtype=DTYPES[precision], rngs=rngs)


def classifier(num_features: int, num_classes: int, *, rngs: nnx.Rngs) -> nnx.Linear:
    """The last layer, always float32, with torch's initial weights: uniform within 1/sqrt(fan in)."""
    uniform = initial_uniform(num_features**-0.5)
    return nnx.Linear(num_features, num_classes, kernel_init=uniform, rngs=rngs)


def stem_pool(x: jax.Array) -> jax.Array:
    """3x3 maximum with stride 2; what lies outside the image never wins."""
    return nnx.max_pool(x, (3, 3), strides=(2, 2), padding=((1, 1), (1, 1)))


def global_mean(x: jax.Array) -> jax.Array:
    """[B, H, W, C] in any precision to the float32 [B, C] mean over the image."""
    return jnp.mean(x.astype(jnp.float32), axis=(1, 2))
