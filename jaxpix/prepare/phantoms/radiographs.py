"""Radiograph-like drawings: a chest from the front, with up to fourteen findings that overlap in looks."""

import dataclasses

import numpy as np

from ...data.registry import CHEST_LABELS
from .canvas import Canvas, Field, blobs, clouds, edge, gaussian, over, step, stroke, to_bytes

_NORMAL_SHARE = 0.40
_ALONE_SHARE = 0.62
_FREQUENCY = np.array([0.14, 0.06, 0.15, 0.20, 0.06, 0.13, 0.03, 0.06, 0.05, 0.03, 0.03, 0.02, 0.03, 0.01])
_COMPANIONS = {
    "Effusion": ("Atelectasis", "Consolidation", "Cardiomegaly"),
    "Cardiomegaly": ("Effusion", "Edema"),
    "Mass": ("Nodule", "Effusion"),
    "Pneumonia": ("Infiltration", "Consolidation"),
    "Edema": ("Cardiomegaly", "Infiltration"),
    "Emphysema": ("Pneumothorax", "Nodule"),
}


@dataclasses.dataclass
class _Chest:
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


def draw_radiograph(on: Canvas, rng: np.random.Generator) -> tuple[np.ndarray, int]:
    """A grey image uint8 [S, S, 1] and its class number: clear, opacity or nodule."""
    label = int(rng.choice(3, p=[0.4, 0.35, 0.25]))
    chest = _chest(on, rng, heart=rng.normal(0.0, 0.5), air=rng.normal(0.0, 0.4))
    if label == 1:
        strength = rng.uniform(0.35, 1.0)
        _ZONES[str(rng.choice(["Infiltration", "Pneumonia", "Consolidation"]))](chest, rng, strength)
    elif label == 2:
        for _ in range(1 + int(rng.random() < 0.25)):
            _nodule(chest, rng, rng.uniform(0.45, 1.0))
    elif rng.random() < 0.25:
        _infiltration(chest, rng, rng.uniform(0.1, 0.3))
    return _expose(chest, rng), label


