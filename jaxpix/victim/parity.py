"""Whether a model that was translated computes what its own framework does."""

from __future__ import annotations

import numpy as np

from ..errors import InputError
from .classifier import Classifier
from .probe import made_up

# Of the largest output. Frameworks add up in different orders: 1e-6 is usual, 1e-4 was seen of deep networks.
_TOLERANCE = 1e-3
# Networks that magnify rounding may differ by this many times what rounding does to them in their own framework.
_MAGNIFIED = 30.0
# As many as a probe evaluates, so that nothing is compiled anew.
_AT_ONCE = 6


def shown_images(shape: tuple[int, int, int], images: np.ndarray | None) -> np.ndarray:
    """Made-up images and those given, uint8 [B, H, W, C], as many as fill batches of one size.

    Raises:
        InputError: images of another shape.
    """
    given = np.zeros((0, *shape), np.uint8) if images is None else np.asarray(images)
    if given.shape[1:] != tuple(shape):
        raise InputError(f"images: expected [B, {', '.join(map(str, shape))}], got {list(given.shape)}")
    shown = np.concatenate([made_up(shape), given])
    whole = -(-len(shown) // _AT_ONCE) * _AT_ONCE
    return shown[np.minimum(np.arange(whole), len(shown) - 1)]


def largest_difference(
    victim: Classifier,
    images: np.ndarray,
    expected: np.ndarray,
    rounding: np.ndarray,
    *,
    of_confidences: bool,
) -> float:
    """Largest difference between a victim and its own framework, over the framework's largest output for that image.

    Args:
        victim: evaluated in float32.
        images: [B, H, W, C], from `shown_images`.
        expected: what the framework says of them [B, N].
        rounding: by how much rounding alone changes that [B].
        of_confidences: they are probabilities, not logits.

    Raises:
        InputError: it is more than rounding can explain; says by how much.
    """
    parts = [np.asarray(victim.logits(batch)) for batch in np.split(images, len(images) // _AT_ONCE)]
    ours = np.concatenate(parts)
    if of_confidences:
        ours = np.asarray(victim.space.confidences(ours))
    # Each image by its own outputs: those of a black or white one can be larger by magnitudes.
    scales = np.abs(expected).max(1)
    scales = np.maximum(scales, max(1e-2 * float(scales.max()), 1e-6))
    differences = np.abs(ours - expected).max(1) / scales
    allowed = np.maximum(_TOLERANCE, _MAGNIFIED * rounding / scales)
    worst = int((differences / allowed).argmax())
    if not differences[worst] <= allowed[worst]:
        raise InputError(
            f"{victim.name!r} in JAX is not what its own framework computes: outputs differ by "
            f"{differences[worst]:.1e} of the largest one, allowed {allowed[worst]:.0e}; of one image expected "
            f"{expected[worst].tolist()}, got {ours[worst].tolist()}. Is the module random in evaluation mode? "
            "Otherwise let it evaluate the images itself: host=True"
        )
    return float(f"{differences.max():.2e}")
