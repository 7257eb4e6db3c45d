"""Convolutions of square kernels in the form that is fastest where they run."""

import jax
import jax.numpy as jnp

from ..platforms import on_cpu

_LAYOUT = ("NHWC", "HWIO", "NHWC")


def convolve(inputs: jax.Array, kernel: jax.Array, stride: int, margin: int) -> jax.Array:
    """Features [B, h, w, out] of inputs [B, H, W, in] and a kernel [k, k, in, out] in the kernel's dtype.

    Args:
        inputs: padded with zeros by `margin` on every side.
        kernel: square.
        stride: of the output's positions.
        margin: 0 or k // 2.

    All forms give the same result up to rounding.
    """
    inputs = inputs.astype(kernel.dtype)
    return (_on_cpu if on_cpu() else _on_gpu)(inputs, kernel, stride, margin)


def _on_cpu(inputs: jax.Array, kernel: jax.Array, stride: int, margin: int) -> jax.Array:
    """A 1x1 kernel is a matrix product.

    Where at most 3x3 positions come out, as in deep stages of small images, a 3x3 kernel is one too, over gathered
    neighbourhoods: XLA's CPU convolution is up to 100 times slower there.
    """
    size, _, num_in, num_out = kernel.shape
    if size == 1:
        return inputs[:, ::stride, ::stride] @ kernel[0, 0]
    rows, columns = ((inputs.shape[axis] + 2 * margin - size) // stride + 1 for axis in (1, 2))
    if size == 3 and max(rows, columns) <= 3:
        return _neighbourhoods(inputs, stride, margin) @ kernel.reshape(-1, num_out)
    if num_in == 3 and num_out < 40:
        # With few output channels JAX 0.10 takes a path on CPUs that is nine times slower for three channels.
        inputs = jnp.pad(inputs, ((0, 0), (0, 0), (0, 0), (0, 1)))
        kernel = jnp.pad(kernel, ((0, 0), (0, 0), (0, 1), (0, 0)))
    return _convolution(inputs, kernel, stride, margin)


def _on_gpu(inputs: jax.Array, kernel: jax.Array, stride: int, margin: int) -> jax.Array:
    """cuDNN's convolutions, but for 1x1 kernels that do not widen.

    A 1x1 kernel with a stride must not be a product: XLA of JAX 0.10 and 0.11 aborts while it fuses the strided
    slice into it. One that widens ends a residual block: XLA folds bias, the addition of the shortcut and ReLU into
    a convolution, and would run the addition behind a product as a kernel of its own.
    """
    size, _, num_in, num_out = kernel.shape
    if size == 1 and stride == 1 and num_out <= num_in:
        return inputs @ kernel[0, 0]
    if stride == 2 and size > 3 and num_in <= _FEW_CHANNELS:
        return _over_blocks(inputs, kernel, margin)
    return _convolution(inputs, kernel, stride, margin)


# Images have up to four channels; tensor cores take inputs by eight.
_FEW_CHANNELS = 4
_CHANNELS_AT_ONCE = 8


def _over_blocks(inputs: jax.Array, kernel: jax.Array, margin: int) -> jax.Array:
    """A convolution with stride 2 over few channels as one with stride 1 over blocks of 2x2 positions.

    A 7x7 kernel on 3 channels becomes 4x4 on 12, which fill tensor cores; on 3 channels cuDNN leaves most of them
    idle, and in bfloat16 may have no way at all.
    """
    size, _, num_in, num_out = kernel.shape
    rows, columns = ((inputs.shape[axis] + 2 * margin - size) // 2 + 1 for axis in (1, 2))
    taps = size + size % 2
    # The odd tap is added in front, so the input moves by one with it.
    front, blocks = margin + taps - size, taps // 2
    needed = [2 * (side + blocks - 1) for side in (rows, columns)]
    behind = [want - front - inputs.shape[axis] for axis, want in zip((1, 2), needed, strict=True)]
    padding = ((0, 0, 0), (front, behind[0], 0), (front, behind[1], 0), (0, 0, 0))
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
    return _convolution(deep, weights, 1, 0)


def _convolution(inputs: jax.Array, kernel: jax.Array, stride: int, margin: int) -> jax.Array:
    padding = ((margin, margin), (margin, margin))
    return jax.lax.conv_general_dilated(inputs, kernel, (stride, stride), padding, dimension_numbers=_LAYOUT)


def _neighbourhoods(inputs: jax.Array, stride: int, margin: int) -> jax.Array:
    """3x3 surroundings [B, h, w, 9 C] of the output's positions, in the order of a kernel's axes."""
    padded = jnp.pad(inputs, ((0, 0), (margin, margin), (margin, margin), (0, 0)))
    rows, columns = (padded.shape[axis] - 2 for axis in (1, 2))
    taps = [padded[:, i : i + rows : stride, j : j + columns : stride] for i in range(3) for j in range(3)]
    return jnp.concatenate(taps, axis=-1)
