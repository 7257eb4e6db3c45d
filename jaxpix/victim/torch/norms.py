"""torch's normalisations and softmax in JAX, by their ATen names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
from jax import lax

from .operands import Array, Operator, aligned, per_channel, softmax, with_bias


def _log_softmax(x: Array, axis: int = -1, dtype: Any = None) -> Array:
    x = x if dtype is None or isinstance(dtype, bool) else x.astype(dtype)
    shifted = x - jnp.max(x, axis, keepdims=True)
    return shifted - jnp.log(jnp.sum(jnp.exp(shifted), axis, keepdims=True))


def _batch_norm(
    x: Array,
    weight: Array | None,
    bias: Array | None,
    mean: Array,
    variance: Array,
    momentum: float,
    epsilon: float,
) -> tuple[Array, None, None]:
    scale = lax.rsqrt(variance + epsilon)
    scale = scale if weight is None else scale * weight
    shift = -mean * scale if bias is None else bias - mean * scale
    return x * per_channel(scale, x.ndim) + per_channel(shift, x.ndim), None, None


def _standardised(x: Array, axes: Sequence[int], epsilon: float) -> Array:
    centred = x - jnp.mean(x, axes, keepdims=True)
    return centred * lax.rsqrt(jnp.mean(centred * centred, axes, keepdims=True) + epsilon)


def _layer_norm(
    x: Array,
    shape: Sequence[int],
    weight: Array | None = None,
    bias: Array | None = None,
    epsilon: float = 1e-5,
    *_unused: Any,
) -> Array:
    y = _standardised(x, range(x.ndim - len(shape), x.ndim), epsilon)
    y = y if weight is None else jnp.multiply(*aligned(y, weight))
    return y if bias is None else jnp.add(*aligned(y, bias))


def _group_norm(
    x: Array,
    groups: int,
    weight: Array | None = None,
    bias: Array | None = None,
    epsilon: float = 1e-5,
    *_unused: Any,
) -> Array:
    batch, channels, *positions = x.shape
    apart = x.reshape(batch, groups, channels // groups, *positions)
    y = _standardised(apart, range(2, apart.ndim), epsilon).reshape(x.shape)
    y = y if weight is None else y * per_channel(weight, x.ndim)
    return with_bias(y, bias)


def _instance_norm(x: Array, weight: Array | None, bias: Array | None, *settings: Any) -> Array:
    mean, variance, use_input_stats, momentum, epsilon, *_unused = settings
    if not use_input_stats:
        return _batch_norm(x, weight, bias, mean, variance, momentum, epsilon)[0]
    return _group_norm(x, x.shape[1], weight, bias, epsilon)


TABLE: dict[str, Operator] = {
    "softmax": softmax,
    "_softmax": softmax,
    "log_softmax": _log_softmax,
    "_log_softmax": _log_softmax,
    "_native_batch_norm_legit_no_training": _batch_norm,
    "layer_norm": _layer_norm,
    "native_layer_norm": lambda *operands: (_layer_norm(*operands), None, None),
    "group_norm": _group_norm,
    "instance_norm": _instance_norm,
}
