"""torch's element-wise operators in JAX, by their ATen names.

Operands of fewer axes get leading axes of size 1, as torch broadcasts; nothing is enlarged before XLA does it, so
that a vector per channel stays `[1, C, 1, 1]`.
"""

from __future__ import annotations

import math
from typing import Any

import jax.numpy as jnp
from jax import lax

from .operands import Array, Operator, aligned


def _binary(function: Operator) -> Operator:
    return lambda first, second: function(*aligned(first, second))


def _add(first: Array, second: Array, *, alpha: float = 1) -> Array:
    first, second = aligned(first, second)
    return jnp.add(first, second if alpha == 1 else alpha * second)


def _subtract(first: Array, second: Array, *, alpha: float = 1) -> Array:
    first, second = aligned(first, second)
    return jnp.subtract(first, second if alpha == 1 else alpha * second)


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


def _where(condition: Array, first: Array, second: Array) -> Array:
    return jnp.where(*aligned(condition, first, second))


def _masked_fill(x: Array, mask: Array, value: Array) -> Array:
    return _where(mask, jnp.asarray(value, x.dtype), x)


def _square_norm_power(base: Array, exponent: Array) -> Array:
    # `x ** 2` as a product: an integer power is its own primitive, and slower.
    if isinstance(exponent, int | float) and exponent == 2:
        return base * base
    return jnp.power(*aligned(base, exponent))


def _relu6(x: Array) -> Array:
    return clamp(x, 0.0, 6.0)


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
    slope = weight.reshape((1, -1, *[1] * (x.ndim - 2))) if x.ndim > 1 else weight
    return jnp.where(x > 0, x, x * slope)


def _sigmoid(x: Array) -> Array:
    return lax.logistic(x)


def _cast(x: Array, dtype: Any = None, *_unused: Any, **_placing: Any) -> Array:
    return x if dtype is None else lax.convert_element_type(x, dtype)


TABLE: dict[str, Operator] = {
    "add": _add,
    "sub": _subtract,
    "rsub": lambda first, second, alpha=1: _subtract(second, first, alpha=alpha),
    "mul": _binary(jnp.multiply),
    "div": _divide,
    "fmod": _binary(jnp.fmod),
    "remainder": _binary(jnp.remainder),
    "floor_divide": _binary(jnp.floor_divide),
    "minimum": _binary(jnp.minimum),
    "maximum": _binary(jnp.maximum),
    "max.other": _binary(jnp.maximum),
    "min.other": _binary(jnp.minimum),
    "atan2": _binary(jnp.arctan2),
    "pow": _square_norm_power,
    "eq": _binary(jnp.equal),
    "ne": _binary(jnp.not_equal),
    "lt": _binary(jnp.less),
    "le": _binary(jnp.less_equal),
    "gt": _binary(jnp.greater),
    "ge": _binary(jnp.greater_equal),
    "logical_and": _binary(jnp.logical_and),
    "logical_or": _binary(jnp.logical_or),
    "logical_xor": _binary(jnp.logical_xor),
    "logical_not": jnp.logical_not,
    "bitwise_and": _binary(jnp.bitwise_and),
    "bitwise_or": _binary(jnp.bitwise_or),
    "bitwise_not": jnp.bitwise_not,
    "where": _where,
    "masked_fill": _masked_fill,
    "clamp": clamp,
    "clamp_min": clamp,
    "clamp_max": lambda x, high: clamp(x, None, high),
    "neg": jnp.negative,
    "abs": jnp.abs,
    "sign": jnp.sign,
    "exp": jnp.exp,
    "expm1": jnp.expm1,
    "log": jnp.log,
    "log1p": jnp.log1p,
    "log2": jnp.log2,
    "sqrt": jnp.sqrt,
    "rsqrt": lax.rsqrt,
    "reciprocal": lambda x: 1.0 / x,
    "square": lambda x: x * x,
    "erf": lax.erf,
    "sin": jnp.sin,
    "cos": jnp.cos,
    "atan": jnp.arctan,
    "tanh": jnp.tanh,
    "floor": jnp.floor,
    "ceil": jnp.ceil,
    "round": jnp.round,
    "trunc": jnp.trunc,
    "isnan": jnp.isnan,
    "isinf": jnp.isinf,
    "sigmoid": _sigmoid,
    "log_sigmoid_forward": lambda x: (-jnp.logaddexp(-x, 0.0), None),
    "relu": lambda x: jnp.maximum(x, 0),
    "relu6": _relu6,
    "hardtanh": lambda x, low=-1.0, high=1.0: clamp(x, low, high),
    "hardsigmoid": _hardsigmoid,
    "hardswish": lambda x: x * _hardsigmoid(x),
    "silu": lambda x: x * _sigmoid(x),
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
    "alias": lambda x: x,
    "detach": lambda x: x,
    "detach_": lambda x: x,
    "contiguous": lambda x, **_placing: x,
    "lift_fresh_copy": lambda x: x,
    "dropout": lambda x, *_unused: x,
    "copy": lambda x, other, *_unused: jnp.broadcast_to(other, x.shape).astype(x.dtype),
}
