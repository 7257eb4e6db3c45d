"""The built-in data: drawn, seeded, and labelled synthetic wherever it is shown."""

import zlib

import numpy as np

from ...data.registry import PHANTOMS
from ...errors import InputError
from . import lesions as phantom_lesions
from . import radiographs as phantom_radiographs
from .canvas import canvas


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
    if variant not in PHANTOMS:
        raise InputError(f"unknown phantom {variant!r}; allowed: {', '.join(PHANTOMS)}")
    rng = np.random.Generator(np.random.PCG64([zlib.crc32(variant.encode()), seed, index]))
    on = canvas(size)
    image: np.ndarray
    label: int | np.ndarray
    if variant == "phantom-derma":
        image, label = phantom_lesions.draw_lesion(on, rng)
    elif variant == "phantom-xray":
        image, label = phantom_radiographs.draw_radiograph(on, rng)
    else:
        image, label = phantom_radiographs.draw_chest(on, rng)
    return image, label
