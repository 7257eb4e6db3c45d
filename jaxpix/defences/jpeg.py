"""JPEG as a defence: Pillow's, which judges, and a stand-in in JAX for searches, with its tables and roundings."""

from __future__ import annotations

import functools
import io

import jax
import jax.numpy as jnp
import numpy as np
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile

from .filters import straight_through

_SIDE = 8
# JFIF: red, green and blue to luminance and the two differences of colour, and back.
_TO_YCBCR = np.array(
    [[0.299, 0.587, 0.114], [-0.168735892, -0.331264108, 0.5], [0.5, -0.418687589, -0.081312411]], np.float32
)
_TO_RGB = np.array([[1, 0, 1.402], [1, -0.344136286, -0.714136286], [1, 1.772, 0]], np.float32)
_OFFSET = np.array([0, 128, 128], np.float32)


def by_pillow(images: np.ndarray, quality: int) -> np.ndarray:
    """uint8 images [B, H, W, C] saved as JPEG by Pillow and read back; colours are not thinned out (4:4:4)."""
    each = [np.asarray(_saved_and_read(image, quality)).reshape(image.shape) for image in images]
    return np.stack(each)


def _saved_and_read(image: np.ndarray, quality: int) -> JpegImageFile:
    stream = io.BytesIO()
    picture = Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image)
    picture.save(stream, "JPEG", quality=quality, subsampling=0)
    stream.seek(0)
    return JpegImageFile(stream)


@functools.cache
def tables(quality: int) -> tuple[np.ndarray, np.ndarray]:
    """Steps of quantisation [8, 8] as libjpeg makes them: those for luminance, and those for colour."""
    saved = _saved_and_read(np.zeros((_SIDE, _SIDE, 3), np.uint8), quality)
    luminance, colour = (np.array(saved.quantization[n]).reshape(_SIDE, _SIDE) for n in (0, 1))
    return luminance, colour


def stand_in(images: jax.Array, quality: int) -> jax.Array:
    """The same as `by_pillow` but for the roundings within libjpeg's transforms; float32 [B, H, W, C] in 0..255."""
    luminance, chrominance = (steps.astype(np.float32) for steps in tables(quality))
    if images.shape[-1] == 1:
        return _coded(images, luminance[..., None])
    steps = np.stack([luminance, chrominance, chrominance], axis=-1)
    mixed = jnp.matmul(images, _TO_YCBCR.T, precision="highest") + _OFFSET[None, None, None]
    read = _coded(_whole(mixed), steps) - _OFFSET[None, None, None]
    return _whole(jnp.matmul(read, _TO_RGB.T, precision="highest"))


def _coded(planes: jax.Array, steps: np.ndarray) -> jax.Array:
    """Planes [B, H, W, C] through transform, quantisation with steps [8, 8, C], and back."""
    batch, height, width, channels = planes.shape
    rows, columns = -(-height // _SIDE), -(-width // _SIDE)
    # libjpeg fills the last blocks with the last value.
    spare = ((0, 0), (0, rows * _SIDE - height), (0, columns * _SIDE - width), (0, 0))
    blocks = jnp.pad(planes, spare, mode="edge") - 128.0
    blocks = blocks.reshape(batch, rows, _SIDE, columns, _SIDE, channels)
    # y and x: positions in a block, u and v: frequencies.
    waves = jnp.einsum("bryqxc,uy,vx->bruqvc", blocks, _cosines(), _cosines(), precision="highest")
    steps = steps[None, None, :, None]
    waves = straight_through(waves, jnp.round(waves / steps) * steps)
    read = jnp.einsum("bruqvc,uy,vx->bryqxc", waves, _cosines(), _cosines(), precision="highest")
    whole = read.reshape(batch, rows * _SIDE, columns * _SIDE, channels)[:, :height, :width]
    return _whole(whole + 128.0)


def _whole(values: jax.Array) -> jax.Array:
    return straight_through(values, jnp.clip(jnp.round(values), 0, 255))


def _cosines() -> np.ndarray:
    """The orthonormal DCT-II of eight values, [frequency, position]."""
    frequency, position = np.mgrid[:_SIDE, :_SIDE]
    waves = np.cos((2 * position + 1) * frequency * np.pi / (2 * _SIDE)) * np.sqrt(2 / _SIDE)
    waves[0] /= np.sqrt(2)
    return waves.astype(np.float32)
