"""Images on their way from their source to their stored form."""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from ..data.fingerprints import pixel_hash
from ..data.images import UnreadableImageError, decode, fit, from_pixels
from ..data.prepared_files import span_of
from ..storage.environment import usable_cores
from ..storage.png import encode_png
from .sources.trees import READ_ERRORS

if TYPE_CHECKING:
    from ..data.registry import DatasetInfo
    from .listing import Item, Label, Listing, Loaded

_LOOK_AHEAD = 64


def num_threads() -> int:
    """How many images are decoded side by side: decoders release Python's lock for nearly all of their time.

    A few more than cores do no harm, and readers of a disk elsewhere wait; what is done under the lock lets no more
    than 32 work.
    """
    return min(max(4, usable_cores()), 32)


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


def store_all(listing: Listing, items: Sequence[Item], image_size: int) -> Iterator[Outcome]:
    """Images of a listing as they are stored, in order; threads work on a few of them ahead.

    Raises:
        FileNotFoundError: the source holds an image no longer.
    """
    with ThreadPoolExecutor(num_threads()) as pool:
        # Each is handed in when it is asked for.
        tasks = (
            pool.submit(_store_one, item, load, listing, image_size)
            for item, load in zip(items, listing.load(items), strict=True)
        )
        waiting = deque(itertools.islice(tasks, _LOOK_AHEAD))
        try:
            while waiting:
                outcome = waiting.popleft().result()
                waiting.extend(itertools.islice(tasks, 1))
                yield outcome
        finally:
            for future in waiting:
                future.cancel()


def _store_one(item: Item, load: Callable[[], Loaded], listing: Listing, image_size: int) -> Outcome:
    """Load, decode, crop, resize and encode; problems with the image are returned, not raised."""
    try:
        loaded, label = load(), item.label
        if isinstance(loaded, tuple):
            loaded, label = loaded
        image, source_hash = open_image(loaded, item, listing)
        image = fit(image, image_size, listing.info.kept_fraction)
    except FileNotFoundError:
        # It was listed and is gone: that is the source's fault, not the image's.
        raise
    except UnreadableImageError as error:
        return Outcome(item, item.label, problem=str(error))
    except READ_ERRORS as error:
        return Outcome(item, item.label, problem=f"cannot be read: {error}")
    png = encode_png(image, compress_level=4)
    extrema = image.getextrema()
    channels: Any = extrema if isinstance(extrema[0], tuple) else (extrema,)
    return Outcome(item, label, png, source_hash, pixel_hash(image), extrema=channels)


def open_image(loaded: bytes | np.ndarray, item: Item, listing: Listing) -> tuple[Image.Image, str]:
    """What was loaded as an image of 8 bits a channel, in its own size, and the hash of its source.

    Raises:
        UnreadableImageError: it is none.
    """
    channels, values = listing.info.channels or 3, listing.values
    if isinstance(loaded, bytes):
        # Frames of one file are no copies of one another.
        source_hash = hashlib.sha256(loaded + (b"frame %d" % item.frame if item.frame else b"")).hexdigest()
        return decode(loaded, channels, span_of(values), item.frame), source_hash
    return from_pixels(loaded, channels), hashlib.sha256(loaded.tobytes()).hexdigest()
