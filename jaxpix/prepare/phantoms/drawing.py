"""The built-in data: drawn, seeded, and labelled synthetic wherever it is shown."""

import zlib
from collections.abc import Callable, Iterator, Sequence
from functools import partial

import numpy as np

from ...config import PrepareConfig
from ...data.registry import DatasetInfo
from ...errors import InputError
from ..listing import Item, Label, Listing, Loaded
from .canvas import Canvas, canvas
from .lesions import draw_lesion
from .radiographs import draw_chest, draw_radiograph

DEFAULT_NUM_IMAGES = 3000
DEFAULT_SIZE = 64
_TEST_FRACTION = 0.25
_DRAWN: dict[str, Callable[[Canvas, np.random.Generator], tuple[np.ndarray, int | np.ndarray]]] = {
    "phantom-derma": draw_lesion,
    "phantom-xray": draw_radiograph,
    "phantom-chest": draw_chest,
}


def draw(variant: str, index: int, seed: int, size: int) -> tuple[np.ndarray, int | np.ndarray]:
    """Draw image number `index`; a pure function of its arguments.

    Args:
        variant: `phantom-derma`, `phantom-xray` or `phantom-chest`.
        index: which image, from 0.
        seed: another seed draws another collection.
        size: side in pixels, at least 8.

    Returns:
        uint8 [size, size, C], and the class number or, for `phantom-chest`, the findings uint8 [14].

    Raises:
        InputError: an unknown variant or a size below 8.
    """
    if variant not in _DRAWN:
        raise InputError(f"unknown phantom {variant!r}; allowed: {', '.join(_DRAWN)}")
    if size < 8:
        raise InputError(f"image size of a phantom: expected at least 8 pixels, got {size}")
    rng = np.random.Generator(np.random.PCG64([zlib.crc32(variant.encode()), seed, index]))
    return _DRAWN[variant](canvas(size), rng)


def read(info: DatasetInfo, config: PrepareConfig, image_size: int) -> Listing:
    """List the images to draw: the first three quarters are for training."""
    total = config.num_images or DEFAULT_NUM_IMAGES
    num_train = total - round(total * _TEST_FRACTION)
    unknown: Label = 0 if info.task == "multiclass" else ()
    items = [
        Item(str(index), unknown, f"drawn_{index:06}", split="train" if index < num_train else "test")
        for index in range(total)
    ]

    def load(chosen: Sequence[Item]) -> Iterator[partial[Loaded]]:
        for item in chosen:
            yield partial(_draw, info.name, int(item.member), config.seed, image_size)

    return Listing(info, items, load)


def _draw(variant: str, index: int, seed: int, size: int) -> Loaded:
    image, label = draw(variant, index, seed, size)
    stored: Label = tuple(np.flatnonzero(label).tolist()) if np.ndim(label) else int(label)
    return image, stored
