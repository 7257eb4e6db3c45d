"""Where the features of positions lie, in windows, base or padding, and how they are fetched.

Both ways give the same features to the bit.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from ..platforms import on_cpu


class Places(NamedTuple):
    """Where positions [P, R, rows, columns] of a map are found.

    Attributes:
        in_base: int32, in the flattened base; anything for positions outside the map.
        inside: bool, within the map.
        in_windows: int32, in the flattened windows; -1: not in any window.
    """

    in_base: jax.Array
    inside: jax.Array
    in_windows: jax.Array


def read(base: jax.Array, windows: jax.Array, places: Places, padding: float) -> jax.Array:
    """Features [P, R, rows, columns, C] of places.

    Args:
        base: [H W, C], the unchanged map.
        windows: [P K n n, C], what has changed.
        places: where to read.
        padding: value outside the map.
    """
    return (_from_table if on_cpu() else _from_each)(base, windows, places, padding)


def _from_table(base: jax.Array, windows: jax.Array, places: Places, padding: float) -> jax.Array:
    """Features of places, one gather from a table of base [H W, C], padding and windows [P K n n, C]."""
    # Row `end` of the table is the padding, in front of it is the base, behind it are the windows.
    outside = jnp.full((1, base.shape[1]), padding, base.dtype)
    table = jnp.concatenate([base, outside, windows])
    end = base.shape[0]
    index = jnp.where(places.in_windows >= 0, end + 1 + places.in_windows, places.in_base)
    # Last, because a window may reach out of the map: what it holds there counts for nothing.
    index = jnp.where(places.inside, index, end)
    # Every index is in the table now, so XLA need not clamp them.
    return table.at[index].get(mode="promise_in_bounds")


def _from_each(base: jax.Array, windows: jax.Array, places: Places, padding: float) -> jax.Array:
    """The same from two gathers, of which one counts.

    A GPU runs both and the choice as one kernel, and the windows need not be copied into a table first: those copies
    were 18 % of the time on an H100.
    """
    in_windows = places.in_windows >= 0
    # What does not count reads the first row, which is there and stays in the cache.
    from_windows = windows.at[jnp.where(in_windows, places.in_windows, 0)].get(mode="promise_in_bounds")
    in_base = jnp.where(places.inside & ~in_windows, places.in_base, 0)
    from_base = base.at[in_base].get(mode="promise_in_bounds")
    features = jnp.where(in_windows[..., None], from_windows, from_base)
    return jnp.where(places.inside[..., None], features, jnp.asarray(padding, features.dtype))
