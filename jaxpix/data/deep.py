"""Images of more than 8 bits a channel in PNG and TIFF files, which Pillow reads in full only where they are grey.

Of 16-bit colour Pillow keeps the upper byte of each value. Its decoder can be told that the bytes lie the other way
round, and then keeps the lower one: the file is decoded twice.
"""

import re
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageFile, ImageOps

from .unreadable import UnreadableImageError
from .values import DeepImage

_SWAPPED = {"L": "B", "B": "L", "N": "B"}
_BITS, _PHOTOMETRIC, _PLANES, _SAMPLE_FORMAT = 258, 262, 284, 339


def is_deep(image: Image.Image) -> bool:
    """Whether an opened image, not decoded yet, has more than 8 bits a channel."""
    return image.mode == "F" or image.mode.startswith("I") or _bits(image) > 8


def _bits(image: Image.Image) -> int:
    """Bits a channel, 8 where nothing says otherwise."""
    if ";16" in _raw_mode(image):
        return 16
    return max((bits for bits in _tag(image, _BITS, ()) if isinstance(bits, int)), default=8)


def _raw_mode(image: Image.Image) -> str:
    """How the decoder finds values in the file, such as "RGB;16B"."""
    tile = image.tile if isinstance(image, ImageFile.ImageFile) else []
    args = tile[0].args if tile else ""
    return args if isinstance(args, str) else str(args[0]) if args else ""


def _tag(image: Image.Image, tag: int, default: object) -> tuple[object, ...]:
    """A TIFF's tag."""
    value = getattr(image, "tag_v2", {}).get(tag, default)
    return value if isinstance(value, tuple) else (value,)


def read_deep(image: ImageFile.ImageFile, reopen: Callable[[], ImageFile.ImageFile]) -> DeepImage:
    """All bits of an opened image; `reopen` opens it once more.

    Raises:
        UnreadableImageError: its layout is one of which not all bits can be read.
    """
    if image.mode == "F" or image.mode.startswith("I"):
        return _grey(image)
    raw = _raw_mode(image)
    layout = re.fullmatch(r"(RGB|RGBA|RGBX|CMYK|LA);16([BLN])", raw)
    if layout is None or _tag(image, _PLANES, 1) == (2,) or len(image.tile) != 1:
        raise UnreadableImageError(
            f"{_bits(image)} bits a channel in a layout that is not read ({raw or image.mode}); save it as grey, or "
            f"with the channels of a pixel side by side"
        )
    image.load()
    upper = ImageOps.exif_transpose(image)
    high = np.asarray(upper).astype(np.uint16)
    if layout[1] == "LA":
        # Four bytes a pixel, as RGBA has them: grey high and low, opacity high and low.
        both = _reread(reopen(), "RGBA")
        return DeepImage(both[..., 0].astype(np.uint16) << 8 | both[..., 1], upper_8_bits=upper)
    low = _reread(reopen(), f"{layout[1]};16{_SWAPPED[layout[2]]}")
    return DeepImage(high << 8 | low, mode=image.mode, upper_8_bits=upper)


def _reread(image: ImageFile.ImageFile, raw_mode: str) -> np.ndarray:
    tile = image.tile[0]
    args = (raw_mode, *tile.args[1:]) if isinstance(tile.args, tuple) else raw_mode
    image.tile = [tile._replace(args=args)]
    image.load()
    return np.asarray(ImageOps.exif_transpose(image))


def _grey(image: Image.Image) -> DeepImage:
    kind = "float" if image.mode == "F" else "deep"
    # Pillow turns 8-bit greys round whose file calls 0 white, but not deeper ones.
    inverted = _tag(image, _PHOTOMETRIC, None) == (0,)
    unsigned = _tag(image, _BITS, None) == (32,) and _tag(image, _SAMPLE_FORMAT, 1) == (1,)
    image.load()
    values = np.asarray(ImageOps.exif_transpose(image))
    if image.mode == "I" and unsigned:
        values = values.view(np.uint32)
    if values.dtype == ">u2":
        values = values.astype(np.uint16)
    return DeepImage(values, inverted=inverted, kind=kind)  # type: ignore[arg-type]
