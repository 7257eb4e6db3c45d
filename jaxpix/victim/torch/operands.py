"""How torch understands its operands, for all operators here: broadcasting, axes, one number for several axes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax.numpy as jnp
from jax import lax

Array = Any
Operator = Callable[..., Any]


def aligned(*operands: Array) -> list[Array]:
    """The operands with as many axes as the one that has most; numbers and scalars are left as they are."""
    rank = max((jnp.ndim(operand) for operand in operands), default=0)
    return [
        lax.expand_dims(operand, range(rank - jnp.ndim(operand))) if 0 < jnp.ndim(operand) < rank else operand
        for operand in operands
    ]


def each(values: int | Sequence[int], count: int) -> list[int]:
    """One number for each of `count` axes; torch lets a single one stand for all."""
    numbers = [values] if isinstance(values, int) else list(values)
    return numbers * count if len(numbers) == 1 else numbers


def axes_of(axes: int | Sequence[int] | None, rank: int) -> tuple[int, ...]:
    """Axes counted from the front; none named, or an empty list, means all, as torch has it."""
    if axes is None or axes == []:
        return tuple(range(rank))
    return tuple(axis % rank for axis in ([axes] if isinstance(axes, int) else axes))


def per_channel(vector: Array, rank: int) -> Array:
    """A vector [C] as [1, C, 1, …]: broadcastable, never as large as a map."""
    return vector.reshape((1, -1, *[1] * (rank - 2)))


def with_bias(x: Array, bias: Array | None) -> Array:
    """The bias of each channel added, if there is one."""
    return x if bias is None else x + per_channel(bias, x.ndim)


def softmax(x: Array, axis: int = -1, dtype: Any = None) -> Array:
    """Shares along an axis."""
    # `_softmax` says here whether half precision becomes float32: everything is float32 already.
    x = x if dtype is None or isinstance(dtype, bool) else x.astype(dtype)
    powers = jnp.exp(x - jnp.max(x, axis, keepdims=True))
    return powers / jnp.sum(powers, axis, keepdims=True)
