"""What lies around each position, in operations that windows follow (`jaxpix.windows`): filters stay incremental."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np


def neighbours(images: jax.Array, radius: int) -> jax.Array:
    """Values [B, H, W, C, (2 radius + 1)^2] around each position of images [B, H, W, C], row by row.

    Beyond the border stands the nearest value of the image: `mode="nearest"` of SciPy, the default of scikit-image's
    median, BORDER_REPLICATE of OpenCV.
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
