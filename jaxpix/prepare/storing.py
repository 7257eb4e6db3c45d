"""Images on their way from their source to their stored form."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from PIL import Image

from ..data.fingerprints import pixel_hash
from ..data.images import UnreadableImageError, decode, fit, from_pixels
from ..data.prepared_files import span_of
from ..storage.png import encode_png
from .sources.trees import READ_ERRORS
from .working import by_threads

if TYPE_CHECKING:
    from ..data.registry import DatasetInfo
    from .listing import Item, Label, Listing, Loaded
    from .working import Given, Work


@dataclasses.dataclass(frozen=True, slots=True)
class Outcome:
    """A stored image, or why there is none.

    Attributes:
        item: what was asked for.
        label: as stored.
        png: the stored file, b"" where it failed.
        source_hash: of the bytes (or pixels) as the source holds them.
        pixel_hash: of the stored pixels.
        problem: why the image cannot be used, "" where it can.
        extrema: darkest and lightest stored pixel, of each channel.
    """

    item: Item
    label: Label
    png: bytes = b""
    source_hash: str = ""
    pixel_hash: str = ""
    problem: str = ""
    extrema: tuple[tuple[int, int], ...] = ()

    def example(self, info: DatasetInfo) -> dict[str, Any]:
        """What the builder stores."""
        label: Any = self.label
        if isinstance(label, tuple):
            label = np.zeros(len(info.class_names), np.uint8)
            label[list(self.label)] = 1  # type: ignore[arg-type]
        return {"image": self.png, "label": label, "image_id": self.item.image_id, "group": self.item.group}


class Form(NamedTuple):
    """What is the same for all images of a data set.

    Attributes:
        channels: stored, 1 or 3.
        span: as for `decode`.
        image_size: side of the stored squares in pixels.
        kept_fraction: of width and height.
    """

    channels: int
    span: tuple[float, float] | None
    image_size: int
    kept_fraction: float


def form_of(listing: Listing, image_size: int) -> Form:
    """How images of a listing are stored."""
    info = listing.info
    return Form(info.channels or 3, span_of(listing.values), image_size, info.kept_fraction)


def store_all(
    listing: Listing, items: Sequence[Item], image_size: int, work: Work = by_threads
) -> Iterator[Outcome]:
    """Images of a listing as they are stored, in order.

    Args:
        listing: what the source holds.
        items: the images, some of the listing's.
        image_size: side of the stored squares in pixels.
        work: who decodes, resizes and encodes; this process reads the source.

    Raises:
        FileNotFoundError: the source holds an image no longer.
    """
    tasks = zip(items, listing.load(items), strict=True)
    stored = work(tasks, _read, store, form_of(listing, image_size))
    for item, (label, *of_image) in zip(items, stored, strict=True):
        yield Outcome(item, item.label if label is None else label, *of_image)


def _read(task: tuple[Item, Callable[[], Loaded]]) -> Given:
    """Bytes or pixels of an image, its frame, its label if it is known only now, and why there are none, or ""."""
    item, load = task
    try:
        loaded = load()
    except FileNotFoundError:
        # It was listed and is gone: that is the source's fault, not the image's.
        raise
    except UnreadableImageError as error:
        return b"", item.frame, None, str(error)
    except READ_ERRORS as error:
        return b"", item.frame, None, f"cannot be read: {error}"
    pixels, label = loaded if isinstance(loaded, tuple) else (loaded, None)
    return pixels, item.frame, label, ""


def store(form: Form, given: Given) -> tuple[Any, ...]:
    """Decode, crop, resize and encode what was read of an image; problems with it are returned, not raised.

    Args:
        form: what becomes of it.
        given: see `_read`.

    Returns:
        the label, None where it is known, and the values of an `Outcome` after it.
    """
    loaded, frame, label, problem = given
    if problem:
        return None, b"", "", "", problem
    try:
        image, source_hash = open_image(loaded, frame, form)
        image = fit(image, form.image_size, form.kept_fraction)
    except UnreadableImageError as error:
        return None, b"", "", "", str(error)
    except READ_ERRORS as error:
        return None, b"", "", "", f"cannot be read: {error}"
    png = encode_png(image, compress_level=4)
    extrema = image.getextrema()
    channels: Any = extrema if isinstance(extrema[0], tuple) else (extrema,)
    return label, png, source_hash, pixel_hash(image), "", channels


def open_image(loaded: bytes | np.ndarray, frame: int, form: Form) -> tuple[Image.Image, str]:
    """What was loaded as an image of 8 bits a channel, in its own size, and the hash of its source.

    Raises:
        UnreadableImageError: it is none.
    """
    if isinstance(loaded, bytes):
        # Frames of one file are no copies of one another.
        source_hash = hashlib.sha256(loaded + (b"frame %d" % frame if frame else b"")).hexdigest()
        return decode(loaded, form.channels, form.span, frame), source_hash
    return from_pixels(loaded, form.channels), hashlib.sha256(loaded.tobytes()).hexdigest()
