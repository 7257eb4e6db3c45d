"""Exact evaluation of an image with K changed pixels from the features of the unchanged one.

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
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..pixels import Pixels
from .convolve import convolve
from .feature_map import Kernel, WholeMap, average_pool, biased, max_pool
from .frozen import FrozenModel, classify
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
        first = np.arange(population, dtype=np.int32)[:, None, None, None] * num_windows * extent**2
        result = jnp.full((*rows.shape, columns.shape[-1]), -1, jnp.int32)
        for k in range(num_windows):
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
        # Output o reads inputs o stride - margin ... + size - 1; the first that meets the window, and how many.
        origin = (self.origin + margin - size + stride) // stride
        extent = (self.extent + size - 2) // stride + 1
        reach = (extent - 1) * stride + size if size > 1 else extent
        halo = self.read(
            origin * stride - margin, (reach, reach), step=1 if size > 1 else stride, padding=padding
        )
        height, width = ((side + 2 * margin - size) // stride + 1 for side in self.size)
        return _flat(halo), origin, (height, width)

    def convolve(self, kernel: Kernel, stride: int = 1) -> "Windows":
        """See `FeatureMap`."""
        size = kernel.weights.shape[0]
        if size == 1 and stride == 1:
            flat, origin, new_size = _flat(self.values), self.origin, self.size
        else:
            flat, origin, new_size = self._surroundings(size, stride, size // 2)
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
        if self.origin is other.origin:
            return self.values, other.values, self.origin
        if self.extent > other.extent:
            return self.values, other.read(self.origin, (self.extent, self.extent)), self.origin
        return self.read(other.origin, (other.extent, other.extent)), other.values, other.origin

    def _unflat(self, values: jax.Array) -> jax.Array:
        return values.reshape(*self.values.shape[:2], *values.shape[1:])


def _flat(values: jax.Array) -> jax.Array:
    return values.reshape(-1, *values.shape[2:])


class _Wanted(Mapping[int, jax.Array]):
    """Stands for a base of known shapes and notes which of its maps are read."""

    def __init__(self, shapes: Mapping[int, jax.ShapeDtypeStruct]):
        self.shapes, self.numbers = shapes, set[int]()

    def __getitem__(self, number: int) -> jax.Array:
        self.numbers.add(number)
        return jnp.zeros(self.shapes[number].shape, self.shapes[number].dtype)

    def __iter__(self) -> Any:
        return iter(self.shapes)

    def __len__(self) -> int:
        return len(self.shapes)


class IncrementalModel:
    """A frozen network split at one layer: windows before it, whole maps from it on.

    Args:
        frozen: the network.
        image_shape: (H, W, C).
        num_pixels: K.
        switch: how many layers are computed on windows, 1 to all.

    Attributes:
        bytes_pasted: size of the whole map into which a candidate's windows are pasted.
    """

    def __init__(self, frozen: FrozenModel, image_shape: tuple[int, int, int], num_pixels: int, switch: int):
        if not 1 <= switch <= len(frozen.layers):
            raise ValueError(f"expected a switch between 1 and {len(frozen.layers)}, got {switch}")
        self.frozen, self.image_shape, self.switch = frozen, image_shape, switch
        image = jax.ShapeDtypeStruct(image_shape, jnp.uint8)
        shapes = jax.eval_shape(self._all_maps, frozen.weights, image)
        wanted = _Wanted(shapes)
        column = jax.ShapeDtypeStruct((1, num_pixels), jnp.int32)
        values = jax.ShapeDtypeStruct((1, num_pixels, image_shape[2]), jnp.int32)
        pasted = jax.eval_shape(
            lambda weights, x, y, values: self.pasted(weights, wanted, Pixels(x, y, values)),
            frozen.weights,
            column,
            column,
            values,
        )
        self._wanted = sorted(wanted.numbers)
        self.bytes_pasted = math.prod(pasted.shape) * pasted.dtype.itemsize

    def base(self, weights: Sequence[Any], image: jax.Array) -> Base:
        """Maps of an unchanged image [H, W, C] in 0..255 that its candidates will read."""
        maps = self._all_maps(weights, image)
        return {number: maps[number] for number in self._wanted}

    def logits(self, weights: Sequence[Any], base: Mapping[int, jax.Array], pixels: Pixels) -> jax.Array:
        """Float32 logits [P, N] of the base's image with `pixels` [P, K] changed; the last of equal ones wins."""
        return self.rest(weights, self.pasted(weights, base, pixels))

    def rest(self, weights: Sequence[Any], pasted: jax.Array) -> jax.Array:
        """Float32 logits [B, N] of maps [B, H, W, C] from `pasted`, of any images."""
        return classify(self.frozen.features(weights, WholeMap(pasted), self.switch), weights[-1])

    def pasted(self, weights: Sequence[Any], base: Mapping[int, jax.Array], pixels: Pixels) -> jax.Array:
        """Whole maps [P, H, W, C] at the switch, of the base's image with `pixels` [P, K] changed."""
        windows = Windows(
            _visible(pixels).astype(jnp.float32)[:, :, None, None],
            jnp.stack([pixels.y, pixels.x], axis=-1),
            self.image_shape[:2],
            base,
            Trail(),
        )
        return self.frozen.features(weights, windows, 0, self.switch).paste().values

    def _all_maps(self, weights: Sequence[Any], image: jax.Array) -> Base:
        trail = Trail()
        start = BaseMap(image[None].astype(jnp.float32), trail)
        self.frozen.features(weights, start, 0, self.switch)
        return trail.maps


def _visible(pixels: Pixels) -> jax.Array:
    """Values [P, K, C] that show: where positions are equal, the last pixel's."""
    same = (pixels.x[:, :, None] == pixels.x[:, None]) & (pixels.y[:, :, None] == pixels.y[:, None])
    num_pixels = pixels.x.shape[1]
    last = jnp.max(jnp.where(same, np.arange(num_pixels)[None, None], 0), axis=-1)
    return jnp.take_along_axis(pixels.values, last[..., None], axis=1)
