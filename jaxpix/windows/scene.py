"""How windows are read: their surroundings, at other windows, and pasted into whole maps.

Whoever needs a window's surroundings reads each position where its value is: in one of the K windows, else in the
base, else, outside the map, the padding. So overlapping windows, borders and the same pixel changed twice need no
cases of their own.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from .places import Places, read

if TYPE_CHECKING:
    from ..pixels import Pixels
    from .reach import Reaches
    from .values import Base, Static, Windows


@dataclasses.dataclass(frozen=True)
class Scene:
    """What windows are read from.

    Attributes:
        pixels: the changed ones [P, K].
        base: maps of the unchanged image.
        on_read: told the features [positions times features] of windows that are read from, and of what is read.
    """

    pixels: Pixels
    base: Base
    on_read: Callable[[int, int], None] | None = None

    def origin(self, reach: Reaches) -> tuple[jax.Array, jax.Array]:
        """First row and first column of windows, int32 [P, K] each."""
        return reach[0].origin(self.pixels.y), reach[1].origin(self.pixels.x)

    def surroundings(
        self,
        windows: Windows,
        reach: Reaches,
        count: tuple[int, int],
        *,
        step: tuple[int, int] = (1, 1),
        scale: tuple[int, int] = (1, 1),
        before: tuple[int, int] = (0, 0),
        padding: Any = 0,
    ) -> jax.Array:
        """Values [P, K, rows, columns, …] that results at other windows need.

        Args:
            windows: what is read.
            reach: of the results; the first is at origin `o`, and reads from o scale - before on.
            count: rows and columns to read.
            step: distance of the positions that are read.
            scale, before: stride and leading padding of the operation.
            padding: value outside the map.
        """
        first = [origin * s - b for origin, s, b in zip(self.origin(reach), scale, before, strict=True)]
        return self._read(windows, first, count, step, padding)

    def at(self, windows: Windows, reach: Reaches) -> jax.Array:
        """The values of `windows` at windows of another reach."""
        if reach == windows.reach:
            return windows.values
        return self.surroundings(windows, reach, (reach[0].extent, reach[1].extent))

    def paste(self, windows: Windows) -> jax.Array:
        """Whole maps [P, H, W, …]: the base with the windows over it."""
        start = jnp.zeros((windows.values.shape[0], 1), jnp.int32)
        return self._read(windows, [start, start], windows.size, (1, 1), 0)[:, 0]

    def constant_at(self, static: Static, like: Windows, reach: Reaches) -> jax.Array:
        """A constant of the shape of `like`'s variable at windows: broadcast, or where it differs, gathered."""
        extent = reach[0].extent, reach[1].extent
        features = tuple(like.shape[axis] for axis in like.others)
        shape = (*like.values.shape[:2], *extent, *features)
        if np.ndim(static.values) == 0:
            return jnp.broadcast_to(static.values, shape)
        values = jnp.transpose(static.values, (*like.axes, *like.others))
        if values.shape[:2] == (1, 1):
            return jnp.broadcast_to(values[None, None], shape)
        index = []
        for axis, first in enumerate(self.origin(reach)):
            places = _from(first, extent[axis])
            # What lies outside the map counts for nothing.
            index.append(jnp.clip(places, 0, values.shape[axis] - 1))
        return jnp.broadcast_to(values[index[0][..., :, None], index[1][..., None, :]], shape)

    def inside(self, size: tuple[int, int], reach: Reaches, shift: tuple[int, int]) -> jax.Array:
        """Whether positions of windows, moved by `shift`, lie in a map of `size`; bool [P, K, rows, columns]."""
        rows, columns = (
            _from(origin + move, one.extent)
            for origin, move, one in zip(self.origin(reach), shift, reach, strict=True)
        )
        return _within(rows, columns, size)

    def _read(
        self,
        windows: Windows,
        first: list[jax.Array],
        count: tuple[int, int],
        step: tuple[int, int],
        padding: Any,
    ) -> jax.Array:
        """Values [P, R, rows, columns, …] of regions whose first rows and columns are int32 [P, R]."""
        rows, columns = map(_from, first, count, step)
        width = windows.size[1]
        places = Places(
            # The base is read flattened, one row of the map after the other.
            in_base=rows[..., :, None] * width + columns[..., None, :],
            inside=_within(rows, columns, windows.size),
            in_windows=self._overlay(windows, rows, columns),
        )
        features = windows.values.shape[4:]
        width_of_all = math.prod(features)
        if self.on_read:
            self.on_read(
                windows.values.size // windows.values.shape[0],
                rows.shape[1] * math.prod(count) * width_of_all,
            )
        base = self.base[windows.variable].reshape(-1, width_of_all)
        found = read(base, windows.values.reshape(-1, width_of_all), places, padding)
        return found.reshape(*found.shape[:-1], *features)

    def _overlay(self, windows: Windows, rows: jax.Array, columns: jax.Array) -> jax.Array:
        """Where the windows, flattened, hold the positions of rows [P, R, r] and columns [P, R, c]; -1: nowhere.

        A position that several windows cover is complete in each of them; the last one is read.
        """
        population, num_windows, height, width = windows.values.shape[:4]
        # Flattened, [P, K, h, w] counts positions: h w to a window, K h w to a candidate. `start` is where each
        # candidate's own begin, so that one number says where a feature is.
        start = np.arange(population, dtype=np.int32)[:, None, None, None] * (num_windows * height * width)
        first_rows, first_columns = self.origin(windows.reach)
        result = jnp.full((*rows.shape, columns.shape[-1]), -1, jnp.int32)
        for k in range(num_windows):
            # Counted from the window's corner; a position is covered where both lie inside its extent.
            down = rows - first_rows[:, k, None, None]
            right = columns - first_columns[:, k, None, None]
            covered = _within(down, right, (height, width))
            place = start + k * height * width + down[..., :, None] * width + right[..., None, :]
            result = jnp.where(covered, place, result)
        return result


def _from(first: jax.Array, count: int, step: int = 1) -> jax.Array:
    """Places [..., count] from the first ones on."""
    return first[..., None] + step * np.arange(count, dtype=np.int32)[None, None]


def _within(rows: jax.Array, columns: jax.Array, size: tuple[int, int]) -> jax.Array:
    """Which of rows [..., r] times columns [..., c] lie in 0 ... H - 1 and 0 ... W - 1; bool [..., r, c]."""
    row_inside, column_inside = (rows >= 0) & (rows < size[0]), (columns >= 0) & (columns < size[1])
    return row_inside[..., :, None] & column_inside[..., None, :]
