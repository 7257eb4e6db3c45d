"""Changed pixels, and images with them painted in."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

MAX_INTENSITY = 255


class Pixels(NamedTuple):
    """Decoded genomes: int32 columns x [..., K], rows y [..., K], values [..., K, C] in 0..255."""

    x: jax.Array
    y: jax.Array
    values: jax.Array


def changed(image: np.ndarray, pixels: Pixels) -> np.ndarray:
    """A copy of an image uint8 [H, W, C] in host memory with pixels [K] changed; of equal ones the last one shows."""
    copy = image.copy()
    copy[pixels.y, pixels.x] = pixels.values
    return copy


def paint(image: jax.Array, pixels: Pixels) -> jax.Array:
    """Candidates [..., H, W, C] of one image [H, W, C]; of equal pixels the last one shows.

    A comparison per pixel instead of a scatter: it fuses with the normalisation and its result does not
    depend on the order in which a device writes.
    """
    height, width, _ = image.shape
    leading = (1,) * (pixels.x.ndim - 1)
    rows = jnp.arange(height).reshape(*leading, -1, 1)
    columns = jnp.arange(width).reshape(*leading, 1, -1)
    painted = image.reshape(*leading, *image.shape)
    for k in range(pixels.x.shape[-1]):
        at_row = rows == pixels.y[..., k, None, None]
        at_column = columns == pixels.x[..., k, None, None]
        value = pixels.values[..., k, None, None, :].astype(image.dtype)
        painted = jnp.where((at_row & at_column)[..., None], value, painted)
    return painted
