"""What people hand over in Python: images of several kinds, and labels by number, vector or name."""

from __future__ import annotations

import collections
import os
import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from PIL import Image, ImageOps

from ..data.images import UnreadableImageError, channels_of, decode, from_pixels, to_mode
from ..errors import InputError
from ..victim.probe import check_finite
from .given import GivenImages

if TYPE_CHECKING:
    from ..labels import LabelSpace
    from ..victim.victim import Victim

_FILE = (str, os.PathLike)
# A word on what was done to a picture points at the user's call: above `read_images`, its caller and the library.
_LEVELS_UP = 4


def given_images(
    victim: Victim, images: Any, labels: Any, image_ids: Sequence[str] | None, *, resize: bool
) -> GivenImages:
    """What a call names, checked: images (`read_images`), labels (`read_labels`; None: what the victim says), names.

    Raises:
        InputError: they do not fit the victim or one another, or the victim's logits are not finite.
    """
    stack, names = read_images(victim, images, resize=resize)
    if image_ids is not None:
        names = [str(name) for name in image_ids]
    if len(names) != len(stack) or len(set(names)) != len(names):
        raise InputError(
            f"expected {len(stack)} distinct image_ids, got {len(names)} ({len(set(names))} distinct)"
        )
    if labels is not None:
        return GivenImages(victim.space, stack, read_labels(victim.space, labels, len(stack)), names, True)
    logits = victim.predict(stack)
    check_finite(logits, names, victim.name)
    return GivenImages(victim.space, stack, np.asarray(victim.space.labels(logits)), names, False)


class NamedImages(NamedTuple):
    """Images uint8 [B, H, W, C] of the victim's shape, and a distinct name of each: its position, or its file's."""

    stack: np.ndarray
    names: list[str]


def read_images(victim: Victim, images: Any, *, resize: bool) -> NamedImages:
    """Images as the victim takes them.

    Pictures (Pillow's, or files) are made to fit, with a warning that says what was done to how many. Arrays say
    exactly which pixels are meant, so that others than the victim's are refused unless `resize` asks for it.

    Args:
        victim: whose input shape counts.
        images: one image or many: uint8 array [H, W, C] or [B, H, W, C] (grey: also [H, W] or [B, H, W]), picture of
            Pillow's, or path of an image file.
        resize: fit arrays, too.

    Raises:
        InputError: another shape or dtype, or a file that is no image; names the position.
    """
    listed = _listed(images, victim.input_shape)
    if isinstance(listed, np.ndarray) and listed.shape[1:] == victim.input_shape and listed.dtype == np.uint8:
        return NamedImages(listed, [str(position) for position in range(len(listed))])
    if not len(listed):
        raise InputError(f"expected at least one image [{_text(victim.input_shape)}], got none")
    told: collections.Counter[str] = collections.Counter()
    stack = []
    got = list(np.shape(images)) if isinstance(listed, np.ndarray) else None
    for position, image in enumerate(listed):
        fitted, done = _fitted(image, victim, position, got, resize)
        stack.append(fitted)
        told.update(done)
    if told:
        warnings.warn(_word(told, len(stack), victim), UserWarning, stacklevel=_LEVELS_UP)
    return NamedImages(np.stack(stack), _names(listed))


def _listed(images: Any, shape: tuple[int, int, int]) -> np.ndarray | Sequence[Any]:
    """One image is a list of one; arrays stay arrays."""
    if isinstance(images, (Image.Image, *_FILE)):
        return [images]
    if isinstance(images, Sequence) and any(isinstance(one, (Image.Image, *_FILE)) for one in images):
        return images
    try:
        array = np.asarray(images)
    except ValueError:
        # Of several shapes: each is looked at by itself.
        return [np.asarray(one) for one in images]
    if array.ndim == 3 and shape[2] == 1 and array.shape != shape and array.shape[1:] == shape[:2]:
        return array[..., None]
    is_one = array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (1, 3))
    return array[None] if is_one else array


def _fitted(
    image: Any, victim: Victim, position: int, got: list[int] | None, resize: bool
) -> tuple[np.ndarray, list[str]]:
    """One image as the victim takes it, and what was done that nobody asked for; `got`: shape of a whole array."""
    height, width, channels = victim.input_shape
    if isinstance(image, _FILE):
        picture, had = _opened(Path(image))
    elif isinstance(image, Image.Image):
        picture, had = _grey_or_colour(image, position)
    else:
        array = _array(np.asarray(image), victim, position, got, resize)
        if array.shape == victim.input_shape:
            return array, []
        picture, had = from_pixels(array, array.shape[-1] if array.ndim == 3 else 1), channels
    done = [f"resized to {width}x{height}"] if picture.size != (width, height) else []
    if had != channels:
        done.append("turned to grey" if channels == 1 else "turned to colour")
    fitted = to_mode(picture, channels)
    if fitted.size != (width, height):
        fitted = fitted.resize((width, height), Image.Resampling.LANCZOS)
    pixels = np.asarray(fitted).reshape(victim.input_shape)
    return pixels, [] if isinstance(image, np.ndarray) else done


