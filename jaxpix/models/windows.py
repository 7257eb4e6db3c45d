"""Maps of an image with K changed pixels, exact, from the maps of the unchanged one.

A changed pixel reaches only a window of each map: 4x4 of a 7x7 stem's output, one position more on every side
after each 3x3 convolution. Everything outside the windows is read from the base, the maps of the unchanged
image, which are computed once. At a chosen layer the windows are pasted into the base and the rest is
computed on whole maps. (Exact occlusion inference: Nakandala et al., SIGMOD 2019; here for K windows that may
overlap, and for whole populations.)

A layer that needs a window's surroundings reads each position where its value is: in one of the K windows,
else in the base, else, outside the image, the padding. So overlapping windows, borders and the same pixel
changed twice need no cases of their own.
"""

import dataclasses
from collections.abc import Callable, Mapping

import jax
import jax.numpy as jnp
import numpy as np

from .convolve import convolve
from .feature_map import Kernel, WholeMap, average_pool, biased, max_pool
from .places import Places, read

Base = dict[int, jax.Array]
"""Maps [H, W, C] of the unchanged image, by the position of the operation that made them."""


class Trail:
    """Numbers the operations of one pass through the layers, so that two passes name the same maps."""

    def __init__(self) -> None:
        self.maps: dict[int, jax.Array] = {}
        self.length = 0

    def next(self) -> int:
        """The number of a new operation."""
        self.length += 1
        return self.length - 1


class BaseMap(WholeMap):
    """A whole map of the unchanged image [1, H, W, C] that keeps every result in its trail."""

    def __init__(self, values: jax.Array, trail: Trail):
        super().__init__(values)
        self.trail = trail
        trail.maps[trail.next()] = values[0]

    def _then(self, values: jax.Array) -> "BaseMap":
        return BaseMap(values, self.trail)


