"""What an exhaustive search tries: positions of an image times values of a pixel."""

from __future__ import annotations

import dataclasses
import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jax.numpy as jnp
import numpy as np
from PIL import Image

from ...errors import InputError
from ...pixels import MAX_INTENSITY, Pixels
from ..genome import even_colours

if TYPE_CHECKING:
    import jax

    from ...config import AttackConfig

CORNERS, ALL = "corners", "all"
ITS_OWN = ("values", "mask", "worst")
"""Settings of an exhaustive search that no other one has."""


@dataclasses.dataclass(frozen=True)
class Grid:
    """Candidates of one pixel, numbered position by position, row by row, and within a position value by value.

    Attributes:
        image_shape: (H, W, C).
        num_levels: L, evenly spaced values of a channel; a pixel takes each combination over its channels.
        places: numbers y W + x of the M positions that may change; None: all.
    """

    image_shape: tuple[int, int, int]
    num_levels: int
    places: tuple[int, ...] | None = None

    @functools.cached_property
    def positions(self) -> np.ndarray:
        """Columns and rows, int32 [M, 2]."""
        height, width, _ = self.image_shape
        numbers = np.arange(height * width) if self.places is None else np.array(self.places)
        return np.stack([numbers % width, numbers // width], -1).astype(np.int32)

    @functools.cached_property
    def values(self) -> np.ndarray:
        """What a pixel may become, uint8 [V, C] with V = L^C."""
        return even_colours(self.num_levels, self.image_shape[2])

    @property
    def size(self) -> int:
        """M V, the candidates that are numbered, those among them that leave the image as it is."""
        return len(self.positions) * len(self.values)

    @property
    def is_whole(self) -> bool:
        """Whether nothing that an 8-bit pixel can be is left out."""
        return self.places is None and self.num_levels == MAX_INTENSITY + 1

    def pixels(self, numbers: jax.Array) -> Pixels:
        """Pixels [B, K] of candidates, each the numbers int32 [B, K] of single pixels."""
        place, value = numbers // len(self.values), numbers % len(self.values)
        position = jnp.asarray(self.positions)[place]
        values = jnp.asarray(self.values.astype(np.int32))[value]
        return Pixels(position[..., 0], position[..., 1], values)

    def changes(self, image: np.ndarray) -> np.ndarray:
        """How far each candidate is from the image: the largest change over the channels, int16 [M, V]."""
        here = image[self.positions[:, 1], self.positions[:, 0]].astype(np.int16)
        # Candidates are many: a channel at a time, so that no array of them all and three channels exists.
        channels = range(self.image_shape[2])
        return functools.reduce(
            np.maximum,
            (np.abs(here[:, None, c] - self.values[None, :, c].astype(np.int16)) for c in channels),
        )

    def effects(self, told_apart: np.ndarray) -> np.ndarray:
        """Names of what candidates do, int64 [M V]: those of one name are equal to whoever sees no other values.

        Args:
            told_apart: bool [H, W, C, 256], the lowest of values that are alike.
        """
        here = told_apart[self.positions[:, 1], self.positions[:, 0]]
        lowest = np.maximum.accumulate(np.where(here, np.arange(MAX_INTENSITY + 1, dtype=np.int16), 0), -1)
        named = np.arange(len(self.positions))[:, None]
        for channel in range(self.image_shape[2]):
            named = named * (MAX_INTENSITY + 1) + lowest[:, channel, self.values[:, channel]]
        return named.ravel()

    def __str__(self) -> str:
        """For people: "784 positions x 256 values"."""
        return f"{len(self.positions):,} positions x {len(self.values):,} values"


def of_others(config: AttackConfig) -> AttackConfig:
    """The configuration as another search beside an exhaustive one hears it."""
    unsaid: dict[str, Any] = dict.fromkeys(ITS_OWN)
    return dataclasses.replace(config, **unsaid)


def grid_of(config: AttackConfig, image_shape: tuple[int, int, int]) -> Grid | None:
    """The grid that a configuration means for images of a shape; None: it asks for another search.

    Raises:
        InputError: all values of a colour, more candidates than 32 bits can count, a mask that does not fit; or
            values, a mask or a number of positions of another search.
    """
    if config.search != "exhaustive":
        for name in ITS_OWN:
            if getattr(config, name) is not None:
                raise InputError(f"{name} is for search exhaustive alone, got search {config.search}")
        return None
    name = config.values or CORNERS
    if name == ALL and image_shape[2] > 1:
        raise InputError(
            "values all is for grey images; a colour has 16,777,216 values at each position: expected corners, or a "
            "number of levels of each channel, such as 5 for 125 colours"
        )
    count = {CORNERS: 2, ALL: MAX_INTENSITY + 1}.get(name) or int(name)
    places = None if config.mask is None else _places(config.mask, image_shape)
    positions = image_shape[0] * image_shape[1] if places is None else len(places)
    candidates = positions * count ** image_shape[2]
    if candidates >= 2**31:
        raise InputError(
            f"values {name}: {positions:,} positions x {count ** image_shape[2]:,} values are {candidates:,} "
            f"candidates an image; fewer than {2**31:,} are allowed: take fewer levels, or a mask"
        )
    return Grid(image_shape, count, places)


def read_mask(path: Path) -> np.ndarray:
    """Where a pixel may change, bool [H, W]: where a PNG is not black.

    Raises:
        InputError: it is no picture that can be read.
    """
    try:
        with Image.open(path) as picture:
            return np.asarray(picture.convert("L")) > 0
    except (OSError, ValueError, Image.DecompressionBombError) as error:
        raise InputError(f"mask {path}: expected a PNG, black where no pixel may change: {error}") from None


def _places(path: Path, image_shape: tuple[int, int, int]) -> tuple[int, ...]:
    mask = read_mask(path)
    if mask.shape != image_shape[:2]:
        raise InputError(
            f"mask {path}: expected {image_shape[0]} x {image_shape[1]} pixels as the images have, got "
            f"{mask.shape[0]} x {mask.shape[1]}"
        )
    places = np.flatnonzero(mask)
    if not places.size:
        raise InputError(f"mask {path} is black everywhere: no pixel may change")
    return tuple(places.tolist())