def _opened(path: Path) -> tuple[Image.Image, int]:
    try:
        content = path.read_bytes()
        channels = channels_of(content)
        return decode(content, channels), channels
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from None
    except UnreadableImageError as error:
        raise InputError(f"{path}: {error}") from None


def _grey_or_colour(picture: Image.Image, position: int) -> tuple[Image.Image, int]:
    channels = 1 if picture.mode in ("1", "L", "LA", "F") or picture.mode.startswith("I") else 3
    try:
        return to_mode(ImageOps.exif_transpose(picture), channels), channels
    except UnreadableImageError as error:
        raise InputError(f"image {position}: {error}") from None


def _array(
    array: np.ndarray, victim: Victim, position: int, got: list[int] | None, resize: bool
) -> np.ndarray:
    """An array whose pixels are 8-bit and can be made to fit, or fit already."""
    if array.dtype != np.uint8:
        raise InputError(f"expected 8-bit images (uint8, 0..255), got {array.dtype}")
    height, width, channels = victim.input_shape
    if channels == 1 and array.shape == (height, width):
        return array[..., None]
    is_image = array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (1, 3))
    if array.shape != victim.input_shape and not (resize and is_image and array.size):
        what = f"{list(array.shape)} for image {position}" if got is None else str(got)
        raise InputError(
            f"victim {victim.name!r} expects images [B, {_text(victim.input_shape)}], got {what}"
            + ("; resize=True makes images fit: their size, and grey or colour" if is_image else "")
        )
    return array


def _text(shape: Iterable[int]) -> str:
    return ", ".join(map(str, shape))


def _word(told: collections.Counter[str], count: int, victim: Victim) -> str:
    done = " and ".join(f"{number:,} {what}" for what, number in told.items())
    return (
        f"of {count:,} images {done}, as victim {victim.name!r} takes them [{_text(victim.input_shape)}]; "
        f"the pixels of records and pictures are those of the images so made"
    )


def _names(listed: np.ndarray | Sequence[Any]) -> list[str]:
    """Positions; files have their name, or where two have the same one, their path."""
    paths = [Path(one) if isinstance(one, _FILE) else Path(str(place)) for place, one in enumerate(listed)]
    names = [path.name for path in paths]
    return names if len(set(names)) == len(names) else [path.as_posix() for path in paths]


def read_labels(space: LabelSpace, labels: Any, count: int) -> np.ndarray:
    """Label vectors, bool [B, N].

    Args:
        space: the victim's.
        labels: class numbers [B]; 0/1 vectors [B, N]; or names, one text each (`class`, multi-label also
            `class|class` or `Normal`) or a list of names each. Of one image, its label alone will do.
        count: of images, B.

    Raises:
        InputError: a name, number or shape that the space does not have, or labels of another number of images.
    """
    if isinstance(labels, (str, int, np.integer)):
        labels = [labels]
    if not isinstance(labels, np.ndarray):
        labels = list(labels)
    if len(labels) != count:
        raise InputError(f"expected one label per image: {count} images, {len(labels)} labels")
    if any(_is_named(one) for one in labels):
        return np.stack([_vector(space, one, position) for position, one in enumerate(labels)])
    if space.task == "multilabel" and all(isinstance(one, list | tuple) and not one for one in labels):
        return np.zeros((count, len(space.class_names)), bool)
    return space.from_stored(np.asarray(labels))


def _is_named(label: Any) -> bool:
    return isinstance(label, str) or (
        isinstance(label, list | tuple | set | frozenset) and any(isinstance(name, str) for name in label)
    )


def _vector(space: LabelSpace, label: Any, position: int) -> np.ndarray:
    try:
        if isinstance(label, str):
            return space.parse(label)
        if isinstance(label, list | tuple | set | frozenset) and all(isinstance(one, str) for one in label):
            return space.vector(label)
    except InputError as error:
        raise InputError(f"labels[{position}]: {error}") from None
    raise InputError(f"labels[{position}]: expected names as in the other labels, got {label!r}")
