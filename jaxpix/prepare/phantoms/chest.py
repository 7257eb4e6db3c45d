"""A chest from the front without findings, and the picture that a detector takes of it."""

import dataclasses

import numpy as np

from .canvas import Canvas, Field, blobs, clouds, edge, gaussian, over, step, stroke, to_bytes


@dataclasses.dataclass
class Chest:
    """Shapes that findings attach to: fields [S, S] and the numbers behind them.

    `lungs` is the coverage of both lungs, `sides` the x of the two lung centres, `floor` the y of the two
    domes of the diaphragm, `half` the half width of a lung.
    """

    on: Canvas
    lungs: Field
    sides: tuple[float, float]
    floor: np.ndarray
    half: float
    image: Field


def empty_chest(on: Canvas, rng: np.random.Generator, heart: float, air: float) -> Chest:
    """An empty chest; `heart` and `air` are deviations of heart size and of lung volume from the mean."""
    centre = rng.normal(0.0, 0.03)
    body = edge(on, 1.0 - (on.x - centre) ** 2 / rng.uniform(0.82, 1.05) - 0.12 * on.y**4, 0.25)
    image = 18.0 + 150.0 * body
    half = rng.uniform(0.29, 0.34) + 0.012 * air
    sides = (centre - rng.uniform(0.42, 0.47), centre + rng.uniform(0.42, 0.47))
    # The right dome (on the left of the picture) stands a little higher; a large volume flattens both.
    domes = np.array([rng.normal(0.46, 0.05), rng.normal(0.52, 0.05)]) + 0.05 * air
    lungs = np.zeros_like(on.x)
    for side, floor in zip(sides, domes, strict=True):
        across = (on.x - side) / half
        top = -0.80 + rng.normal(0.0, 0.03)
        bulge = 1.0 - 0.25 * np.clip((0.2 - on.y) / 1.0, 0.0, 1.0) ** 2
        wall = edge(on, bulge - np.abs(across) ** 2.2, 0.35)
        above = edge(on, floor + (0.10 - 0.02 * air) * across**2 - on.y, 0.06)
        below = edge(on, on.y - top - 0.30 * across**2, 0.20)
        np.maximum(lungs, wall * above * below, out=lungs)
    image -= (92.0 + 9.0 * air) * lungs
    chest = Chest(on, lungs, sides, domes, half, image)
    _skeleton(chest, rng, centre)
    _heart(chest, rng, centre, heart)
    return chest


def _skeleton(chest: Chest, rng: np.random.Generator, centre: float) -> None:
    on, image = chest.on, chest.image
    spine = gaussian(on, centre, 0.1, 0.085, 2.0)
    image += 34.0 * spine
    spacing, bend = rng.uniform(0.165, 0.19), rng.uniform(0.35, 0.55)
    distance = np.abs(on.x - centre)
    for rib in range(8):
        arc = on.y - (-0.72 + rib * spacing) - bend * (distance - 0.25) ** 2 + 0.12 * distance
        image += rng.uniform(13.0, 20.0) * stroke(on, arc, 0.055) * (0.35 + 0.65 * chest.lungs)
    for side in (-1.0, 1.0):
        slope = rng.uniform(0.18, 0.30)
        line = on.y + 0.70 - slope * np.abs(on.x - centre) * -1.0
        reach = edge(on, 0.72 - np.abs(on.x - centre - side * 0.42) * 1.6, 0.1)
        image += 26.0 * stroke(on, line, 0.06) * reach * (on.x * side > 0)
    # Vessels fan out from both hila.
    for side in chest.sides:
        inward = side + (0.16 if side < centre else -0.16)
        image += 24.0 * chest.lungs * gaussian(on, inward, -0.05, 0.10, 0.16)
        places = rng.normal(0.0, 1.0, (16, 2)) * [0.13, 0.22] + [inward, -0.02]
        image += chest.lungs * blobs(on, places, rng.uniform(0.012, 0.03, 16), rng.uniform(8.0, 24.0, 16))


def _heart(chest: Chest, rng: np.random.Generator, centre: float, size: float) -> None:
    on = chest.on
    width = 0.27 + 0.045 * size
    shape = gaussian(
        on, centre + 0.09 + 0.02 * size, 0.24, width * 0.72, 0.27 + 0.015 * size, rng.uniform(0.2, 0.4)
    )
    cover = step(shape - 0.42, 0.34)
    over(chest.image, 168.0 + rng.normal(0.0, 4.0), 0.82 * cover)


def expose(chest: Chest, rng: np.random.Generator) -> np.ndarray:
    """The picture as a detector gives it: exposure, contrast, grain."""
    contrast, brightness = rng.uniform(0.88, 1.12), rng.normal(0.0, 7.0)
    image = 118.0 + contrast * (chest.image - 118.0) + brightness
    image += 3.0 * clouds(chest.on, rng, 5)
    return to_bytes(image + rng.normal(0.0, rng.uniform(2.0, 4.0), image.shape))
