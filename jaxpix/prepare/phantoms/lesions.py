"""Lesion-like colour images: skin, hair, and one pigmented, vascular or scaly spot in the middle.

No medical truth: shapes and colours only resemble dermatoscopy, so that a picture of an attack can be read.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from .canvas import Canvas, Field, blobs, clouds, edge, over, stroke, to_bytes


class Look(NamedTuple):
    """What a class looks like on average; every entry may be mixed with another class's.

    `inner`, `outer`, `second` are colours relative to the skin (0..1 each channel): centre, rim, patches.
    `asymmetry`, `irregularity` deform the outline, `softness` is the width of the border, `variegation` how much
    of `second` shows. The rest are strengths (0..1) or expected numbers of structures.
    """

    inner: tuple[float, float, float] | np.ndarray
    outer: tuple[float, float, float] | np.ndarray
    second: tuple[float, float, float] | np.ndarray
    radius: float
    asymmetry: float
    irregularity: float
    softness: float
    variegation: float
    network: float
    globules: float
    cysts: float
    vessels: float
    veil: float
    scar: float
    lacunae: float


LOOKS = {
    "naevus-like": Look(
        (0.52, 0.42, 0.36), (0.74, 0.63, 0.54), (0.62, 0.52, 0.44),
        0.44, 0.10, 0.03, 0.16, 0.15, 0.45, 9.0, 0.3, 0.0, 0.0, 0.0, 0.0,
    ),
    "keratosis-like": Look(
        (0.66, 0.55, 0.42), (0.60, 0.48, 0.36), (0.80, 0.68, 0.48),
        0.50, 0.16, 0.06, 0.04, 0.75, 0.0, 2.0, 9.0, 0.0, 0.0, 0.0, 0.0,
    ),
    "fibroma-like": Look(
        (0.84, 0.76, 0.70), (0.76, 0.62, 0.54), (0.80, 0.68, 0.60),
        0.38, 0.08, 0.03, 0.30, 0.15, 0.35, 0.5, 0.5, 0.4, 0.0, 0.85, 0.0,
    ),
    "melanoma-like": Look(
        (0.34, 0.28, 0.27), (0.56, 0.44, 0.36), (0.22, 0.20, 0.22),
        0.58, 0.34, 0.12, 0.08, 0.85, 0.30, 8.0, 0.4, 0.5, 0.75, 0.1, 0.0,
    ),
    "carcinoma-like": Look(
        (0.96, 0.72, 0.68), (0.98, 0.80, 0.76), (0.78, 0.50, 0.48),
        0.50, 0.24, 0.07, 0.26, 0.45, 0.0, 3.0, 1.5, 5.0, 0.15, 0.15, 0.0,
    ),
    "vascular-like": Look(
        (0.72, 0.34, 0.36), (0.88, 0.52, 0.52), (0.52, 0.22, 0.30),
        0.38, 0.14, 0.05, 0.10, 0.40, 0.0, 0.5, 0.2, 1.0, 0.05, 0.0, 7.0,
    ),
}  # fmt: skip

_FREQUENCY = np.cumsum([0.26, 0.16, 0.12, 0.18, 0.16, 0.12])
_RESEMBLES = {
    "naevus-like": ("melanoma-like", "fibroma-like", "keratosis-like"),
    "keratosis-like": ("naevus-like", "melanoma-like", "carcinoma-like"),
    "fibroma-like": ("naevus-like", "carcinoma-like"),
    "melanoma-like": ("naevus-like", "keratosis-like"),
    "carcinoma-like": ("vascular-like", "fibroma-like", "keratosis-like"),
    "vascular-like": ("carcinoma-like", "melanoma-like"),
}
_SKIN = np.array([[238.0, 202.0, 184.0], [226.0, 178.0, 154.0], [196.0, 146.0, 116.0], [150.0, 106.0, 82.0]])


def draw_lesion(on: Canvas, rng: np.random.Generator) -> tuple[np.ndarray, int]:
    """An image uint8 [S, S, 3] and its label, an index into `LOOKS`."""
    label = int(np.searchsorted(_FREQUENCY, rng.random() * _FREQUENCY[-1]))
    look = _some_look(list(LOOKS)[label], rng)
    image, skin = _skin(on, rng)
    shape, depth = _outline(on, rng, look)
    over(image, _pigment(on, rng, skin, look, depth), shape)
    for colour, cover in _structures(on, rng, skin, look, shape, depth):
        over(image, colour, cover)
    _hair_and_lens(on, rng, image)
    image += rng.standard_normal(image.shape) * rng.uniform(1.0, 3.5)
    return to_bytes(image), label


def _some_look(name: str, rng: np.random.Generator) -> Look:
    others = _RESEMBLES[name]
    other = LOOKS[others[int(rng.integers(len(others)))]]
    blend = rng.beta(1.3, 4.2) * 0.75
    mixed = [
        np.multiply(a, 1.0 - blend) + np.multiply(b, blend) for a, b in zip(LOOKS[name], other, strict=True)
    ]
    tint = rng.normal(1.0, 0.10) * rng.normal(1.0, 0.03, 3)
    for place in range(3):
        mixed[place] = np.clip(mixed[place] * tint, 0.08, 1.0)
    for place in range(3, len(mixed)):
        mixed[place] = float(mixed[place] * rng.uniform(0.65, 1.35))
    return Look(*mixed)  # type: ignore[arg-type]


def _skin(on: Canvas, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    tone = 3.0 * rng.beta(1.1, 1.9)
    below = min(int(tone), 2)
    skin = _SKIN[below] + (tone - below) * (_SKIN[below + 1] - _SKIN[below])
    skin = skin * rng.normal(1.0, 0.025, 3)
    light = 1.0 + 0.03 * clouds(on, rng, 2) + 0.014 * clouds(on, rng, 9) + 0.016 * clouds(on, rng, 26)
    image = skin * light[:, :, None]
    flush = clouds(on, rng, 5) * rng.uniform(1.0, 5.0)
    image[:, :, 1] -= flush
    image[:, :, 2] -= flush
    return image, skin


def _outline(on: Canvas, rng: np.random.Generator, look: Look) -> tuple[Field, Field]:
    """Coverage of the lesion, and the depth below its rim (1 in the middle, 0 on the rim)."""
    centre, turn = rng.normal(0.0, 0.09, 2), rng.random() * 2.0 * np.pi
    stretch = 1.0 + rng.uniform(0.0, 0.35)
    dx, dy = on.x - centre[0], on.y - centre[1]
    cosine, sine = np.cos(turn), np.sin(turn)
    u, v = (dx * cosine + dy * sine) / stretch, (dy * cosine - dx * sine) * stretch
    distance = np.sqrt(u * u + v * v) + 1e-9
    unit_x, unit_y = u / distance, v / distance
    rim = np.ones_like(distance)
    wave_x, wave_y = unit_x, unit_y
    amplitudes = [
        look.asymmetry * 0.5,
        look.asymmetry * 0.7,
        look.irregularity,
        *([look.irregularity * 0.8] * 4),
    ]
    for amplitude in amplitudes:
        a, b = rng.normal(0.0, amplitude, 2) * 0.7
        rim += a * wave_x + b * wave_y
        wave_x, wave_y = wave_x * unit_x - wave_y * unit_y, wave_x * unit_y + wave_y * unit_x
    radius = float(np.clip(look.radius * rng.normal(1.0, 0.16), 0.2, 0.8))
    depth = 1.0 - distance / (radius * np.maximum(rim, 0.35))
    return edge(on, depth * radius, look.softness), depth


def _pigment(on: Canvas, rng: np.random.Generator, skin: np.ndarray, look: Look, depth: Field) -> np.ndarray:
    """What the lesion is made of, [S, S, 3]."""
    middle = np.clip(depth * rng.uniform(1.0, 2.2), 0.0, 1.0)
    body = skin * look.outer + (skin * (np.asarray(look.inner) - look.outer)) * middle[:, :, None]
    patches = np.clip(clouds(on, rng, 4) * 0.8 + rng.normal(-0.35, 0.35), 0.0, 1.0)
    over(body, skin * look.second, patches * min(look.variegation, 1.0))
    body *= (1.0 + (0.03 + 0.05 * look.variegation) * clouds(on, rng, 14))[:, :, None]
    if look.network > 0.05:
        body *= (1.0 - 0.22 * look.network * _network(on, rng))[:, :, None]
    return body


def _network(on: Canvas, rng: np.random.Generator) -> Field:
    """Lines of a honeycomb-like net, 0..1."""
    pitch, turn = rng.uniform(24.0, 34.0), rng.random() * np.pi
    u, v = on.x + 0.02 * clouds(on, rng, 6), on.y + 0.02 * clouds(on, rng, 6)
    waves = [
        np.cos(pitch * (u * np.cos(turn + third) + v * np.sin(turn + third))) for third in (0.0, 1.047, 2.094)
    ]
    return np.clip(0.5 - 0.33 * (waves[0] + waves[1] + waves[2]), 0.0, 1.0)


def _places(rng: np.random.Generator, count: int, spread: float) -> np.ndarray:
    """Centres [count, 2] scattered in a disc of radius `spread`."""
    distance, angle = spread * np.sqrt(rng.random(count)), rng.random(count) * 2.0 * np.pi
    return np.stack([distance * np.cos(angle), distance * np.sin(angle)], axis=1)


def _dots(
    on: Canvas,
    rng: np.random.Generator,
    expected: float,
    spread: float,
    radius: tuple[float, float],
    sharpen: float,
) -> Field:
    count = int(rng.poisson(max(expected, 0.0)))
    places, radii = _places(rng, count, spread), rng.uniform(*radius, count)
    return np.clip(sharpen * blobs(on, places, radii, rng.uniform(0.6, 1.0, count)), 0.0, 1.0)


def _structures(
    on: Canvas, rng: np.random.Generator, skin: np.ndarray, look: Look, shape: Field, depth: Field
) -> Iterator[tuple[np.ndarray, Field]]:
    """Colour and coverage of each, one over the other."""
    spread = 0.85 * look.radius
    if look.scar > 0.12:
        scar = np.clip(look.scar * shape * (depth * 1.9 - 0.55), 0.0, 0.9)
        yield skin * np.array([1.04, 1.05, 1.06]), scar
    if look.veil > 0.12:
        haze = np.clip(0.75 * clouds(on, rng, 3) + 0.2, 0.0, 1.0) * np.clip(2.5 * depth, 0.0, 1.0)
        yield np.array([92.0, 104.0, 132.0]) * (0.6 + 0.4 * skin / 255.0), 0.8 * min(look.veil, 1.0) * haze
    inside = np.clip(shape * 1.5 - 0.3, 0.0, 1.0)
    red = skin * np.array([0.72, 0.20, 0.26])
    yield red, 0.85 * inside * _dots(on, rng, look.lacunae, spread, (0.06, 0.11), 1.5)
    dark = skin * np.array([0.30, 0.22, 0.20])
    yield dark, 0.75 * inside * _dots(on, rng, look.globules, 1.1 * spread, (0.018, 0.038), 1.3)
    pale = skin * 0.35 + np.array([160.0, 155.0, 130.0])
    yield pale, 0.85 * inside * _dots(on, rng, look.cysts, spread, (0.018, 0.042), 1.4)
    for _ in range(int(rng.poisson(max(look.vessels, 0.0)))):
        place = _places(rng, 1, spread)[0]
        yield red, 0.8 * inside * _curve(on, rng, place, 0.022, 0.25 + 0.3 * look.radius)


def _curve(on: Canvas, rng: np.random.Generator, place: np.ndarray, width: float, length: float) -> Field:
    """Coverage of a bent line through `place`, about `2 * length` long."""
    turn, bend = rng.random() * np.pi, rng.normal(0.0, 0.25) / length
    cosine, sine = np.cos(turn), np.sin(turn)
    dx, dy = on.x - place[0], on.y - place[1]
    along = dx * cosine + dy * sine
    line = stroke(on, dy * cosine - dx * sine - bend * along * along, width)
    return line * edge(on, length - np.abs(along), 0.1)


def _hair_and_lens(on: Canvas, rng: np.random.Generator, image: np.ndarray) -> None:
    if rng.random() < 0.35:
        colour = np.array([58.0, 42.0, 34.0]) * rng.uniform(0.5, 1.6)
        for _ in range(int(rng.integers(1, 8))):
            hair = _curve(
                on, rng, rng.uniform(-0.9, 0.9, 2), rng.uniform(0.010, 0.022), rng.uniform(0.5, 1.6)
            )
            over(image, colour, 0.85 * hair)
    distance = on.x * on.x + on.y * on.y
    image *= (1.0 - rng.uniform(0.02, 0.16) * distance)[:, :, None]
    if rng.random() < 0.18:
        over(image, np.array([14.0, 11.0, 12.0]), edge(on, distance - rng.uniform(1.15, 1.6), 0.12))
