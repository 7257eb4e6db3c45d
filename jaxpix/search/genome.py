"""Genomes of pixel attacks: the box they live in, repair and decoding (paper 3.1, 3.2).

A genome is K genes blocks `(x, y, intensity per channel)`; every gene is a float32 and every integer of its
range owns an interval of width one, [n - 0.5, n + 0.5), so that no border value is rarer than another.
"""

import dataclasses
import itertools

import jax
import jax.numpy as jnp
import numpy as np

from ..config import Bounds
from ..errors import InputError
from ..pixels import MAX_INTENSITY, Pixels


@dataclasses.dataclass(frozen=True)
class Box:
    """Where genomes live.

    Attributes:
        image_shape: (H, W, C).
        num_pixels: K.
    """

    image_shape: tuple[int, int, int]
    num_pixels: int

    def __post_init__(self) -> None:
        height, width, _ = self.image_shape
        if min(self.image_shape) < 1:
            raise InputError(f"expected an image shape (H, W, C) of positive sizes, got {self.image_shape}")
        if not 1 <= self.num_pixels <= height * width:
            raise InputError(
                f"expected num_pixels between 1 and {height * width} for a {height}x{width} image, "
                f"got {self.num_pixels}"
            )

    @property
    def num_genes(self) -> int:
        """G = K (2 + C)."""
        return self.num_pixels * (2 + self.image_shape[2])

    @property
    def lower(self) -> np.ndarray:
        """Lower bounds [G]."""
        return np.full(self.num_genes, -0.5, np.float32)

    @property
    def upper(self) -> np.ndarray:
        """Upper bounds [G]."""
        height, width, channels = self.image_shape
        one = [width - 0.5, height - 0.5, *[MAX_INTENSITY + 0.5] * channels]
        return np.array(one * self.num_pixels, np.float32)


def even_colours(levels: int, channels: int) -> np.ndarray:
    """All colours of `levels` evenly spaced values of each channel, 0 and 255 among them, uint8 [levels^C, C]."""
    axis = np.rint(np.linspace(0, MAX_INTENSITY, levels)).astype(np.uint8)
    return np.array(list(itertools.product(axis, repeat=channels)), np.uint8)


def uniform_population(key: jax.Array, box: Box, population: int) -> jax.Array:
    """First population [P, G], uniform over the box."""
    return jax.random.uniform(
        key, (population, box.num_genes), minval=box.lower[None], maxval=box.upper[None]
    )


def gaussian_population(key: jax.Array, box: Box, population: int) -> jax.Array:
    """First population [P, G] of Su et al. 2019: uniform coordinates, intensities N(128, 127).

    Intensities may leave the box; `repair` brings them back.
    """
    key_uniform, key_normal = jax.random.split(key)
    uniform = uniform_population(key_uniform, box, population)
    normal = 128.0 + 127.0 * jax.random.normal(key_normal, uniform.shape)
    is_coordinate = np.arange(box.num_genes) % (2 + box.image_shape[2]) < 2
    return jnp.where(is_coordinate[None], uniform, normal)


def repair(key: jax.Array, genomes: jax.Array, box: Box, bounds: Bounds) -> jax.Array:
    """Bring genomes [P, G] back into the box.

    `clip` moves a gene to the nearest bound, `reflect` mirrors it at the bound as often as needed, `redraw`
    draws it anew, uniformly, as SciPy does. Genes inside the box stay as they are.
    """
    lower, upper = jnp.asarray(box.lower[None]), jnp.asarray(box.upper[None])
    if bounds == "clip":
        return jnp.clip(genomes, lower, upper)
    inside = (genomes >= lower) & (genomes <= upper)
    if bounds == "redraw":
        return jnp.where(inside, genomes, uniform_population(key, box, genomes.shape[0]))
    span = upper - lower
    phase = jnp.mod(genomes - lower, 2 * span)
    mirrored = jnp.clip(lower + jnp.minimum(phase, 2 * span - phase), lower, upper)
    return jnp.where(inside, genomes, mirrored)


def decode(genomes: jax.Array, box: Box) -> Pixels:
    """Pixels of genomes [..., G]: rounded to integers inside the image and 0..255."""
    height, width, channels = box.image_shape
    blocks = genomes.reshape(*genomes.shape[:-1], box.num_pixels, 2 + channels)
    largest = np.array([width - 1, height - 1, *[MAX_INTENSITY] * channels], np.float32)
    whole = jnp.clip(jnp.round(blocks), 0, largest.reshape(*[1] * (blocks.ndim - 1), -1)).astype(jnp.int32)
    return Pixels(whole[..., 0], whole[..., 1], whole[..., 2:])
