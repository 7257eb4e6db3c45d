"""From a file's bytes to the stored pixels."""

import io
import warnings

import numpy as np
from PIL import Image, ImageOps

MAX_PIXELS = 100_000_000
# Resizing needs memory by the side as well: a line of 100 million pixels would take gigabytes.
MAX_SIDE = 65_535
_GREY_OF_16_BITS = np.clip(np.rint(np.arange(1 << 16) / 257.0), 0, 255).astype(np.uint8)
_FORMATS = ("JPEG", "PNG", "BMP", "TIFF", "GIF", "WEBP")


class UnreadableImageError(ValueError):
    """These bytes are no image that can be used; the message says why."""


def decode(encoded: bytes, channels: int) -> Image.Image:
    """Decode an image file of any usual mode to grey (`L`) or colour (`RGB`).

    Transparency is dropped, 16-bit values are scaled to 8, EXIF orientation is applied.

    Raises:
        UnreadableImageError: corrupt, truncated, of an unknown format, or absurdly large.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image = Image.open(io.BytesIO(encoded), formats=_FORMATS)
            _check_size(image)
            image.load()
            return to_mode(ImageOps.exif_transpose(image), channels)
    except UnreadableImageError:
        raise
    except Image.DecompressionBombError as error:
        raise UnreadableImageError(f"a decompression bomb: {error}") from None
    # Pillow's decoders let every kind of error out on broken input.
    except Exception as error:
        raise UnreadableImageError(f"not a readable image: {error or type(error).__name__}") from None


def _check_size(image: Image.Image) -> None:
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise UnreadableImageError(
            f"{width}x{height} pixels, more than {MAX_PIXELS:,} (a decompression bomb)"
        )
    if max(width, height) > MAX_SIDE or min(width, height) < 1:
        raise UnreadableImageError(f"{width}x{height} pixels; each side must have 1 to {MAX_SIDE:,}")


def to_mode(image: Image.Image, channels: int) -> Image.Image:
    """Grey (1) or colour (3) version of a decoded image."""
    if image.mode.startswith("I"):
        values = np.asarray(image)
        if values.dtype != np.uint16:
            values = np.clip(values, 0, (1 << 16) - 1).astype(np.uint16)
        image = Image.fromarray(_GREY_OF_16_BITS[values])
    elif image.mode == "F":
        raise UnreadableImageError("floating-point pixels have no defined white")
    elif image.mode in ("P", "PA"):
        image = image.convert("RGBA")
    if image.mode == "RGBA":
        image = image.convert("RGB")
    return image.convert("L" if channels == 1 else "RGB")


def fit(image: Image.Image, size: int, kept_fraction: float) -> Image.Image:
    """Centre crop to `kept_fraction` of width and height, then resize to a square of `size` pixels."""
    if kept_fraction < 1.0:
        width = max(1, round(image.width * kept_fraction))
        height = max(1, round(image.height * kept_fraction))
        left, top = (image.width - width) // 2, (image.height - height) // 2
        image = image.crop((left, top, left + width, top + height))
    if image.size != (size, size):
        image = image.resize((size, size), Image.Resampling.LANCZOS)
    return image


def from_pixels(pixels: np.ndarray, channels: int) -> Image.Image:
    """An image from uint8 [H, W], [H, W, 1] or [H, W, 3]."""
    if pixels.ndim == 3 and pixels.shape[2] == 1:
        pixels = pixels[:, :, 0]
    return to_mode(Image.fromarray(np.ascontiguousarray(pixels)), channels)


def channels_of(encoded: bytes) -> int:
    """1 where the file is grey, 3 where it has colour; only the header is read.

    Raises:
        UnreadableImageError: it is no image.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(encoded), formats=_FORMATS) as image:
                return 1 if image.mode in ("1", "L", "LA", "F") or image.mode.startswith("I") else 3
    except Exception as error:
        raise UnreadableImageError(f"not a readable image: {error or type(error).__name__}") from None
