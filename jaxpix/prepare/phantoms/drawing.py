"""The built-in data: drawn, seeded, and labelled synthetic wherever it is shown."""

import zlib
from collections.abc import Callable

import numpy as np

from ...errors import InputError
from .canvas import Canvas, canvas
from .lesions import draw_lesion
from .radiographs import draw_chest, draw_radiograph

_DRAWN: dict[str, Callable[[Canvas, np.random.Generator], tuple[np.ndarray, int | np.ndarray]]] = {
    "phantom-derma": draw_lesion,
    "phantom-xray": draw_radiograph,
    "phantom-chest": draw_chest,
}


def draw(variant: str, index: int, seed: int, size: int) -> tuple[np.ndarray, int | np.ndarray]:
    """Draw image number `index`; a pure function of its arguments.

    Args:
        variant: `phantom-derma`, `phantom-xray` or `phantom-chest`.
        index: which image, from 0.
        seed: another seed draws another collection.
        size: side in pixels, at least 8.

    Returns:
        uint8 [size, size, C], and the class number or, for `phantom-chest`, the findings uint8 [14].

    Raises:
        InputError: an unknown variant or a size below 8.
    """
    if variant not in _DRAWN:
        raise InputError(f"unknown phantom {variant!r}; allowed: {', '.join(_DRAWN)}")
    rng = np.random.Generator(np.random.PCG64([zlib.crc32(variant.encode()), seed, index]))
    return _DRAWN[variant](canvas(size), rng)
