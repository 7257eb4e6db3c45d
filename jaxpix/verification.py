"""The judge of every success: the saved 8-bit image, read back, seen by the dense float32 victim."""

import io

import numpy as np
from PIL import Image

from .victim import Victim


def encode_png(image: np.ndarray) -> bytes:
    """PNG of a uint8 image [H, W, 1] or [H, W, 3]; lossless."""
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] not in (1, 3):
        raise ValueError(f"expected a uint8 image [H, W, 1 or 3], got {image.dtype} {list(image.shape)}")
    buffer = io.BytesIO()
    Image.fromarray(image[..., 0] if image.shape[2] == 1 else image).save(buffer, "PNG")
    return buffer.getvalue()


def decode_png(content: bytes) -> np.ndarray:
    """uint8 image [H, W, C] of what `encode_png` wrote."""
    with Image.open(io.BytesIO(content), formats=["PNG"]) as picture:
        pixels = np.asarray(picture)
    return pixels[..., None] if pixels.ndim == 2 else pixels


def judge(victim: Victim, png: bytes) -> np.ndarray:
    """Float32 logits [N] of a saved image.

    Each image is evaluated alone, so that the verdict cannot depend on which others were judged with it.
    """
    return np.asarray(victim.logits(decode_png(png)[None]))[0]
