"""Filters of images [B, H, W, C] in 0..255, pure and jittable. Each channel by itself unless said otherwise.

Those that round have the gradient of not rounding (Athalye et al., Obfuscated gradients give a false sense of
security, ICML 2018), so that an attack by gradients goes through them, too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import jax
import jax.numpy as jnp
import numpy as np


def median(images: jax.Array, size: int) -> jax.Array:
    """The median of `size` x `size` positions; bit for bit that of `scipy.ndimage.median_filter(mode="nearest")`."""
    around = neighbours(images, size // 2)
    values = [jax.lax.index_in_dim(around, one, axis=-1, keepdims=False) for one in range(size * size)]
    for low, high in exchanges(len(values)):
        values[low], values[high] = (
            jnp.minimum(values[low], values[high]),
            jnp.maximum(values[low], values[high]),
        )
    return values[len(values) // 2]


def exchanges(count: int) -> Iterator[tuple[int, int]]:
    """Pairs of places that, put in order one after the other, sort any `count` values (Batcher 1968).

    What the median does not depend on is never computed: nobody reads it.
    """
    reach = 1
    while reach < count:
        step = reach
        while step >= 1:
            for start in range(step % reach, count - step, 2 * step):
                for place in range(start, min(start + step, count - step)):
                    if place // (2 * reach) == (place + step) // (2 * reach):
                        yield place, place + step
            step //= 2
        reach *= 2


def gaussian(images: jax.Array, sigma: float) -> jax.Array:
    """Blurred by a Gaussian that is cut off at two `sigma`: SciPy's `gaussian_filter(mode="nearest", truncate=2)`."""
    radius = int(2 * sigma + 0.5)
    weights = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
    weights = np.outer(weights, weights).ravel()
    kernel = (weights / weights.sum()).astype(np.float32)[None, None, None, None]
    return jnp.sum(neighbours(images, radius) * kernel, axis=-1)


def bilateral(images: jax.Array, size: int, sigma_space: float, sigma_value: float) -> jax.Array:
    """A mean of `size` x `size` positions, weighted by distance and by difference of values (Tomasi, Manduchi 1998).

    Of colours the difference is the sum over channels, as OpenCV has it; the window is square.
    """
    radius = size // 2
    around = neighbours(images, radius)
    offsets = np.arange(-radius, radius + 1) ** 2
    distance = (offsets[:, None] + offsets[None]).ravel().astype(np.float32)
    space = np.exp(-0.5 * distance / sigma_space**2).astype(np.float32)[None, None, None, None]
    difference = jnp.sum(jnp.abs(around - images[..., None]), axis=3, keepdims=True)
    weights = space * jnp.exp(-0.5 * (difference / sigma_value) ** 2)
    return jnp.sum(around * weights, axis=-1) / jnp.sum(weights, axis=-1)


def fewer_bits(images: jax.Array, bits: int) -> jax.Array:
    """Rounded to 2^bits levels from 0 to 255 (Xu, Evans and Qi, Feature squeezing, NDSS 2018)."""
    step = 255.0 / (2**bits - 1)
    return straight_through(images, jnp.round(images / step) * step)


def steps_of(image: np.ndarray, filter: Callable[[jax.Array], jax.Array]) -> np.ndarray:
    """Values that a filter of single values tells apart, bool [H, W, C, 256] of an image [H, W, C]."""
    levels = np.asarray(filter(jnp.arange(256, dtype=jnp.float32).reshape(1, 256, 1, 1))).ravel()
    marked = np.append(True, levels[1:] != levels[:-1])
    return np.broadcast_to(marked, (*image.shape, 256))


def down_and_up(images: jax.Array, factor: int) -> jax.Array:
    """Made smaller by `factor` and larger again, bilinear, antialiased; sides are rounded up."""
    batch, height, width, channels = images.shape
    small = (batch, -(-height // factor), -(-width // factor), channels)
    less = jax.image.resize(images, small, "bilinear", antialias=True, precision="highest")
    return jax.image.resize(less, images.shape, "bilinear", precision="highest")


def straight_through(values: jax.Array, rounded: jax.Array) -> jax.Array:
    """Exactly `rounded`, with the gradient of `values`."""
    return values - jax.lax.stop_gradient(values) + jax.lax.stop_gradient(rounded)


def neighbours(images: jax.Array, radius: int) -> jax.Array:
    """Values [B, H, W, C, (2 radius + 1)^2] around each position of images [B, H, W, C], row by row.

    In operations that windows follow (`jaxpix.windows`): filters stay incremental. Beyond the border stands the
    nearest value of the image: `mode="nearest"` of SciPy, the default of scikit-image's median, BORDER_REPLICATE of
    OpenCV.
    """
    rows = _along(images[..., None], 1, radius)
    return _along(rows, 2, radius)


def _along(values: jax.Array, axis: int, radius: int) -> jax.Array:
    """Values with their neighbours along an axis appended to the last one, from -radius to radius."""
    before, after = [values], [values]
    for _ in range(radius):
        before.append(_moved(before[-1], axis, 1))
        after.append(_moved(after[-1], axis, -1))
    return jnp.concatenate([*before[:0:-1], values, *after[1:]], axis=-1)


def _moved(values: jax.Array, axis: int, by: int) -> jax.Array:
    """Values moved by one position along an axis; the place that becomes free keeps its value.

    Written as a pad and a choice: windows follow both, which they would not through `mode="edge"`, whose pieces of
    the border are positions of their own.
    """
    config = [(by, -by, 0) if one == axis else (0, 0, 0) for one in range(values.ndim)]
    moved = jax.lax.pad(values, jnp.zeros((), values.dtype), config)
    size = values.shape[axis]
    free = np.arange(size) == (0 if by > 0 else size - 1)
    shape = [size if one == axis else 1 for one in range(values.ndim)]
    return jnp.where(jnp.asarray(free.reshape(shape)), values, moved)
