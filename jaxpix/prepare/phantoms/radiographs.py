"""Radiograph-like drawings: a chest with up to fourteen findings that overlap in looks."""

import numpy as np

from ...data.registry import CHEST_LABELS
from .canvas import Canvas, Field, blobs, clouds, edge, gaussian, over, step, stroke
from .chest import Chest, empty_chest, expose

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


def draw_radiograph(on: Canvas, rng: np.random.Generator) -> tuple[np.ndarray, int]:
    """A grey image uint8 [S, S, 1] and its class number: clear, opacity or nodule."""
    label = int(rng.choice(3, p=[0.4, 0.35, 0.25]))
    chest = empty_chest(on, rng, heart=rng.normal(0.0, 0.5), air=rng.normal(0.0, 0.4))
    if label == 1:
        strength = rng.uniform(0.35, 1.0)
        _ZONES[str(rng.choice(["Infiltration", "Pneumonia", "Consolidation"]))](chest, rng, strength)
    elif label == 2:
        for _ in range(1 + int(rng.random() < 0.25)):
            _nodule(chest, rng, rng.uniform(0.45, 1.0))
    elif rng.random() < 0.25:
        _infiltration(chest, rng, rng.uniform(0.1, 0.3))
    return expose(chest, rng), label


def draw_chest(on: Canvas, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A grey image uint8 [S, S, 1] and its findings, uint8 [14]; none is normal."""
    labels = _some_findings(rng)
    present = [name for name, is_there in zip(CHEST_LABELS, labels, strict=True) if is_there]
    heart = rng.uniform(1.7, 3.2) if "Cardiomegaly" in present else rng.normal(0.0, 0.5)
    air = rng.uniform(1.6, 3.0) if "Emphysema" in present else rng.normal(0.0, 0.4)
    chest = empty_chest(on, rng, heart, air)
    for name in present:
        if name in _ZONES:
            _ZONES[name](chest, rng, rng.uniform(0.5, 1.0))
    return expose(chest, rng), labels


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


def _place(
    chest: Chest, rng: np.random.Generator, low: float = -0.55, high: float = 0.35
) -> tuple[float, float]:
    """A point inside a lung."""
    side = int(rng.integers(2))
    return chest.sides[side] + rng.uniform(-0.6, 0.6) * chest.half, rng.uniform(low, high)


def _one_side(chest: Chest, rng: np.random.Generator) -> tuple[int, Field]:
    """One of the lungs, and how far outward of its centre each pixel lies, in half widths of a lung."""
    side = int(rng.integers(2))
    return side, (chest.on.x - chest.sides[side]) / chest.half * (-1.0 if side == 0 else 1.0)


def _haze(
    chest: Chest, x: float, y: float, size: tuple[float, float], amount: float, texture: Field | float
) -> None:
    cover = gaussian(chest.on, x, y, *size) * chest.lungs * texture
    over(chest.image, 176.0, np.clip(amount * cover, 0.0, 0.92))


def _infiltration(chest: Chest, rng: np.random.Generator, strength: float) -> None:
    texture = np.clip(0.55 + 0.45 * clouds(chest.on, rng, 9), 0.0, 1.6)
    _haze(chest, *_place(chest, rng), (0.21, 0.24), 0.72 * strength, texture)


def _pneumonia(chest: Chest, rng: np.random.Generator, strength: float) -> None:
    texture = np.clip(0.85 + 0.35 * clouds(chest.on, rng, 6), 0.0, 1.5)
    _haze(chest, *_place(chest, rng, -0.1, 0.4), (0.20, 0.15), 0.95 * strength, texture)


def _consolidation(chest: Chest, rng: np.random.Generator, strength: float) -> None:
    _haze(chest, *_place(chest, rng, -0.45, 0.3), (0.17, 0.12), 1.35 * strength, 1.0)


def _atelectasis(chest: Chest, rng: np.random.Generator, strength: float) -> None:
    on, (x, y) = chest.on, _place(chest, rng, 0.02, 0.34)
    slope = rng.uniform(-0.5, 0.5)
    band = stroke(on, on.y - y - slope * (on.x - x), rng.uniform(0.045, 0.08))
    band = band * edge(on, 0.24 - np.abs(on.x - x), 0.12) * chest.lungs
    over(chest.image, 188.0, 0.85 * strength * band)


def _effusion(chest: Chest, rng: np.random.Generator, strength: float) -> None:
    on, (side, outward) = chest.on, _one_side(chest, rng)
    level = chest.floor[side] + 0.08 - 0.30 * strength
    fluid = edge(on, on.y - level + 0.16 * np.clip(outward, -0.5, 1.0) ** 2, 0.07)
    near = edge(on, 1.25 - np.abs(outward), 0.15) * edge(on, chest.floor[side] + 0.25 - on.y, 0.08)
    over(chest.image, 170.0, 0.88 * fluid * near)


def _mass(chest: Chest, rng: np.random.Generator, strength: float) -> None:
    x, y = _place(chest, rng)
    radius = rng.uniform(0.10, 0.15)
    distance = radius - np.hypot(chest.on.x - x, 1.1 * (chest.on.y - y))
    over(chest.image, 190.0, (0.45 + 0.45 * strength) * edge(chest.on, distance, 0.06) * chest.lungs)


def _nodule(chest: Chest, rng: np.random.Generator, strength: float) -> None:
    place = np.array([_place(chest, rng)])
    spot = blobs(chest.on, place, np.array([rng.uniform(0.030, 0.050)]), np.array([1.0]))
    over(chest.image, 215.0, np.clip((0.35 + 0.6 * strength) * spot, 0.0, 1.0) * np.sqrt(chest.lungs))


def _pneumothorax(chest: Chest, rng: np.random.Generator, strength: float) -> None:
    on, (_, outward) = chest.on, _one_side(chest, rng)
    rim = outward - (0.62 - 0.35 * strength) + 0.35 * np.clip(on.y + 0.2, 0.0, 1.0)
    empty = edge(on, rim, 0.05) * chest.lungs * (outward > -0.6)
    over(chest.image, 34.0, 0.75 * empty)
    over(chest.image, 205.0, 0.8 * stroke(on, rim * chest.half, 0.02) * chest.lungs * (on.y < 0.45))


def _edema(chest: Chest, rng: np.random.Generator, strength: float) -> None:
    texture = np.clip(0.8 + 0.3 * clouds(chest.on, rng, 7), 0.0, 1.4)
    for side, inward in zip(chest.sides, (0.12, -0.12), strict=True):
        _haze(chest, side + inward, 0.02, (0.17, 0.30), 0.75 * strength, texture)


def _fibrosis(chest: Chest, rng: np.random.Generator, strength: float) -> None:
    net = np.abs(clouds(chest.on, rng, 22))
    lines = np.clip(0.45 - net, 0.0, 0.45) / 0.45
    low = step(chest.on.y - 0.05, 0.5)
    over(chest.image, 195.0, 0.75 * strength * lines * low * chest.lungs)


def _pleural_thickening(chest: Chest, rng: np.random.Generator, strength: float) -> None:
    on, (_, outward) = chest.on, _one_side(chest, rng)
    middle = rng.uniform(-0.4, 0.2)
    band = edge(on, outward - 0.68 + 0.10 * strength, 0.08) * edge(on, 0.42 - np.abs(on.y - middle), 0.2)
    over(chest.image, 185.0, 0.9 * band * edge(on, 1.15 - outward, 0.1))


def _hernia(chest: Chest, rng: np.random.Generator, strength: float) -> None:
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
