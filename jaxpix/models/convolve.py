"""Convolutions of square kernels in the form that is fastest where they run."""

import jax
import jax.numpy as jnp

_LAYOUT = ("NHWC", "HWIO", "NHWC")


def convolve(inputs: jax.Array, kernel: jax.Array, stride: int, margin: int) -> jax.Array:
    """Features [B, h, w, out] of inputs [B, H, W, in] and a kernel [k, k, in, out] in the kernel's dtype.

    Args:
        inputs: padded with zeros by `margin` on every side.
        kernel: square.
        stride: of the output's positions.
        margin: 0 or k // 2.

    All forms give the same result up to rounding. A 1x1 kernel is a matrix product. Where at most 3x3 positions
    come out, as in deep stages of small images, a 3x3 kernel is one too, over gathered neighbourhoods: XLA's
    CPU convolution is up to 100 times slower there.
    """
    inputs = inputs.astype(kernel.dtype)
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
    padding = ((margin, margin), (margin, margin))
    return jax.lax.conv_general_dilated(inputs, kernel, (stride, stride), padding, dimension_numbers=_LAYOUT)


def _neighbourhoods(inputs: jax.Array, stride: int, margin: int) -> jax.Array:
    """3x3 surroundings [B, h, w, 9 C] of the output's positions, in the order of a kernel's axes."""
    padded = jnp.pad(inputs, ((0, 0), (margin, margin), (margin, margin), (0, 0)))
    rows, columns = (padded.shape[axis] - 2 for axis in (1, 2))
    taps = [padded[:, i : i + rows : stride, j : j + columns : stride] for i in range(3) for j in range(3)]
    return jnp.concatenate(taps, axis=-1)
