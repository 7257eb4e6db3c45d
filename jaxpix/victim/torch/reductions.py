"""torch's operators that reduce axes, in JAX, by their ATen names."""

from __future__ import annotations

import math
from typing import Any

import jax.numpy as jnp

from .operands import Array, Operator, axes_of


def _reduction(function: Operator) -> Operator:
    def reduce(x: Array, axes: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Array:
        x = x if dtype is None else x.astype(dtype)
        return function(x, axis=axes_of(axes, x.ndim), keepdims=keepdim)

    return reduce


def _variance(
    x: Array,
    axes: Any = None,
    unbiased: bool = True,
    keepdim: bool = False,
    *,
    correction: float | None = None,
) -> Array:
    axes = axes_of(axes, x.ndim)
    centred = x - jnp.mean(x, axes, keepdims=True)
    count = math.prod(x.shape[axis] for axis in axes)
    less = int(unbiased) if correction is None else correction
    return jnp.sum(centred * centred, axes, keepdims=keepdim) / (count - less)


def _extreme(values: Operator, places: Operator) -> Operator:
    def extreme(x: Array, axis: int, keepdim: bool = False) -> tuple[Array, Array]:
        return values(x, axis, keepdims=keepdim), places(x, axis, keepdims=keepdim)

    return extreme


def _vector_norm(x: Array, order: float = 2, axes: Any = None, keepdim: bool = False, **_types: Any) -> Array:
    axes = axes_of(axes, x.ndim)
    if order == 2:
        return jnp.sqrt(jnp.sum(x * x, axes, keepdims=keepdim))
    if order == float("inf"):
        return jnp.max(jnp.abs(x), axes, keepdims=keepdim)
    return jnp.sum(jnp.abs(x) ** order, axes, keepdims=keepdim) ** (1 / order)


TABLE: dict[str, Operator] = {
    "mean": _reduction(jnp.mean),
    "sum": _reduction(jnp.sum),
    "prod": _reduction(jnp.prod),
    "amax": _reduction(jnp.max),
    "amin": _reduction(jnp.min),
    "any": _reduction(jnp.any),
    "all": _reduction(jnp.all),
    "max.default": jnp.max,
    "min.default": jnp.min,
    "max.dim": _extreme(jnp.max, jnp.argmax),
    "min.dim": _extreme(jnp.min, jnp.argmin),
    "argmax": lambda x, axis=None, keepdim=False: jnp.argmax(x, axis, keepdims=keepdim),
    "var": _variance,
    "std": lambda *operands, **options: jnp.sqrt(_variance(*operands, **options)),
    "var_mean.correction": lambda x, axes=None, *, correction=None, keepdim=False: (
        _variance(x, axes, correction=correction, keepdim=keepdim),
        jnp.mean(x, axes_of(axes, x.ndim), keepdims=keepdim),
    ),
    "linalg_vector_norm": _vector_norm,
    "cumsum": lambda x, axis, *, dtype=None: jnp.cumsum(x, axis, dtype),
}