def draw_chest(on: Canvas, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A grey image uint8 [S, S, 1] and its findings, uint8 [14]; none is normal."""
    labels = _some_findings(rng)
    present = [name for name, is_there in zip(CHEST_LABELS, labels, strict=True) if is_there]
    heart = rng.uniform(1.7, 3.2) if "Cardiomegaly" in present else rng.normal(0.0, 0.5)
    air = rng.uniform(1.6, 3.0) if "Emphysema" in present else rng.normal(0.0, 0.4)
    chest = _chest(on, rng, heart, air)
    for name in present:
        if name in _ZONES:
            _ZONES[name](chest, rng, rng.uniform(0.5, 1.0))
    return _expose(chest, rng), labels


def _some_findings(rng: np.random.Generator) -> np.ndarray:
    labels = np.zeros(len(CHEST_LABELS), np.uint8)
    if rng.random() < _NORMAL_SHARE:
        return labels
    first = int(rng.choice(len(CHEST_LABELS), p=_FREQUENCY / _FREQUENCY.sum()))
    labels[first] = 1
    while rng.random() > _ALONE_SHARE:
        friends = _COMPANIONS.get(CHEST_LABELS[first], ())
        if friends and rng.random() < 0.6:
            labels[CHEST_LABELS.index(str(rng.choice(friends)))] = 1
        else:
            labels[int(rng.choice(len(CHEST_LABELS), p=_FREQUENCY / _FREQUENCY.sum()))] = 1
    return labels


def _chest(on: Canvas, rng: np.random.Generator, heart: float, air: float) -> _Chest:
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
    chest = _Chest(on, lungs, sides, domes, half, image)
    _skeleton(chest, rng, centre)
    _heart(chest, rng, centre, heart)
    return chest


def _skeleton(chest: _Chest, rng: np.random.Generator, centre: float) -> None:
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


def _heart(chest: _Chest, rng: np.random.Generator, centre: float, size: float) -> None:
    on = chest.on
    width = 0.27 + 0.045 * size
    shape = gaussian(
        on, centre + 0.09 + 0.02 * size, 0.24, width * 0.72, 0.27 + 0.015 * size, rng.uniform(0.2, 0.4)
    )
    cover = step(shape - 0.42, 0.34)
    over(chest.image, 168.0 + rng.normal(0.0, 4.0), 0.82 * cover)


def _place(
    chest: _Chest, rng: np.random.Generator, low: float = -0.55, high: float = 0.35
) -> tuple[float, float]:
    """A point inside a lung."""
    side = int(rng.integers(2))
    return chest.sides[side] + rng.uniform(-0.6, 0.6) * chest.half, rng.uniform(low, high)


def _haze(
    chest: _Chest, x: float, y: float, size: tuple[float, float], amount: float, texture: Field | float
) -> None:
    cover = gaussian(chest.on, x, y, *size) * chest.lungs * texture
    over(chest.image, 176.0, np.clip(amount * cover, 0.0, 0.92))


def _infiltration(chest: _Chest, rng: np.random.Generator, strength: float) -> None:
    texture = np.clip(0.55 + 0.45 * clouds(chest.on, rng, 9), 0.0, 1.6)
    _haze(chest, *_place(chest, rng), (0.21, 0.24), 0.72 * strength, texture)


def _pneumonia(chest: _Chest, rng: np.random.Generator, strength: float) -> None:
    texture = np.clip(0.85 + 0.35 * clouds(chest.on, rng, 6), 0.0, 1.5)
    _haze(chest, *_place(chest, rng, -0.1, 0.4), (0.20, 0.15), 0.95 * strength, texture)


def _consolidation(chest: _Chest, rng: np.random.Generator, strength: float) -> None:
    _haze(chest, *_place(chest, rng, -0.45, 0.3), (0.17, 0.12), 1.35 * strength, 1.0)


def _atelectasis(chest: _Chest, rng: np.random.Generator, strength: float) -> None:
    on, (x, y) = chest.on, _place(chest, rng, 0.02, 0.34)
    slope = rng.uniform(-0.5, 0.5)
    band = stroke(on, on.y - y - slope * (on.x - x), rng.uniform(0.045, 0.08))
    band = band * edge(on, 0.24 - np.abs(on.x - x), 0.12) * chest.lungs
    over(chest.image, 188.0, 0.85 * strength * band)


def _effusion(chest: _Chest, rng: np.random.Generator, strength: float) -> None:
    on, side = chest.on, int(rng.integers(2))
    outward = (on.x - chest.sides[side]) / chest.half * (-1.0 if side == 0 else 1.0)
    level = chest.floor[side] + 0.08 - 0.30 * strength
    fluid = edge(on, on.y - level + 0.16 * np.clip(outward, -0.5, 1.0) ** 2, 0.07)
    near = edge(on, 1.25 - np.abs(outward), 0.15) * edge(on, chest.floor[side] + 0.25 - on.y, 0.08)
    over(chest.image, 170.0, 0.88 * fluid * near)


def _mass(chest: _Chest, rng: np.random.Generator, strength: float) -> None:
    x, y = _place(chest, rng)
    radius = rng.uniform(0.10, 0.15)
    distance = radius - np.hypot(chest.on.x - x, 1.1 * (chest.on.y - y))
    over(chest.image, 190.0, (0.45 + 0.45 * strength) * edge(chest.on, distance, 0.06) * chest.lungs)


def _nodule(chest: _Chest, rng: np.random.Generator, strength: float) -> None:
    place = np.array([_place(chest, rng)])
    spot = blobs(chest.on, place, np.array([rng.uniform(0.030, 0.050)]), np.array([1.0]))
    over(chest.image, 215.0, np.clip((0.35 + 0.6 * strength) * spot, 0.0, 1.0) * np.sqrt(chest.lungs))


def _pneumothorax(chest: _Chest, rng: np.random.Generator, strength: float) -> None:
    on, side = chest.on, int(rng.integers(2))
    outward = (on.x - chest.sides[side]) / chest.half * (-1.0 if side == 0 else 1.0)
    rim = outward - (0.62 - 0.35 * strength) + 0.35 * np.clip(on.y + 0.2, 0.0, 1.0)
    empty = edge(on, rim, 0.05) * chest.lungs * (outward > -0.6)
    over(chest.image, 34.0, 0.75 * empty)
    over(chest.image, 205.0, 0.8 * stroke(on, rim * chest.half, 0.02) * chest.lungs * (on.y < 0.45))


def _edema(chest: _Chest, rng: np.random.Generator, strength: float) -> None:
    texture = np.clip(0.8 + 0.3 * clouds(chest.on, rng, 7), 0.0, 1.4)
    for side, inward in zip(chest.sides, (0.12, -0.12), strict=True):
        _haze(chest, side + inward, 0.02, (0.17, 0.30), 0.75 * strength, texture)


def _fibrosis(chest: _Chest, rng: np.random.Generator, strength: float) -> None:
    net = np.abs(clouds(chest.on, rng, 22))
    lines = np.clip(0.45 - net, 0.0, 0.45) / 0.45
    low = step(chest.on.y - 0.05, 0.5)
    over(chest.image, 195.0, 0.75 * strength * lines * low * chest.lungs)


def _pleural_thickening(chest: _Chest, rng: np.random.Generator, strength: float) -> None:
    on, side = chest.on, int(rng.integers(2))
    outward = (on.x - chest.sides[side]) / chest.half * (-1.0 if side == 0 else 1.0)
    middle = rng.uniform(-0.4, 0.2)
    band = edge(on, outward - 0.68 + 0.10 * strength, 0.08) * edge(on, 0.42 - np.abs(on.y - middle), 0.2)
    over(chest.image, 185.0, 0.9 * band * edge(on, 1.15 - outward, 0.1))


def _hernia(chest: _Chest, rng: np.random.Generator, strength: float) -> None:
    on = chest.on
    x, y = 0.5 * sum(chest.sides) + rng.normal(0.08, 0.03), rng.uniform(0.30, 0.40)
    distance = 0.17 - np.hypot(on.x - x, on.y - y)
    over(chest.image, 196.0, 0.8 * stroke(on, distance, 0.05))
    over(chest.image, 70.0, (0.4 + 0.3 * strength) * edge(on, distance - 0.04) * (on.y < y))


_ZONES = {
    "Atelectasis": _atelectasis,
    "Effusion": _effusion,
    "Infiltration": _infiltration,
    "Mass": _mass,
    "Nodule": _nodule,
    "Pneumonia": _pneumonia,
    "Pneumothorax": _pneumothorax,
    "Consolidation": _consolidation,
    "Edema": _edema,
    "Fibrosis": _fibrosis,
    "Pleural_Thickening": _pleural_thickening,
    "Hernia": _hernia,
}


def _expose(chest: _Chest, rng: np.random.Generator) -> np.ndarray:
    """The picture as a detector gives it: exposure, contrast, grain."""
    contrast, brightness = rng.uniform(0.88, 1.12), rng.normal(0.0, 7.0)
    image = 118.0 + contrast * (chest.image - 118.0) + brightness
    image += 3.0 * clouds(chest.on, rng, 5)
    return to_bytes(image + rng.normal(0.0, rng.uniform(2.0, 4.0), image.shape))
