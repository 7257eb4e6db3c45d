"""The layers all models are made of: torchvision's padding, constants and initial weights."""

import dataclasses
from collections.abc import Callable
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from ..config import Precision
from ..windows.convolve import Sliding, convolve

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
        def drawn(key_data: np.ndarray) -> np.ndarray:
            return draw(np.random.default_rng(np.asarray(key_data)), shape).astype(dtype)

        seed = jax.random.key_data(key)
        if isinstance(seed, jax.core.Tracer):
            # Only a model's structure is asked for, or a caller compiles its making.
            return jax.pure_callback(drawn, jax.ShapeDtypeStruct(shape, dtype), seed)
        # A callback would be compiled for each layer, too.
        return jnp.asarray(drawn(np.asarray(seed)))

    return initialize


class Convolution(nnx.Conv):
    """nnx.Conv in the form that is fastest where it runs; same parameters and, up to rounding, same result."""

    def __init__(self, *arguments: Any, stride: int, **options: Any):
        super().__init__(*arguments, strides=stride, **options)  # type: ignore[misc]
        self.stride = stride

    def __call__(self, inputs: jax.Array) -> jax.Array:  # type: ignore[override]
        """Features [B, h, w, C] of inputs [B, H, W, C]."""
        kernel = self.kernel.get_value()
        inputs, kernel = nnx.nn.dtypes.promote_dtype((inputs, kernel), dtype=self.dtype)
        margin = (self.kernel_size[0] // 2,) * 2
        return convolve(inputs, kernel, Sliding((self.stride, self.stride), (margin, margin)))


@dataclasses.dataclass(frozen=True)
class Maker:
    """Makes the layers of one network, one after the other.

    Attributes:
        init: `fan_in` or `fan_out`, the mode of He's normal initialisation of convolutions.
        precision: arithmetic of convolutions and normalisation.
        rngs: where initial weights come from.
    """

    init: Literal["fan_in", "fan_out"]
    precision: Precision
    rngs: nnx.Rngs

    def convolution(self, num_in: int, num_out: int, size: int, stride: int = 1) -> Convolution:
        """A square convolution without bias on [B, H, W, C], padded by `size // 2` on every side as torch does.

        "SAME" would pad a strided convolution on one side only and shift the features.
        """
        fan = (num_in if self.init == "fan_in" else num_out) * size**2
        return Convolution(
            num_in,
            num_out,
            (size, size),
            stride=stride,
            padding=((size // 2, size // 2),) * 2,
            use_bias=False,
            dtype=DTYPES[self.precision],
            param_dtype=jnp.float32,
            kernel_init=initial_normal((2 / fan) ** 0.5),
            rngs=self.rngs,
        )

    def batch_norm(self, num_features: int) -> nnx.BatchNorm:
        """Batch normalisation with torch's constants; its statistics are float32 in any precision."""
        dtype = DTYPES[self.precision]
        return nnx.BatchNorm(num_features, momentum=0.9, epsilon=1e-5, dtype=dtype, rngs=self.rngs)

    def classifier(self, num_features: int, num_classes: int) -> nnx.Linear:
        """The last layer, always float32, with torch's initial weights: uniform within 1/sqrt(fan in)."""
        uniform = initial_uniform(num_features**-0.5)
        return nnx.Linear(num_features, num_classes, kernel_init=uniform, rngs=self.rngs)


def max_pool(values: jax.Array) -> jax.Array:
    """3x3 maximum with stride 2 of [B, H, W, C], padded by one."""
    return nnx.max_pool(values, (3, 3), strides=(2, 2), padding=((1, 1), (1, 1)))


def global_mean(values: jax.Array) -> jax.Array:
    """[B, H, W, C] in any precision to the float32 [B, C] mean over the image."""
    return jnp.mean(values.astype(jnp.float32), axis=(1, 2))
