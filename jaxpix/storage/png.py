"""8-bit images as PNG files: lossless, so that what is read back is what was saved."""

import io
from typing import Any

import numpy as np
from PIL import Image


def encode_png(image: np.ndarray | Image.Image, **settings: Any) -> bytes:
    """PNG of an image.

    Args:
        image: uint8 [H, W, 1 or 3]; or a picture of Pillow's, whose colour profile is saved with it.
        settings: Pillow's for PNG: `compress_level`, `optimize`. They change the bytes, never a pixel.

    Raises:
        ValueError: an array of another dtype or shape.
    """
    buffer = io.BytesIO()
    picture = _picture(image) if isinstance(image, np.ndarray) else image
    picture.save(buffer, "PNG", **settings)
    return buffer.getvalue()


def decode_png(content: bytes) -> np.ndarray:
    """uint8 image [H, W, C] of what `encode_png` wrote; no other format is read."""
    with Image.open(io.BytesIO(content), formats=["PNG"]) as picture:
        pixels = np.asarray(picture)
    return pixels[..., None] if pixels.ndim == 2 else pixels


def _picture(image: np.ndarray) -> Image.Image:
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] not in (1, 3):
        raise ValueError(f"expected a uint8 image [H, W, 1 or 3], got {image.dtype} {list(image.shape)}")
    return Image.fromarray(image[..., 0] if image.shape[2] == 1 else image)
