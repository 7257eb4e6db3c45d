"""torch's layers in JAX, by their ATen names: convolutions, products and attention.

Images stay [B, C, H, W] and kernels [O, I, H, W], as torch has them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
from jax import lax

from .operands import Array, Operator, aligned, each, softmax, with_bias

_LAYOUTS = {
    3: ("NCH", "OIH", "NCH"),
    4: ("NCHW", "OIHW", "NCHW"),
    5: ("NCDHW", "OIDHW", "NCDHW"),
}


def _convolution(
    x: Array,
    weight: Array,
    bias: Array | None = None,
    stride: int | Sequence[int] = 1,
    padding: int | str | Sequence[int] = 0,
    dilation: int | Sequence[int] = 1,
    groups: int = 1,
) -> Array:
    if x.ndim < weight.ndim:
        return _convolution(x[None], weight, bias, stride, padding, dilation, groups)[0]
    count = weight.ndim - 2
    dilations = each(dilation, count)
    if isinstance(padding, str):
        # torch pads more behind than before where `same` is uneven.
        reach = [
            d * (k - 1) if padding == "same" else 0 for d, k in zip(dilations, weight.shape[2:], strict=True)
        ]
        pads = [(total // 2, total - total // 2) for total in reach]
    else:
        pads = [(width, width) for width in each(padding, count)]
    return _slid(x, weight, bias, pads, dilations, groups, window_strides=each(stride, count))


def _transposed_convolution(
    x: Array,
    weight: Array,
    bias: Array | None = None,
    stride: int | Sequence[int] = 1,
    padding: int | Sequence[int] = 0,
    output_padding: int | Sequence[int] = 0,
    groups: int = 1,
    dilation: int | Sequence[int] = 1,
) -> Array:
    count = weight.ndim - 2
    dilations = each(dilation, count)
    sizes = zip(weight.shape[2:], dilations, each(padding, count), each(output_padding, count), strict=True)
    pads = [(d * (k - 1) - p, d * (k - 1) - p + more) for k, d, p, more in sizes]
    # [I, O/groups, …] to [O, I/groups, …], turned round.
    inputs, outputs, *window = weight.shape
    kernel = weight.reshape(groups, inputs // groups, outputs, *window).swapaxes(1, 2)
    kernel = jnp.flip(kernel.reshape(groups * outputs, inputs // groups, *window), range(2, weight.ndim))
    ones = [1] * count
    return _slid(
        x, kernel, bias, pads, dilations, groups, window_strides=ones, lhs_dilation=each(stride, count)
    )


def _slid(
    x: Array, kernel: Array, bias: Array | None, pads: Any, dilations: list[int], groups: int, **moving: Any
) -> Array:
    y = lax.conv_general_dilated(
        x,
        kernel,
        padding=pads,
        rhs_dilation=dilations,
        dimension_numbers=_LAYOUTS[kernel.ndim],
        feature_group_count=groups,
        **moving,
    )
    return with_bias(y, bias)


def _general_convolution(x: Array, weight: Array, bias: Array | None, *settings: Any) -> Array:
    stride, padding, dilation, transposed, output_padding, groups = settings
    if transposed:
        return _transposed_convolution(x, weight, bias, stride, padding, output_padding, groups, dilation)
    return _convolution(x, weight, bias, stride, padding, dilation, groups)


def _linear(x: Array, weight: Array, bias: Array | None = None) -> Array:
    y = lax.dot_general(x, weight, (((x.ndim - 1,), (1,)), ((), ())))
    return y if bias is None else jnp.add(*aligned(y, bias))


def _matmul(first: Array, second: Array) -> Array:
    return (
        jnp.matmul(*aligned(first, second)) if min(first.ndim, second.ndim) > 1 else jnp.matmul(first, second)
    )


def _addmm(bias: Array, first: Array, second: Array, *, beta: float = 1, alpha: float = 1) -> Array:
    product = jnp.matmul(first, second)
    return jnp.add(*aligned(product if alpha == 1 else alpha * product, bias if beta == 1 else beta * bias))


def _attention(
    query: Array,
    key: Array,
    value: Array,
    mask: Array | None = None,
    dropout: float = 0.0,
    is_causal: bool = False,
    *,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Array:
    if enable_gqa:
        times = query.shape[-3] // key.shape[-3]
        key, value = jnp.repeat(key, times, -3), jnp.repeat(value, times, -3)
    scale = 1 / math.sqrt(query.shape[-1]) if scale is None else scale
    scores: Array = jnp.einsum("...qd,...kd->...qk", query * scale, key)
    if is_causal:
        mask = jnp.tril(jnp.ones(scores.shape[-2:], bool))
    if mask is not None and mask.dtype == jnp.bool_:
        scores = jnp.where(*aligned(mask, scores, -jnp.inf))
    elif mask is not None:
        scores = jnp.add(*aligned(scores, mask))
    return jnp.einsum("...qk,...kd->...qd", softmax(scores), value)


TABLE: dict[str, Operator] = {
    "conv1d": _convolution,
    "conv2d": _convolution,
    "conv3d": _convolution,
    "conv_transpose1d": _transposed_convolution,
    "conv_transpose2d": _transposed_convolution,
    "convolution": _general_convolution,
    "linear": _linear,
    "matmul": _matmul,
    "mm": _matmul,
    "bmm": _matmul,
    "addmm": _addmm,
    "baddbmm": _addmm,
    "einsum": lambda equation, operands, **_unused: jnp.einsum(equation, *operands),
    "scaled_dot_product_attention": _attention,
}
