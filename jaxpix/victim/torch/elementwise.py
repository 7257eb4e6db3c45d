"""torch's element-wise operators in JAX, by their ATen names.

Operands of fewer axes get leading axes of size 1, as torch broadcasts; nothing is enlarged before XLA does it, so
that a vector per channel stays `[1, C, 1, 1]`.
"""

from __future__ import annotations

import math
from typing import Any

import jax.numpy as jnp
from jax import lax

from .operands import Array, Operator, aligned, per_channel


def _broadcast(function: Operator) -> Operator:
    return lambda *operands: function(*aligned(*operands))


def _with_alpha(function: Operator) -> Operator:
    def combine(first: Array, second: Array, *, alpha: float = 1) -> Array:
        first, second = aligned(first, second)
        return function(first, second if alpha == 1 else alpha * second)

    return combine


_subtract = _with_alpha(jnp.subtract)


def _divide(first: Array, second: Array, *, rounding_mode: str | None = None) -> Array:
    first, second = aligned(first, second)
    if rounding_mode == "floor":
        return jnp.floor_divide(first, second)
    quotient = jnp.true_divide(first, second)
    if rounding_mode == "trunc":
        return jnp.trunc(quotient).astype(jnp.result_type(first, second))
    return quotient


def clamp(x: Array, low: Array = None, high: Array = None) -> Array:
    """Values limited from below and above, where a limit is given."""
    if low is not None:
        x = jnp.maximum(*aligned(x, low))
    return x if high is None else jnp.minimum(*aligned(x, high))


def _masked_fill(x: Array, mask: Array, value: Array) -> Array:
    return jnp.where(*aligned(mask, jnp.asarray(value, x.dtype), x))


def _square_norm_power(base: Array, exponent: Array) -> Array:
    # `x ** 2` as a product: an integer power is its own primitive, and slower.
    if isinstance(exponent, int | float) and exponent == 2:
        return base * base
    return jnp.power(*aligned(base, exponent))


def _hardsigmoid(x: Array) -> Array:
    return clamp(x + 3.0, 0.0, 6.0) / 6.0


def _gelu(x: Array, *, approximate: str = "none") -> Array:
    if approximate == "tanh":
        return 0.5 * x * (1.0 + jnp.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x * x * x)))
    return 0.5 * x * (1.0 + lax.erf(x * math.sqrt(0.5)))


def _elu(x: Array, alpha: float = 1.0, scale: float = 1.0, input_scale: float = 1.0) -> Array:
    below = alpha * jnp.expm1(jnp.minimum(x, 0.0) * input_scale)
    return scale * jnp.where(x > 0, x, below)


def _softplus(x: Array, beta: float = 1.0, threshold: float = 20.0) -> Array:
    scaled = x * beta
    return jnp.where(scaled > threshold, x, jnp.logaddexp(scaled, 0.0) / beta)


def _leaky_relu(x: Array, negative_slope: float = 0.01) -> Array:
    return jnp.where(x > 0, x, x * negative_slope)


def _prelu(x: Array, weight: Array) -> Array:
    # One slope for all, or one for each channel.
    return _leaky_relu(x, per_channel(weight, x.ndim) if x.ndim > 1 else weight)


def _cast(x: Array, dtype: Any = None, *_unused: Any, **_placing: Any) -> Array:
    return x if dtype is None else lax.convert_element_type(x, dtype)


def _same(x: Array, *_unused: Any, **_placing: Any) -> Array:
    return x


# What torch and NumPy call by the same name.
_OF_ONE = """
abs bitwise_not ceil cos exp expm1 floor isinf isnan log log1p log2 logical_not round sign sin sqrt tanh trunc
"""
_OF_SEVERAL = """
bitwise_and bitwise_or floor_divide fmod logical_and logical_or logical_xor maximum minimum remainder where
"""

TABLE: dict[str, Operator] = {
    **{name: getattr(jnp, name) for name in _OF_ONE.split()},
    **{name: _broadcast(getattr(jnp, name)) for name in _OF_SEVERAL.split()},
    **dict.fromkeys(("alias", "contiguous", "detach", "detach_", "dropout", "lift_fresh_copy"), _same),
    "add": _with_alpha(jnp.add),
    "sub": _subtract,
    "rsub": lambda first, second, alpha=1: _subtract(second, first, alpha=alpha),
    "mul": _broadcast(jnp.multiply),
    "div": _divide,
    "max.other": _broadcast(jnp.maximum),
    "min.other": _broadcast(jnp.minimum),
    "atan2": _broadcast(jnp.arctan2),
    "pow": _square_norm_power,
    "eq": _broadcast(jnp.equal),
    "ne": _broadcast(jnp.not_equal),
    "lt": _broadcast(jnp.less),
    "le": _broadcast(jnp.less_equal),
    "gt": _broadcast(jnp.greater),
    "ge": _broadcast(jnp.greater_equal),
    "masked_fill": _masked_fill,
    "clamp": clamp,
    "clamp_min": clamp,
    "clamp_max": lambda x, high: clamp(x, None, high),
    "neg": jnp.negative,
    "rsqrt": lax.rsqrt,
    "reciprocal": lambda x: 1.0 / x,
    "square": lambda x: x * x,
    "erf": lax.erf,
    "atan": jnp.arctan,
    "sigmoid": lax.logistic,
    "log_sigmoid_forward": lambda x: (-jnp.logaddexp(-x, 0.0), None),
    "relu": lambda x: jnp.maximum(x, 0),
    "relu6": lambda x: clamp(x, 0.0, 6.0),
    "hardtanh": lambda x, low=-1.0, high=1.0: clamp(x, low, high),
    "hardsigmoid": _hardsigmoid,
    "hardswish": lambda x: x * _hardsigmoid(x),
    "silu": lambda x: x * lax.logistic(x),
    "mish": lambda x: x * jnp.tanh(jnp.logaddexp(x, 0.0)),
    "gelu": _gelu,
    "elu": _elu,
    "selu": lambda x: _elu(x, 1.6732632423543772, 1.0507009873554805),
    "celu": lambda x, alpha=1.0: _elu(x, alpha, 1.0, 1.0 / alpha),
    "softplus": _softplus,
    "leaky_relu": _leaky_relu,
    "prelu": _prelu,
    "_to_copy": lambda x, *, dtype=None, **_placing: _cast(x, dtype),
    "to.dtype": _cast,
    "clone": _cast,
    "copy": lambda x, other, *_unused: jnp.broadcast_to(other, x.shape).astype(x.dtype),
}
