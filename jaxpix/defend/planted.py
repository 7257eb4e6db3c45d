"""A planted pixel: a known pixel fools the victim behind a defence; a search that misses it proves nothing.

The victim looks at the filtered image. It answers `triggered` where the filtered value at one position, the trigger,
has moved by about half of what a black or white pixel at that position can move it, through this very defence: so the
trigger is reachable by definition, for filters that smooth a pixel away, too. A low hill leads there: how much has
moved around the trigger, which by itself never suffices.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from ..defences.catalogue import defended

if TYPE_CHECKING:
    from ..victim.victim import Victim

NUM_IMAGES = 20
_CANDIDATES = 24
_STRIP = 4
CLASSES = ("untouched", "triggered")
# Logits: the trigger's reach is worth so much, and half of it is the threshold; the hill is worth less than the rest.
_STEEPNESS, _HILL = 8.0, 0.5


class Planted(NamedTuple):
    """The victim behind the defence, images uint8 [20, H, W, C], and the trigger: row, column, levels it can move."""

    victim: Victim
    images: np.ndarray
    row: int
    column: int
    reach: float


def plant(kind: type[Victim], names: Sequence[str], shape: tuple[int, int, int]) -> Planted:
    """A victim that a known pixel fools, behind the defences of these names.

    Args:
        kind: `Victim`.
        names: of defences, the outermost first; none: the victim alone.
        shape: (H, W, C) of the images. They are noise, equal but for four rows at the top.
    """
    generator = np.random.Generator(np.random.PCG64(0))
    background = generator.integers(64, 193, shape).astype(np.uint8)
    row, column, reach = _trigger(_filter(kind, names, shape), background, generator)
    filtered = _filter(kind, names, shape)(background[None])[0]
    distance = np.hypot(*(np.indices(shape[:2]) - np.array([row, column])[:, None, None]))
    hill = np.exp(-distance / (max(shape[:2]) / 6))
    # The rows at the top differ from image to image, and a filter carries them down a little.
    hill[: shape[0] // 2] = 0
    here = np.zeros(shape[:2])
    here[row, column] = 1
    weights = tuple(
        jnp.asarray(one, jnp.float32) for one in (filtered, here[..., None] / shape[2], hill[..., None])
    )

    def logits(weights: Any, images: jax.Array) -> jax.Array:
        reference, at, near = weights
        moved = jnp.abs(images - reference[None])
        trigger = jnp.sum(moved * at[None], axis=(1, 2, 3)) / reach
        slope = _HILL * jnp.tanh(jnp.sum(moved * near[None], axis=(1, 2, 3)) / (4 * reach))
        raised = _STEEPNESS * (trigger - 0.5) + slope
        return jnp.stack([-raised, raised], axis=1)

    alone = kind.from_function(
        logits, weights=weights, class_names=CLASSES, input_shape=shape, name="planted pixel"
    )
    images = np.repeat(background[None], NUM_IMAGES, axis=0)
    strip = min(_STRIP, shape[0] // 4)
    images[:, :strip] = generator.integers(64, 193, (NUM_IMAGES, strip, *shape[1:]))
    return Planted(defended(alone, *names), images, row, column, reach)


def _filter(kind: type[Victim], names: Sequence[str], shape: tuple[int, int, int]) -> Any:
    """uint8 images [B, H, W, C] -> what a victim behind the defences is shown when it is judged, float32."""
    size = int(np.prod(shape))

    def flat(images: jax.Array) -> jax.Array:
        return images.reshape(images.shape[0], size)

    seen = kind.from_function(
        flat, class_names=[str(number) for number in range(size)], input_shape=shape, outputs="logits"
    )
    behind = defended(seen, *names)
    return lambda images: np.asarray(behind.logits(images)).reshape(-1, *shape)


def _trigger(
    filter_fn: Any, background: np.ndarray, generator: np.random.Generator
) -> tuple[int, int, float]:
    """Of some positions in the lower half that where one pixel moves the filtered value most: row, column, levels."""
    height, width, _ = background.shape
    margin = min(2, height // 8)
    rows = generator.integers(height // 2 + margin, height - margin, _CANDIDATES)
    columns = generator.integers(margin, width - margin, _CANDIDATES)
    before = filter_fn(background[None])[0]
    reaches = np.zeros(_CANDIDATES)
    for value in (0, 255):
        images = np.repeat(background[None], _CANDIDATES, axis=0)
        images[np.arange(_CANDIDATES), rows, columns] = value
        moved = np.abs(filter_fn(images) - before[None])[np.arange(_CANDIDATES), rows, columns]
        reaches = np.maximum(reaches, moved.mean(axis=-1))
    best = int(reaches.argmax())
    return int(rows[best]), int(columns[best]), float(max(reaches[best], 1e-3))
