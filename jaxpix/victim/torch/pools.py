"""torch's pools and resizing in JAX, by their ATen names, for maps [B, C, H, W] (or [C, H, W])."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax

from .operands import Array, Operator, each


def _outputs(size: int, kernel: int, stride: int, pad: int, ceil_mode: bool) -> int:
    """How many windows there are along an axis; the last one must begin inside the map or before it."""
    free = size + 2 * pad - kernel
    count = (-(-free // stride) if ceil_mode else free // stride) + 1
    return count - 1 if ceil_mode and (count - 1) * stride >= size + pad else count


class _Windows:
    """Where the windows of a pool lie, along the last axes of a map."""

    def __init__(
        self,
        x: Array,
        kernel: Any,
        stride: Any,
        padding: Any,
        ceil_mode: bool,
        dilation: Any = 1,
        count: int = 2,
    ):
        self.kernel = each(kernel, count)
        self.stride = each(stride, count) if stride not in (None, []) else self.kernel
        self.low, self.dilation = each(padding, count), each(dilation, count)
        self.sizes = x.shape[-count:]
        self.reach = [d * (k - 1) + 1 for k, d in zip(self.kernel, self.dilation, strict=True)]
        axes = zip(self.sizes, self.reach, self.stride, self.low, strict=True)
        self.outputs = [_outputs(*axis, ceil_mode) for axis in axes]
        self._leading = x.ndim - count

    def reduce(self, x: Array, start: float, monoid: Operator) -> Array:
        """The monoid over each window."""
        axes = zip(self.outputs, self.stride, self.reach, self.sizes, self.low, strict=True)
        pads = [(low, (n - 1) * stride + reach - size - low) for n, stride, reach, size, low in axes]
        ones, none = [1] * self._leading, [(0, 0)] * self._leading
        return lax.reduce_window(
            x,
            np.asarray(start, x.dtype),
            monoid,
            (*ones, *self.kernel),
            (*ones, *self.stride),
            (*none, *pads),
            window_dilation=(*ones, *self.dilation),
        )

    def counts(self, count_padding: bool) -> np.ndarray:
        """By what a sum is divided at each position, float32 [rows, columns]: places of padding count, or not."""
        along = []
        for n, kernel, stride, low, size in zip(
            self.outputs, self.kernel, self.stride, self.low, self.sizes, strict=True
        ):
            first = np.arange(n) * stride - low
            last = np.minimum(first + kernel, size + low if count_padding else size)
            along.append(last - (first if count_padding else np.maximum(first, 0)))
        return functools.reduce(np.multiply.outer, along).astype(np.float32)


def _max_pool(
    x: Array, kernel: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1, ceil_mode: bool = False
) -> Array:
    return _Windows(x, kernel, stride, padding, ceil_mode, dilation).reduce(x, -np.inf, lax.max)


def _average_pool(
    x: Array,
    kernel: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
    *,
    axes: int = 2,
) -> Array:
    windows = _Windows(x, kernel, stride, padding, ceil_mode, count=axes)
    total = windows.reduce(x, 0.0, lax.add)
    counts = windows.counts(count_include_pad)
    if divisor_override is not None:
        return total / divisor_override
    if (counts == counts.flat[0]).all():
        return total / float(counts.flat[0])
    return total / lax.expand_dims(jnp.asarray(counts), range(x.ndim - axes))


def _shares(size: int, outputs: int) -> list[tuple[int, int]]:
    """torch's rule: output i reads from floor(i·size/outputs) up to ceil((i + 1)·size/outputs)."""
    return [(i * size // outputs, -(-(i + 1) * size // outputs)) for i in range(outputs)]


def _adaptive_average(x: Array, outputs: Any) -> Array:
    sizes = x.shape[-2:]
    wanted = [size if n is None else n for size, n in zip(sizes, each(outputs, 2), strict=True)]
    if wanted == [1, 1]:
        return jnp.mean(x, (-2, -1), keepdims=True)
    if all(size % n == 0 for size, n in zip(sizes, wanted, strict=True)):
        return _average_pool(x, [size // n for size, n in zip(sizes, wanted, strict=True)])
    for axis, (size, n) in enumerate(zip(sizes, wanted, strict=True), start=x.ndim - 2):
        matrix = np.zeros((n, size), np.float32)
        for row, (first, last) in enumerate(_shares(size, n)):
            matrix[row, first:last] = 1 / (last - first)
        x = _along(x, axis, matrix)
    return x


def _adaptive_max(x: Array, outputs: Any) -> tuple[Array, None]:
    for axis, n in enumerate(each(outputs, 2), start=x.ndim - 2):
        shares = _shares(x.shape[axis], x.shape[axis] if n is None else n)
        parts = [jnp.max(lax.slice_in_dim(x, *share, axis=axis), axis, keepdims=True) for share in shares]
        x = jnp.concatenate(parts, axis)
    return x, None


def _along(x: Array, axis: int, matrix: np.ndarray) -> Array:
    """Replace an axis by its product with a matrix [new, old]."""
    product = lax.dot_general(x, jnp.asarray(matrix, x.dtype), (((axis,), (1,)), ((), ())))
    return jnp.moveaxis(product, -1, axis)


def _target(x: Array, outputs: Any, scales: Any) -> list[int]:
    if outputs:
        return list(outputs)
    return [int(size * scale) for size, scale in zip(x.shape[-2:], scales, strict=True)]


def _nearest(x: Array, outputs: Any = None, scales: Any = None, *_unused: Any) -> Array:
    target = _target(x, outputs, scales)
    for axis, new in enumerate(target, start=x.ndim - 2):
        old = x.shape[axis]
        if new % old == 0:
            x = jnp.repeat(x, new // old, axis)
        else:
            x = jnp.take(x, (np.arange(new) * old / new).astype(np.int32), axis)
    return x


def _bilinear(x: Array, outputs: Any, align_corners: bool, scales: Any = None, *others: Any) -> Array:
    target = _target(x, outputs, scales)
    factors = scales if isinstance(scales, Sequence) else (scales, *others)
    for axis, new in enumerate(target, start=x.ndim - 2):
        old = x.shape[axis]
        if align_corners:
            places = np.arange(new) * ((old - 1) / max(new - 1, 1))
        else:
            factor = factors[axis - x.ndim + 2] if len(factors) == 2 and factors[0] else new / old
            places = np.maximum((np.arange(new) + 0.5) / factor - 0.5, 0)
        low = np.minimum(places.astype(int), old - 1)
        share, matrix = places - low, np.zeros((new, old), np.float32)
        np.add.at(matrix, (np.arange(new), low), 1 - share)
        np.add.at(matrix, (np.arange(new), np.minimum(low + 1, old - 1)), share)
        x = _along(x, axis, matrix)
    return x


TABLE: dict[str, Operator] = {
    "max_pool2d": _max_pool,
    "max_pool2d_with_indices": lambda *operands: (_max_pool(*operands), None),
    "avg_pool2d": _average_pool,
    "avg_pool1d": functools.partial(_average_pool, axes=1),
    "avg_pool3d": functools.partial(_average_pool, axes=3),
    "adaptive_avg_pool2d": _adaptive_average,
    "_adaptive_avg_pool2d": _adaptive_average,
    "adaptive_max_pool2d": _adaptive_max,
    "upsample_nearest2d": _nearest,
    "upsample_bilinear2d": _bilinear,
}
