"""Which positions of a map a changed pixel reaches: an interval along each axis, known before anything is computed.

Of a pixel at row p, the rows floor((p + low) / stride) to floor((p + high) / stride) of a map are affected; low,
high and stride are whole numbers that depend on the layers alone. So windows have a fixed extent, and an origin
that is one addition and one division away from the pixel.
"""

from __future__ import annotations

from typing import NamedTuple

import jax

Pair = tuple[int, int]


class Reach(NamedTuple):
    """The interval along one axis; see the module. The default is that of the image itself."""

    low: int = 0
    high: int = 0
    stride: int = 1

    @property
    def extent(self) -> int:
        """Positions that are enough for any pixel: ceil((high - low) / stride) + 1."""
        return -(-(self.high - self.low) // self.stride) + 1

    def origin(self, pixels: jax.Array) -> jax.Array:
        """First position of each pixel's window, int32 of any shape; may lie outside the map."""
        # // rounds down below 0, too, as it must.
        return (pixels + self.low) // self.stride if self.stride > 1 else pixels + self.low

    def slide(self, size: int, stride: int, before: int) -> Reach:
        """After an operation that reads `size` positions for each of its own.

        Output o reads inputs o stride - before to o stride - before + size - 1. Those that meet the inputs a to b
        are ceil((a + before - size + 1) / stride) to floor((b + before) / stride), and ceil(x / s) is
        floor((x + s - 1) / s).
        """
        low = self.low + (before - size + stride) * self.stride
        return Reach(low, self.high + before * self.stride, self.stride * stride)

    def join(self, other: Reach) -> Reach:
        """The least interval with both in it; of equal stride."""
        return Reach(min(self.low, other.low), max(self.high, other.high), self.stride)


Reaches = tuple[Reach, Reach]
"""Along rows and along columns."""


def slid(reach: Reaches, size: Pair, strides: Pair, before: Pair) -> Reaches:
    """Both, each after an operation as `Reach.slide` has it."""
    rows, columns = map(Reach.slide, reach, size, strides, before)
    return rows, columns
