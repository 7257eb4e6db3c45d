"""torch's operators that move, cut, join and make arrays, in JAX, by their ATen names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
from jax import lax

from .operands import Array, Operator, axes_of

_END = 2**31


def _reshape(x: Array, shape: Sequence[int], *_dtype: Any) -> Array:
    return jnp.reshape(x, tuple(shape))


def _flatten(x: Array, start: int = 0, end: int = -1) -> Array:
    start, end = start % max(x.ndim, 1), end % max(x.ndim, 1)
    return jnp.reshape(x, (*x.shape[:start], -1, *x.shape[end + 1 :]))


def _unflatten(x: Array, axis: int, sizes: Sequence[int]) -> Array:
    axis %= x.ndim
    return jnp.reshape(x, (*x.shape[:axis], *sizes, *x.shape[axis + 1 :]))


def _expand(x: Array, sizes: Sequence[int], **_implicit: Any) -> Array:
    new = len(sizes) - x.ndim
    shape = [x.shape[axis - new] if size == -1 else size for axis, size in enumerate(sizes)]
    return jnp.broadcast_to(lax.expand_dims(x, range(new)), shape)


def _squeeze(x: Array, axes: Any = None) -> Array:
    chosen = [axis for axis in axes_of(axes, x.ndim) if x.shape[axis] == 1]
    return lax.squeeze(x, chosen)


def _unsqueeze(x: Array, axis: int) -> Array:
    return lax.expand_dims(x, (axis % (x.ndim + 1),))


def _bounds(start: int | None, end: int | None, size: int) -> tuple[int, int]:
    low, high, _ = slice(start, None if end is None or end >= _END else end).indices(size)
    return low, max(low, high)


def _slice(x: Array, axis: int = 0, start: int | None = None, end: int | None = None, step: int = 1) -> Array:
    low, high = _bounds(start, end, x.shape[axis])
    return lax.slice_in_dim(x, low, high, step, axis)


def _select(x: Array, axis: int, index: int) -> Array:
    return lax.index_in_dim(x, index, axis, keepdims=False)


def _slice_scatter(
    x: Array, source: Array, axis: int = 0, start: int | None = None, end: int | None = None, step: int = 1
) -> Array:
    return _select_scatter(x, source, axis, slice(*_bounds(start, end, x.shape[axis]), step))


def _select_scatter(x: Array, source: Array, axis: int, index: int | slice) -> Array:
    return x.at[(*[slice(None)] * (axis % x.ndim), index)].set(source)


def _index(x: Array, indices: Sequence[Array | None]) -> Array:
    return x[tuple(slice(None) if index is None else index for index in indices)]


def _split(x: Array, sizes: int | Sequence[int], axis: int = 0) -> list[Array]:
    total = x.shape[axis]
    if isinstance(sizes, int):
        sizes = [min(sizes, total - start) for start in range(0, total, sizes)]
    return list(lax.split(x, list(sizes), axis % x.ndim))


def _chunk(x: Array, chunks: int, axis: int = 0) -> list[Array]:
    return _split(x, -(-x.shape[axis] // chunks), axis)


def _concatenate(parts: Sequence[Array], axis: int = 0) -> Array:
    # torch lets an empty vector stand beside arrays of any shape.
    return jnp.concatenate([part for part in parts if part.shape != (0,)], axis)


def _roll(x: Array, shifts: Sequence[int], axes: Sequence[int] = ()) -> Array:
    if not axes:
        return _roll(x.reshape(-1), shifts, [0]).reshape(x.shape)
    for shift, axis in zip(shifts, axes, strict=True):
        cut = -shift % x.shape[axis]
        if cut:
            x = jnp.concatenate([_slice(x, axis, cut), _slice(x, axis, 0, cut)], axis)
    return x


def _pad(x: Array, widths: Sequence[int], value: float = 0.0) -> Array:
    """Pad or, by negative widths, cut; torch names the last axis first."""
    pairs = [(low, high, 0) for low, high in zip(widths[::2], widths[1::2], strict=True)][::-1]
    whole = [(0, 0, 0)] * (x.ndim - len(pairs))
    return lax.pad(x, jnp.asarray(value, x.dtype), [*whole, *pairs])


def _pixel_shuffle(x: Array, factor: int) -> Array:
    *batch, channels, height, width = x.shape
    depth = channels // factor**2
    apart = x.reshape(*batch, depth, factor, factor, height, width)
    lead = len(batch)
    order = [*range(lead + 1), lead + 3, lead + 1, lead + 4, lead + 2]
    return apart.transpose(order).reshape(*batch, depth, height * factor, width * factor)


def _channel_shuffle(x: Array, groups: int) -> Array:
    batch, channels, *positions = x.shape
    apart = x.reshape(batch, groups, channels // groups, *positions)
    return jnp.swapaxes(apart, 1, 2).reshape(x.shape)


def _full(shape: Sequence[int], value: float = 0, *, dtype: Any = None, **_placing: Any) -> Array:
    return jnp.full(tuple(shape), value, dtype)


def _new_full(
    x: Array, shape: Sequence[int], value: float = 0, *, dtype: Any = None, **_placing: Any
) -> Array:
    return jnp.full(tuple(shape), value, dtype or x.dtype)


def _full_like(x: Array, value: float = 0, **options: Any) -> Array:
    return _new_full(x, x.shape, value, **options)


def _arange(start: float, end: float, step: float = 1, *, dtype: Any = None, **_placing: Any) -> Array:
    return jnp.arange(start, end, step, dtype)


TABLE: dict[str, Operator] = {
    "view": _reshape,
    "_unsafe_view": _reshape,
    "reshape": _reshape,
    "view_as": lambda x, other: x.reshape(other.shape),
    "flatten": _flatten,
    "unflatten": _unflatten,
    "expand": _expand,
    "expand_as": lambda x, other: _expand(x, other.shape),
    "repeat": jnp.tile,
    "permute": jnp.transpose,
    "transpose": jnp.swapaxes,
    "t": lambda x: x.T,
    "squeeze": _squeeze,
    "unsqueeze": _unsqueeze,
    "slice": _slice,
    "select": _select,
    "slice_scatter": _slice_scatter,
    "select_scatter": _select_scatter,
    "index": _index,
    "index_select": lambda x, axis, index: jnp.take(x, index, axis),
    "embedding": lambda table, index, *_unused: jnp.take(table, index, 0),
    "gather": lambda x, axis, index, **_unused: jnp.take_along_axis(x, index, axis),
    "split": _split,
    "split_with_sizes": _split,
    "chunk": _chunk,
    "sym_size.int": lambda x, axis: x.shape[axis],
    "unbind": lambda x, axis=0: [_select(x, axis, index) for index in range(x.shape[axis])],
    "cat": _concatenate,
    "stack": lambda parts, axis=0: jnp.stack(parts, axis),
    "roll": _roll,
    "flip": lambda x, axes: jnp.flip(x, tuple(axes)),
    "constant_pad_nd": _pad,
    "pixel_shuffle": _pixel_shuffle,
    "channel_shuffle": _channel_shuffle,
    "full": _full,
    "zeros": _full,
    "ones": lambda shape, **options: _full(shape, 1, **options),
    "full_like": _full_like,
    "zeros_like": _full_like,
    "ones_like": lambda x, **options: _full_like(x, 1, **options),
    "new_zeros": _new_full,
    "new_ones": lambda x, shape, **options: _new_full(x, shape, 1, **options),
    "new_full": _new_full,
    "scalar_tensor": lambda value, *, dtype=None, **_placing: jnp.asarray(value, dtype),
    "arange.default": lambda end, **options: _arange(0, end, **options),
    "arange": _arange,
}
