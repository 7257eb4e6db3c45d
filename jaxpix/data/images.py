"""From a file's bytes to the stored pixels."""

import contextlib
import dataclasses
import io
import warnings
from collections.abc import Iterator

import numpy as np
from PIL import Image, ImageFile, ImageOps, UnidentifiedImageError

from ..errors import InputError
from . import dicom
from .deep import is_deep, read_deep
from .unreadable import UnreadableImageError, broken_off, what_it_is, without_addresses
from .values import DeepImage, Kind

__all__ = ["Look", "UnreadableImageError", "channels_of", "decode", "fit", "from_pixels", "look", "to_mode"]

MAX_PIXELS = 100_000_000
# Resizing needs memory by the side as well: a line of 100 million pixels would take gigabytes.
MAX_SIDE = 65_535
_FORMATS = ("JPEG", "PNG", "BMP", "TIFF", "GIF", "WEBP")


@dataclasses.dataclass(frozen=True, slots=True)
class Look:
    """What the values of a file are.

    Attributes:
        kind: "plain" (8 bits a channel), else that of `DeepImage`.
        low: lowest value of its images; 0 where `kind` is "plain".
        high: highest value, as `low`.
        most: between which values all but 2 % of the pixels lie.
        frames: how many images it holds.
    """

    kind: Kind
    low: float = 0.0
    high: float = 0.0
    most: tuple[float, float] = (0.0, 0.0)
    frames: int = 1


def decode(
    content: bytes, channels: int, span: tuple[float, float] | None = None, frame: int | None = None
) -> Image.Image:
    """Decode an image file of any usual mode to grey (`L`) or colour (`RGB`).

    Transparency is dropped, EXIF orientation is applied.

    Args:
        content: the whole file.
        channels: 1 or 3.
        span: values that become 0 and 255 where the file has more than 8 bits a channel. None: its own window, or all
            of 16 bits where it needs them.
        frame: which image of a file that holds several, from 0. None: the first, of DICOM the only one.

    Raises:
        UnreadableImageError: corrupt, truncated, of an unknown format, absurdly large, or deeper than 8 bits without
            saying which values are black and white.
        InputError: a DICOM file, and pydicom is not installed.
    """
    with _reading(content):
        return to_mode(_picture(content, frame), channels, span)


def look(content: bytes, all_frames: bool) -> Look:
    """Look over the values of a file, of its first image or of all.

    Raises:
        UnreadableImageError: see `decode`.
        InputError: a DICOM file, and pydicom is not installed.
    """
    with _reading(content):
        frames = dicom.header(content).frames if dicom.is_dicom(content) else _num_frames(content)
        found = [_seen(_picture(content, frame), frames) for frame in range(frames if all_frames else 1)]
    # Frames of one file are of one kind but for oddities; the deeper ones decide.
    deep = [one for one in found if one.kind != "plain"] or found
    return dataclasses.replace(deep[0], low=min(one.low for one in deep), high=max(one.high for one in deep))


def _seen(picture: Image.Image | DeepImage, frames: int) -> Look:
    if isinstance(picture, Image.Image):
        return Look("plain", frames=frames)
    return Look(picture.kind, *picture.span(), picture.most(), frames)


@contextlib.contextmanager
def _reading(content: bytes) -> Iterator[None]:
    """Whatever a decoder lets out on broken input is told in our words."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except (UnreadableImageError, InputError):
        raise
    except Image.DecompressionBombError as error:
        raise UnreadableImageError(f"a decompression bomb: {error}") from None
    except UnidentifiedImageError:
        raise UnreadableImageError(f"not a readable image: {what_it_is(content)}") from None
    # Pillow's decoders let every kind of error out on broken input.
    except Exception as error:
        end = "; its end is missing (a download that broke off?)" if broken_off(content) else ""
        said = without_addresses(error) or type(error).__name__
        raise UnreadableImageError(f"not a readable image: {said}{end}") from None


def _opened(content: bytes, frame: int = 0) -> ImageFile.ImageFile:
    image = Image.open(io.BytesIO(content), formats=_FORMATS)
    if frame:
        image.seek(frame)
    _check_size(*image.size)
    return image


def _picture(content: bytes, frame: int | None) -> Image.Image | DeepImage:
    """What a file holds, turned upright."""
    if dicom.is_dicom(content):
        return dicom.read_frame(content, frame, _check_size)
    image = _opened(content, frame or 0)
    if is_deep(image):
        return read_deep(image, lambda: _opened(content, frame or 0))
    image.load()
    return ImageOps.exif_transpose(image)


def _num_frames(content: bytes) -> int:
    with Image.open(io.BytesIO(content), formats=_FORMATS) as image:
        count = 1
        # A file can claim any number; they are counted by going there.
        while count <= dicom.MAX_FRAMES:
            try:
                image.seek(count)
            except EOFError:
                return count
            count += 1
    raise UnreadableImageError(f"more than {dicom.MAX_FRAMES:,} images in one file")


def _check_size(width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise UnreadableImageError(
            f"{width}x{height} pixels, more than {MAX_PIXELS:,} (a decompression bomb)"
        )
    if max(width, height) > MAX_SIDE or min(width, height) < 1:
        raise UnreadableImageError(f"{width}x{height} pixels; each side must have 1 to {MAX_SIDE:,}")


def to_mode(
    image: Image.Image | DeepImage, channels: int, span: tuple[float, float] | None = None
) -> Image.Image:
    """Grey (1) or colour (3) version of a decoded image; `span` as for `decode`.

    Raises:
        UnreadableImageError: it is deeper than 8 bits and nothing says which values are black and white.
    """
    if isinstance(image, Image.Image) and (image.mode == "F" or image.mode.startswith("I")):
        image = DeepImage(np.asarray(image), kind="float" if image.mode == "F" else "deep")
    if isinstance(image, DeepImage):
        image = image.in_8_bits(span)
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


def channels_of(content: bytes) -> int:
    """1 where the file is grey, 3 where it has colour; only the header is read.

    Raises:
        UnreadableImageError: it is no image.
        InputError: a DICOM file, and pydicom is not installed.
    """
    if dicom.is_dicom(content):
        return dicom.header(content).channels
    with _reading(content), Image.open(io.BytesIO(content), formats=_FORMATS) as image:
        return 1 if image.mode in ("1", "L", "LA", "F") or image.mode.startswith("I") else 3
