"""Sets of several pixels, numbered: every choice among some positions, with every combination of their values."""

from __future__ import annotations

import dataclasses
import functools
import itertools
import math

import numpy as np


@dataclasses.dataclass(frozen=True, eq=False)
class PixelSets:
    """Numbered choice by choice, and within a choice value by value, the last pixel's fastest.

    Attributes:
        count: pixels of a set.
        pixels: int32 [N, W], a row for each position, a column for each of its values; whatever numbers name them.
    """

    count: int
    pixels: np.ndarray

    @property
    def size(self) -> int:
        """How many sets there are."""
        return num_sets(self.count, *self.pixels.shape)

    @functools.cached_property
    def _choices(self) -> np.ndarray:
        """Rows of `pixels`, int32 [choices, count]."""
        rows = range(len(self.pixels))
        if self.count == 2:
            return np.stack(np.triu_indices(len(rows), 1), -1).astype(np.int32)
        flat = itertools.chain.from_iterable(itertools.combinations(rows, self.count))
        return np.fromiter(flat, np.int32).reshape(-1, self.count)

    def members(self, numbers: np.ndarray) -> np.ndarray:
        """The pixels of sets int [B], int32 [B, count]."""
        values = self.pixels.shape[1]
        choice, combination = np.divmod(numbers, values**self.count)
        digits = combination[:, None] // values ** np.arange(self.count)[::-1] % values
        return self.pixels[self._choices[choice], digits]


def num_sets(count: int, positions: int, values: int) -> int:
    """Sets of `count` pixels at some of `positions`, with `values` each."""
    return math.comb(positions, count) * values**count
