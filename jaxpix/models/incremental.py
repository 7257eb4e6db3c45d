"""A network evaluated on windows up to one layer and on whole maps from there on."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..pixels import Pixels
from .feature_map import WholeMap
from .frozen import FrozenModel, classify
from .windows import Base, BaseMap, Trail, Windows


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
