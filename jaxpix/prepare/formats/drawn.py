"""The phantoms as a listing: every image is drawn when it is stored."""

from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np

from ...config import PrepareConfig
from ...data.registry import DatasetInfo
from ..listing import Item, Label, Listing, Loaded
from ..phantoms.drawing import draw

DEFAULT_NUM_IMAGES = 3000
DEFAULT_SIZE = 64
_TEST_FRACTION = 0.25


def _draw(variant: str, index: int, seed: int, size: int) -> Loaded:
    image, label = draw(variant, index, seed, size)
    stored: Label = tuple(np.flatnonzero(label).tolist()) if np.ndim(label) else int(label)
    return image, stored


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
