"""Soft brushes on a square canvas that spans [-1, 1] x [-1, 1], whatever its size in pixels.

Arithmetic is float64, so that a last-bit difference between machines does not survive rounding to 8 bits.
"""

import dataclasses
import functools

import numpy as np

Field = np.ndarray
"""One number a pixel: float64 [S, S]."""


@dataclasses.dataclass(frozen=True)
class Canvas:
    """Where the pixels are.

    Attributes:
        size: side S in pixels.
        pixel: side of a pixel in canvas units, 2 / S.
        axis: pixel centres along one side, float64 [S].
        x, y: pixel centres, float64 [S, S]; x to the right, y down.
    """

    size: int
    pixel: float
    axis: np.ndarray
    x: Field
    y: Field


@functools.lru_cache(maxsize=8)
def canvas(size: int) -> Canvas:
    """The canvas of `size` x `size` pixels; it is shared, so nobody may write to its arrays."""
    axis = (np.arange(size) + 0.5) * (2.0 / size) - 1.0
    x, y = np.meshgrid(axis, axis)
    for array in (axis, x, y):
        array.flags.writeable = False
    return Canvas(size, 2.0 / size, axis, x, y)


def step(distance: Field, softness: float) -> Field:
    """Smooth step from 0 to 1 around `distance` 0, `softness` wide."""
    t = distance * (1.0 / softness)
    t += 0.5
    np.clip(t, 0.0, 1.0, out=t)
    return t * t * (3.0 - 2.0 * t)


def edge(on: Canvas, distance: Field, softness: float = 0.0) -> Field:
    """Coverage of what lies at `distance` > 0, at least about one pixel soft."""
    return step(distance, max(softness, 1.5 * on.pixel))


def stroke(on: Canvas, distance: Field, width: float) -> Field:
    """Coverage of a line `width` wide, by the distance from its middle; thinner than a pixel it fades."""
    shown = max(width, on.pixel)
    cover = (0.5 * shown + 0.5 * on.pixel - np.abs(distance)) * (1.0 / on.pixel)
    np.clip(cover, 0.0, 1.0, out=cover)
    cover *= width / shown
    return cover


def blobs(on: Canvas, centres: np.ndarray, radii: np.ndarray, weights: np.ndarray) -> Field:
    """Sum of round Gaussians: `centres` [n, 2] as (x, y), `radii` (standard deviations) [n], `weights` [n].

    A blob narrower than a pixel spreads over one and keeps its mass.
    """
    shown = np.maximum(radii, 0.45 * on.pixel)
    scale = (-0.5 / shown**2)[:, None]
    across = np.exp(scale * (on.axis - centres[:, :1]) ** 2)
    down = np.exp(scale * (on.axis - centres[:, 1:]) ** 2)
    total: Field = (down * (weights * (radii / shown) ** 2)[:, None]).T @ across
    return total


def gaussian(on: Canvas, x: float, y: float, rx: float, ry: float, tilt: float = 0.0) -> Field:
    """One elliptic Gaussian with standard deviations `rx`, `ry`, turned by the slope `tilt`."""
    u, v = on.x - x, on.y - y
    along, across = (u + tilt * v) / rx, (v - tilt * u) / ry
    return np.exp(-0.5 * (along * along + across * across))


@functools.lru_cache(maxsize=64)
def _spread(size: int, cells: int) -> np.ndarray:
    """Weights [size, cells + 3] of cubic B-splines on a line of `cells` cells."""
    position = (np.arange(size) + 0.5) * (cells / size)
    distance = np.abs(position[:, None] - (np.arange(cells + 3) - 1.0))
    near = 2.0 / 3.0 - distance**2 + 0.5 * distance**3
    far = np.clip(2.0 - distance, 0.0, None) ** 3 / 6.0
    weights: np.ndarray = np.where(distance < 1.0, near, far)
    weights.flags.writeable = False
    return weights


def clouds(on: Canvas, rng: np.random.Generator, cells: int) -> Field:
    """Smooth noise with about `cells` x `cells` hills, mean 0, standard deviation about 1; alike at every size."""
    grid = rng.standard_normal((cells + 3, cells + 3))
    weights = _spread(on.size, cells)
    smooth: Field = weights @ grid @ weights.T
    smooth *= 2.1
    return smooth


def over(under: np.ndarray, colour: np.ndarray | float, cover: Field) -> None:
    """Paint `colour` (a number or [C]) over `under` [S, S, C] or [S, S], in place, by `cover` [S, S]."""
    weight = cover if under.ndim == 2 else cover[:, :, None]
    under += (colour - under) * weight


def to_bytes(image: np.ndarray) -> np.ndarray:
    """Values in 0..255 as uint8 [S, S, C]; grey gets its one channel."""
    image = image if image.ndim == 3 else image[:, :, None]
    return np.clip(np.rint(image), 0, 255).astype(np.uint8)
