"""Two-dimensional convolutions in the form that is fastest where they run. All forms agree up to rounding."""

from __future__ import annotations

import dataclasses
import itertools
from typing import Any

import jax
import jax.numpy as jnp

from ..platforms import on_cpu
from .reach import Pair

_LAYOUT = ("NHWC", "HWIO", "NHWC")
# Images have up to four channels; tensor cores take inputs by eight.
_FEW_CHANNELS = 4
_CHANNELS_AT_ONCE = 8


@dataclasses.dataclass(frozen=True)
class Sliding:
    """How a kernel moves over rows and columns.

    Attributes:
        strides: distance of the positions of the result.
        padding: zeros before and after; negative: left out.
        dilation: distance of the positions that a kernel reads.
        groups: into which features are divided.
        options: parameters of JAX's convolution (precision, element type of the result).
    """

    strides: Pair = (1, 1)
    padding: tuple[Pair, Pair] = ((0, 0), (0, 0))
    dilation: Pair = (1, 1)
    groups: int = 1
    options: tuple[tuple[str, Any], ...] = ()

    def reach(self, kernel: tuple[int, ...]) -> Pair:
        """Rows and columns of positions from the first to the last one that a kernel [h, w, …] reads."""
        return self.dilation[0] * (kernel[0] - 1) + 1, self.dilation[1] * (kernel[1] - 1) + 1

    def size(self, inputs: tuple[int, ...], kernel: tuple[int, ...], axes: Pair = (1, 2)) -> Pair:
        """(H, W) of the result of inputs whose rows and columns are these axes."""
        sides = zip(
            [inputs[axis] for axis in axes], self.padding, self.reach(kernel), self.strides, strict=True
        )
        rows, columns = ((n + sum(pad) - reach) // stride + 1 for n, pad, reach, stride in sides)
        return rows, columns

    def without_padding(self) -> Sliding:
        """The same over inputs that have their padding already."""
        return dataclasses.replace(self, padding=((0, 0), (0, 0)))


def convolve(inputs: jax.Array, kernel: jax.Array, sliding: Sliding) -> jax.Array:
    """Features [B, h, w, out] of inputs [B, H, W, in] and a kernel [kh, kw, in / groups, out] in its dtype."""
    inputs = inputs.astype(kernel.dtype)
    return (_on_cpu if on_cpu() else _on_gpu)(inputs, kernel, sliding)


def _on_cpu(inputs: jax.Array, kernel: jax.Array, sliding: Sliding) -> jax.Array:
    """A 1x1 kernel is a matrix product, and one that takes each feature by itself a sum of shifted products.

    Where at most 3x3 positions come out, as in deep stages of small images, a 3x3 kernel is a matrix product,
    too, over gathered neighbourhoods: XLA's CPU convolution is up to 100 times slower there.
    """
    rows, columns, num_in, num_out = kernel.shape
    if sliding.groups == 1 and rows == columns == 1:
        return _product(taps(inputs, kernel.shape, sliding)[0], kernel[0, 0], sliding)
    if sliding.groups == 1 and rows * columns <= 9 and max(sliding.size(inputs.shape, kernel.shape)) <= 3:
        neighbourhoods = jnp.concatenate(taps(inputs, kernel.shape, sliding), axis=-1)
        return _product(neighbourhoods, kernel.reshape(-1, num_out), sliding)
    if num_in == 1 and sliding.groups == inputs.shape[-1] == num_out:
        return _shifted_products(inputs, kernel, sliding)
    if sliding.groups == 1 and num_in == 3 and num_out < 40:
        # With few output channels JAX 0.10 takes a path on CPUs that is nine times slower for three channels.
        inputs = jnp.pad(inputs, ((0, 0), (0, 0), (0, 0), (0, 1)))
        kernel = jnp.pad(kernel, ((0, 0), (0, 0), (0, 1), (0, 0)))
    return _convolution(inputs, kernel, sliding)


def _on_gpu(inputs: jax.Array, kernel: jax.Array, sliding: Sliding) -> jax.Array:
    """A 1x1 kernel without stride is a matrix product, unless it widens; the stem becomes one over 2x2 blocks.

    One with a stride is a convolution, because XLA of JAX 0.10 and 0.11 aborts while it fuses the strided
    slice into it. One that widens ends a residual block: XLA folds bias, the addition of the shortcut and ReLU into
    a convolution, and would run the addition behind a product as a kernel of its own.
    """
    rows, columns, num_in, num_out = kernel.shape
    if sliding.groups == 1 and sliding.dilation == (1, 1):
        unpadded = sliding.strides == (1, 1) and sliding.padding == ((0, 0), (0, 0))
        if rows == columns == 1 and unpadded and num_out <= num_in:
            return _product(inputs, kernel[0, 0], sliding)
        if rows == columns > 3 and sliding.strides == (2, 2) and num_in <= _FEW_CHANNELS:
            return _over_blocks(inputs, kernel, sliding)
    return _convolution(inputs, kernel, sliding)


def _over_blocks(inputs: jax.Array, kernel: jax.Array, sliding: Sliding) -> jax.Array:
    """A convolution with stride 2 over few channels as one with stride 1 over blocks of 2x2 positions.

    A 7x7 kernel on 3 channels becomes 4x4 on 12, which fill tensor cores; on 3 channels cuDNN leaves most of them
    idle, and in bfloat16 may have no way at all.
    """
    size, _, num_in, num_out = kernel.shape
    rows, columns = sliding.size(inputs.shape, kernel.shape)
    taps = size + size % 2
    # The odd tap is added in front, so the input moves by one with it.
    front = [before + taps - size for before, _ in sliding.padding]
    blocks = taps // 2
    needed = [2 * (side + blocks - 1) for side in (rows, columns)]
    behind = [needed[axis] - front[axis] - inputs.shape[1 + axis] for axis in (0, 1)]
    padding = ((0, 0, 0), (front[0], behind[0], 0), (front[1], behind[1], 0), (0, 0, 0))
    # A last row that no output reads is cut off: negative padding.
    padded = jax.lax.pad(inputs, jnp.zeros((), inputs.dtype), padding)
    in_front = ((taps - size, 0), (taps - size, 0), (0, 0), (0, 0))
    weights = jnp.pad(kernel, in_front).reshape(blocks, 2, blocks, 2, num_in, num_out)
    features = 4 * num_in
    deep = padded.reshape(-1, needed[0] // 2, 2, needed[1] // 2, 2, num_in)
    deep = deep.transpose(0, 1, 3, 2, 4, 5).reshape(-1, needed[0] // 2, needed[1] // 2, features)
    weights = weights.transpose(0, 2, 1, 3, 4, 5).reshape(blocks, blocks, features, num_out)
    spare = -features % _CHANNELS_AT_ONCE
    deep = jnp.pad(deep, ((0, 0), (0, 0), (0, 0), (0, spare)))
    weights = jnp.pad(weights, ((0, 0), (0, 0), (0, spare), (0, 0)))
    return _convolution(deep, weights, Sliding(options=sliding.options))


def _convolution(inputs: jax.Array, kernel: jax.Array, sliding: Sliding) -> jax.Array:
    return jax.lax.conv_general_dilated(
        inputs,
        kernel,
        sliding.strides,
        sliding.padding,
        rhs_dilation=sliding.dilation,
        dimension_numbers=_LAYOUT,
        feature_group_count=sliding.groups,
        **dict(sliding.options),
    )


def _product(inputs: jax.Array, matrix: jax.Array, sliding: Sliding) -> jax.Array:
    return jnp.matmul(inputs, matrix, **dict(sliding.options))


def _shifted_products(inputs: jax.Array, kernel: jax.Array, sliding: Sliding) -> jax.Array:
    """Each feature by itself: the sum over the kernel of shifted inputs times its number for the feature."""
    result_type = dict(sliding.options).get("preferred_element_type") or kernel.dtype
    weights = kernel.reshape(-1, 1, 1, 1, kernel.shape[-1])
    products = [tap * one for tap, one in zip(taps(inputs, kernel.shape, sliding), weights, strict=True)]
    return sum(products[1:], start=products[0]).astype(result_type)


def taps(
    inputs: jax.Array, kernel: tuple[int, ...], sliding: Sliding, padding: Any = 0, axes: Pair = (1, 2)
) -> list[jax.Array]:
    """What each position of a kernel [h, w, …] reads for all results, in the order of the inputs' axes."""
    size = sliding.size(inputs.shape, kernel, axes)
    around = [(0, 0, 0)] * inputs.ndim
    for axis, (before, after) in zip(axes, sliding.padding, strict=True):
        around[axis] = (before, after, 0)
    if any(map(any, around)):
        inputs = jax.lax.pad(inputs, jnp.asarray(padding, inputs.dtype), around)
    found = []
    for position in itertools.product(range(kernel[0]), range(kernel[1])):
        index = [slice(None)] * inputs.ndim
        steps = zip(axes, position, sliding.dilation, size, sliding.strides, strict=True)
        for axis, place, dilation, count, stride in steps:
            first = place * dilation
            index[axis] = slice(first, first + (count - 1) * stride + 1, stride)
        found.append(inputs[tuple(index)])
    return found
