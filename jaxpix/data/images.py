"""From a file's bytes to the stored pixels."""

import io
import warnings
import zlib

import numpy as np
from PIL import Image, ImageOps

MAX_PIXELS = 100_000_000
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
            if image.width * image.height > MAX_PIXELS:
                raise UnreadableImageError(
                    f"{image.width}x{image.height} pixels, more than {MAX_PIXELS:,} (a decompression bomb)"
                )
            image.load()
            return to_mode(ImageOps.exif_transpose(image), channels)
    except UnreadableImageError:
        raise
    except Image.DecompressionBombError as error:
        raise UnreadableImageError(f"a decompression bomb: {error}") from None
    # Pillow's decoders let many kinds of error out on broken input.
    except (OSError, ValueError, SyntaxError, EOFError, IndexError, KeyError, TypeError, zlib.error) as error:
        raise UnreadableImageError(f"not a readable image: {error or type(error).__name__}") from None


def to_mode(image: Image.Image, channels: int) -> Image.Image:
    """Grey (1) or colour (3) version of a decoded image."""
    if image.mode.startswith("I"):
        values = np.asarray(image).astype(np.float64)
        image = Image.fromarray(np.clip(np.rint(values / 257.0), 0, 255).astype(np.uint8))
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


def encode_png(image: Image.Image) -> bytes:
    """Lossless PNG bytes."""
    buffer = io.BytesIO()
    image.save(buffer, format="PNG", compress_level=4)
    return buffer.getvalue()


def channels_of(encoded: bytes) -> int:
    """1 where the file is grey, 3 where it has colour; only the header is read.

    Raises:
        UnreadableImageError: it is no image.
    """
    try:
        with Image.open(io.BytesIO(encoded), formats=_FORMATS) as image:
            return 1 if image.mode in ("1", "L", "LA", "F") or image.mode.startswith("I") else 3
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise UnreadableImageError(f"not a readable image: {error}") from None