@dataclasses.dataclass(frozen=True)
class Windows:
    """K changed windows of each of P candidates over one base map.

    Attributes:
        values: [P, K, n, n, C], complete: each holds the effect of all K pixels. Undefined outside the map.
        origin: int32 [P, K, 2], row and column of a window's first position; may lie outside the map.
        size: (H, W) of the map.
        base: where base maps are read, by number.
        trail: numbers the operations.
        number: of the operation that made these windows.
    """

    values: jax.Array
    origin: jax.Array
    size: tuple[int, int]
    base: Mapping[int, jax.Array]
    trail: Trail
    number: int = dataclasses.field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "number", self.trail.next())

    @property
    def extent(self) -> int:
        """Side n of the windows."""
        return self.values.shape[2]

    def _then(self, values: jax.Array, origin: jax.Array, size: tuple[int, int]) -> "Windows":
        return Windows(values, origin, size, self.base, self.trail)

    def read(
        self, origin: jax.Array, shape: tuple[int, int], step: int = 1, padding: float = 0.0
    ) -> jax.Array:
        """Changed features at regions of the map.

        Args:
            origin: int32 [P, R, 2], each region's first row and column; may lie outside the map.
            shape: rows and columns of a region.
            step: distance of the positions read.
            padding: value outside the map.

        Returns:
            [P, R, rows, columns, C]
        """
        rows = origin[..., 0, None] + step * np.arange(shape[0], dtype=np.int32)[None, None]
        columns = origin[..., 1, None] + step * np.arange(shape[1], dtype=np.int32)[None, None]
        height, width = self.size
        row_inside, column_inside = (rows >= 0) & (rows < height), (columns >= 0) & (columns < width)
        places = Places(
            # The base is read flattened, one row of the map after the other.
            in_base=rows[..., :, None] * width + columns[..., None, :],
            inside=row_inside[..., :, None] & column_inside[..., None, :],
            in_windows=self._in_windows(rows, columns),
        )
        base = self.base[self.number].reshape(-1, self.values.shape[-1])
        return read(base, self.values.reshape(-1, self.values.shape[-1]), places, padding)

    def _in_windows(self, rows: jax.Array, columns: jax.Array) -> jax.Array:
        """Where the windows, flattened, hold the positions of rows [P, R, r] and columns [P, R, c]; -1: nowhere.

        A position that several windows cover is complete in each of them; the last one is read.
        """
        population, num_windows, extent = self.values.shape[:3]
        # Flattened, [P, K, n, n] counts positions: n² to a window, K n² to a candidate. `first` is where each
        # candidate's own begin, so that one number says where a feature is.
        first = np.arange(population, dtype=np.int32)[:, None, None, None] * num_windows * extent**2
        result = jnp.full((*rows.shape, columns.shape[-1]), -1, jnp.int32)
        for k in range(num_windows):
            # Counted from the window's corner; a position is covered where both lie in 0 ... n - 1.
            down = rows - self.origin[:, k, None, None, 0]
            right = columns - self.origin[:, k, None, None, 1]
            row_covered, column_covered = (down >= 0) & (down < extent), (right >= 0) & (right < extent)
            covered = row_covered[..., :, None] & column_covered[..., None, :]
            place = first + k * extent**2 + down[..., :, None] * extent + right[..., None, :]
            result = jnp.where(covered, place, result)
        return result

    def _surroundings(
        self, size: int, stride: int, margin: int, padding: float = 0.0
    ) -> tuple[jax.Array, jax.Array, tuple[int, int]]:
        """What an operation of this size reads to compute all positions that the windows reach.

        Returns:
            values [P K, r, r, C], origin of the results [P, K, 2], and (H, W) of the result's map.
        """
        # Output o reads inputs o stride - margin to o stride - margin + size - 1. The first output that meets a
        # window from a on is the least o whose last input is a or more: (a + margin - size + 1) / stride, rounded
        # up. Rounding up is // after adding stride - 1; // rounds down below 0, too, where a lies outside.
        origin = (self.origin + margin - size + stride) // stride
        # The starts of outputs that meet n positions fill n + size - 1 places. At most every stride-th counts,
        # rounded up; where a window stands worse, its last output is computed from the base alone.
        extent = (self.extent + size - 2) // stride + 1
        # From the first input of the first output to the last one of the last output; a 1x1 kernel needs none of
        # those that its stride leaves out.
        reach = (extent - 1) * stride + size if size > 1 else extent
        halo = self.read(
            origin * stride - margin, (reach, reach), step=1 if size > 1 else stride, padding=padding
        )
        # As often as a kernel of this size fits into the padded map.
        height, width = ((side + 2 * margin - size) // stride + 1 for side in self.size)
        return _flat(halo), origin, (height, width)

    def convolve(self, kernel: Kernel, stride: int = 1) -> "Windows":
        """See `FeatureMap`."""
        size = kernel.weights.shape[0]
        # A 1x1 kernel without stride looks at nothing but the window itself.
        if size == 1 and stride == 1:
            flat, origin, new_size = _flat(self.values), self.origin, self.size
        else:
            flat, origin, new_size = self._surroundings(size, stride, size // 2)
        # What was read has the padding in it, and of a 1x1 kernel's stride only what counts.
        result = biased(convolve(flat, kernel.weights, stride if size > 1 else 1, 0), kernel)
        return self._then(self._unflat(result), origin, new_size)

    def max_pool(self) -> "Windows":
        """See `FeatureMap`."""
        halo, origin, size = self._surroundings(3, 2, 1, padding=-np.inf)
        return self._then(self._unflat(max_pool(halo, 0)), origin, size)

    def average_pool(self) -> "Windows":
        """See `FeatureMap`."""
        halo, origin, size = self._surroundings(2, 2, 0)
        return self._then(self._unflat(average_pool(halo)), origin, size)

    def pointwise(self, fn: Callable[[jax.Array], jax.Array]) -> "Windows":
        """See `FeatureMap`."""
        return self._then(fn(self.values), self.origin, self.size)

    def add(self, other: "Windows") -> "Windows":
        """See `FeatureMap`; the wider windows contain the others."""
        mine, others, origin = self._aligned(other)
        return self._then(mine + others, origin, self.size)

    def append(self, other: "Windows") -> "Windows":
        """See `FeatureMap`; the wider windows contain the others."""
        mine, others, origin = self._aligned(other)
        return self._then(jnp.concatenate([mine, others], axis=-1), origin, self.size)

    def paste(self) -> WholeMap:
        """Whole maps [P, H, W, C]: the base with the windows over it."""
        start = jnp.zeros((self.values.shape[0], 1, 2), jnp.int32)
        return WholeMap(self.read(start, self.size)[:, 0])

    def _aligned(self, other: "Windows") -> tuple[jax.Array, jax.Array, jax.Array]:
        """Values of both at the wider windows, and the origin of those.

        Both stem from the same pixels, and every operation widens on all sides that its kernel reaches.
        """
        # Equal origins are one array: nothing between the two has moved them.
        if self.origin is other.origin:
            return self.values, other.values, self.origin
        if self.extent > other.extent:
            return self.values, other.read(self.origin, (self.extent, self.extent)), self.origin
        return self.read(other.origin, (other.extent, other.extent)), other.values, other.origin

    def _unflat(self, values: jax.Array) -> jax.Array:
        return values.reshape(*self.values.shape[:2], *values.shape[1:])


# Convolutions and pools know one batch dimension: [P, K, ...] goes through them as [P K, ...].
def _flat(values: jax.Array) -> jax.Array:
    return values.reshape(-1, *values.shape[2:])
