"""The candidates of one image, by number: single pixels first, then sets of the worst of them."""

from __future__ import annotations

import functools
import itertools
from typing import TYPE_CHECKING, Any

import numpy as np

from ...pixels import Pixels, changed
from ...records.pixel_sets import PixelSets

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .program import Found
    from .scope import Scope, Together

    ToldApart = Callable[[np.ndarray], np.ndarray]

# Levels between two values of a position that sets are made of, in some channel.
_APART = 64


class Candidates:
    """What is tried on one image.

    Args:
        scope: of all images.
        image: uint8 [H, W, C].
        told_apart: which values of each pixel by itself can change anything, as of a victim; None: all may.

    Attributes:
        num_single: single pixels, which have the first numbers.
        size: all numbers.
        evaluated: numbers of the single pixels that are evaluated; each of the others is equal to one of them.
        num_rows: what is evaluated: these, then all sets.
        sets: of 2, 3, … pixels, numbered on; none before `combine`.
    """

    def __init__(self, scope: Scope, image: np.ndarray, told_apart: ToldApart | None = None):
        self.scope, self._image = scope, image
        self.num_single, self.size = scope.grid.size, scope.size
        self.evaluated, self._equal = np.arange(self.num_single), None
        if told_apart is not None:
            effects = scope.grid.effects(told_apart(image))
            _, self.evaluated, self._equal = np.unique(effects, return_index=True, return_inverse=True)
        self.num_rows = len(self.evaluated) + self.size - self.num_single
        self.sets: tuple[PixelSets, ...] = ()

    @property
    def segments(self) -> Iterator[tuple[int, int]]:
        """First row and the one behind the last: of single pixels, then of all sets, which depend on these."""
        single = len(self.evaluated)
        yield 0, single
        if self.num_rows > single:
            yield single, self.num_rows

    def numbers(self, rows: np.ndarray) -> np.ndarray:
        """Numbers of what is evaluated in these rows, int [B]."""
        single = len(self.evaluated)
        return np.where(
            rows < single, self.evaluated[np.minimum(rows, single - 1)], rows + self.num_single - single
        )

    def every(self, found: Found) -> Found:
        """What was found of the rows, arrays [num_rows], as arrays [size]: of equal candidates the same."""
        if self._equal is None:
            return found
        single = len(self.evaluated)
        return type(found)(*(np.concatenate([one[:single][self._equal], one[single:]]) for one in found))

    def combine(self, found: Found) -> None:
        """Make sets of the single pixels that came nearest to the goal, by what was found of the first rows."""
        distance = self.every(found).distance[: self.num_single].reshape(self._alone.shape)
        known = np.where(self._alone > 0, np.nan_to_num(distance, nan=np.inf), np.inf)
        values = self.scope.grid.values
        self.sets = tuple(PixelSets(one.count, _worst(one, known, values)) for one in self.scope.together)

    def pixels(self, numbers: np.ndarray) -> np.ndarray:
        """Numbers of the single pixels of candidates int [B], int32 [B, K]; a smaller set repeats its last."""
        most = len(self.scope.together) + 1
        found = np.repeat(numbers[:, None], most, 1).astype(np.int32)
        for first, one in self._numbered():
            here = (numbers >= first) & (numbers < first + one.size)
            members = one.members(numbers[here] - first)
            found[here] = members[:, np.minimum(np.arange(most), one.count - 1)]
        return found

    def members(self) -> Iterator[tuple[slice, np.ndarray]]:
        """Of each size of sets: which numbers it has, and their pixels int32 [B, count]; single pixels first."""
        yield slice(0, self.num_single), np.arange(self.num_single, dtype=np.int32)[:, None]
        for first, one in self._numbered():
            yield slice(first, first + one.size), one.members(np.arange(one.size))

    def _numbered(self) -> Iterator[tuple[int, PixelSets]]:
        sizes = (one.size for one in self.sets)
        return zip(itertools.accumulate(sizes, initial=self.num_single), self.sets, strict=False)

    @functools.cached_property
    def _alone(self) -> np.ndarray:
        return self.scope.grid.changes(self._image)

    def changes(self) -> np.ndarray:
        """How far each candidate is from the image, int16 [size]: the largest change of a channel of a pixel.

        0: some of its pixels stay as they are, so that it is no candidate, or one of fewer pixels.
        """
        alone = self._alone.ravel()
        every = [alone[pixels] for _, pixels in self.members()]
        return np.concatenate([np.where(one.min(1) > 0, one.max(1), 0) for one in every]).astype(np.int16)

    def places(self, number: int) -> Pixels:
        """The k pixels of one candidate: columns [k], rows [k] and values uint8 [k, C]."""
        place, value = np.divmod(np.unique(self.pixels(np.array([number]))), len(self.scope.grid.values))
        columns, rows = self.scope.grid.positions[place].T
        # The arrays of `Pixels` are whoever's that computes with them.
        found: Any = (columns, rows, self.scope.grid.values[value])
        return Pixels(*found)

    def painted(self, number: int) -> np.ndarray:
        """A copy of the image with one candidate in it."""
        return changed(self._image, self.places(number))


def _worst(together: Together, distance: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Numbers of the single pixels that sets are made of, int32 [N, W], in the order of their positions.

    Args:
        together: how many.
        distance: [M, V], of single pixels; +inf: not to be taken.
        values: uint8 [V, C].
    """
    places = np.sort(np.argsort(distance.min(1), kind="stable")[: together.num_positions])
    if together.num_values == len(values):
        chosen = np.broadcast_to(np.arange(len(values)), (len(places), len(values)))
    else:
        apart = np.abs(values[:, None].astype(int) - values[None]).max(-1) >= _APART
        # Behind everything that is known, but before what is taken already.
        known, columns = np.minimum(distance[places], np.finfo(np.float32).max), []
        for _ in range(together.num_values):
            columns.append(known.argmin(1))
            known = np.where(apart[columns[-1]], known, np.inf)
        chosen = np.stack(columns, -1)
    return (places[:, None] * len(values) + chosen).astype(np.int32)
