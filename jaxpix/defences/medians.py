"""Which values of a pixel a median can tell apart: an exhaustive search through it needs no others.

A median of nine with eight of them fixed is clip(v, s4, s5), where s4 and s5 are the fourth and fifth of the eight in
order. A pixel v stands in the windows of up to nine positions, so all filtered images that its 256 values can give
are given by those values alone that lie in the union of these ranges [s4, s5]. Of 25, likewise.
(At the border a pixel stands several times in a window, which only moves the two.)
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np


def distinct_values(image: np.ndarray, size: int = 3) -> np.ndarray:
    """Values that matter, bool [H, W, C, 256], of a uint8 image [H, W, C] in front of a median of `size` x `size`.

    For each position and channel: of values that give the same filtered channel, whichever they are, the lowest. Any
    other value gives what the nearest marked one below it gives. Channels are filtered by themselves, so that of
    colours the marked values of each are combined. The pixel's own value counts like any other.

    The windows are those of `filters.median`: beyond the border stands the nearest value.
    """
    values = np.arange(256)
    marked = np.ones((*image.shape, 256), bool)
    # A step from a value to the next one matters where a window's median follows it.
    seen = np.zeros((*image.shape, 255), bool)
    for low, high in zip(_medians_with(image, 0, size), _medians_with(image, 255, size), strict=True):
        seen |= (low[..., None] <= values[:-1]) & (values[:-1] < high[..., None])
    marked[..., 1:] = seen
    return marked


def _medians_with(image: np.ndarray, value: int, size: int) -> Iterator[np.ndarray]:
    """For each of the positions around a pixel: the median there, were the pixel `value`; for all pixels."""
    height, width, channels = image.shape
    rows, columns = np.arange(height)[:, None], np.arange(width)[None]
    offsets = list(itertools.product(range(-(size // 2), size // 2 + 1), repeat=2))
    for down, right in offsets:
        centre_row, centre_column = rows + down, columns + right
        inside = (centre_row >= 0) & (centre_row < height) & (centre_column >= 0) & (centre_column < width)
        window = np.empty((size * size, height, width, channels), np.uint8)
        for place, (below, beside) in enumerate(offsets):
            row = np.clip(centre_row + below, 0, height - 1)
            column = np.clip(centre_column + beside, 0, width - 1)
            is_pixel = (row == rows) & (column == columns)
            window[place] = np.where(is_pixel[..., None], value, image[row, column])
        # A centre outside the image is no position: it sees nothing.
        yield np.where(inside[..., None], np.median(window, axis=0), 0).astype(np.uint8)
