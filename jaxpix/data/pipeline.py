"""Grain feeds training and evaluation: deterministic order, reads in threads, batches of NumPy arrays."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, TypedDict

import grain
import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from .prepared import Example

_READ_THREADS = 8
_BUFFERED = 64
_MAX_SHIFT = 0.04
_MAX_DEGREES = 10.0


class Batch(TypedDict):
    """One batch.

    `images` uint8 [B, H, W, C]; `labels` int32 [B] or uint8 [B, N]; `mask` bool [B], False where the batch is
    padded.
    """

    images: np.ndarray
    labels: np.ndarray
    mask: np.ndarray


def _read(source: Sequence[Example], index: int) -> dict[str, Any]:
    """Position `index` of a source: image and label."""
    example = source[int(index)]
    label = np.asarray(example["label"])
    return {"images": example["image"], "labels": label.astype(np.uint8 if label.ndim else np.int32)}


def _augment(element: dict[str, Any], rng: np.random.Generator) -> dict[str, Any]:
    """Light augmentation (flip, shift, rotation); the draw depends on seed, epoch and position only."""
    return {**element, "images": augmented(element["images"], rng)}


def augmented(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """uint8 [H, W, C], flipped at random, turned up to 10 degrees and shifted up to 4 %; edges are repeated."""
    height, width, channels = image.shape
    flip, degrees = rng.random() < 0.5, rng.uniform(-_MAX_DEGREES, _MAX_DEGREES)
    shift_x, shift_y = rng.uniform(-_MAX_SHIFT, _MAX_SHIFT, 2) * (width, height)
    # A margin of repeated edges, so that no black corner tells the angle.
    margin = int(np.ceil(0.25 * max(height, width)))
    padded = np.pad(
        image[:, ::-1] if flip else image, ((margin, margin), (margin, margin), (0, 0)), mode="edge"
    )
    picture = Image.fromarray(padded[..., 0] if channels == 1 else padded)
    turned = picture.rotate(degrees, Image.Resampling.BILINEAR, translate=(shift_x, shift_y))
    pixels = np.asarray(turned)[margin : margin + height, margin : margin + width]
    return np.ascontiguousarray(pixels[..., None] if channels == 1 else pixels)


def in_memory(source: Sequence[Example], max_bytes: int = 2**31) -> Sequence[Example]:
    """The same examples decoded once, where their images fit `max_bytes`; else `source` itself."""
    if len(source) == 0 or len(source) * source[0]["image"].nbytes > max_bytes:
        return source
    reading = grain.MapDataset.source(range(len(source))).map(lambda index: source[int(index)])
    return list(reading.to_iter_dataset(_reading()))


def training_batches(
    source: Sequence[Example],
    *,
    batch_size: int,
    seed: int,
    epoch: int,
    augment: bool = False,
    indices: np.ndarray | None = None,
) -> Iterator[Batch]:
    """Batches of one epoch, shuffled by (seed, epoch); a last partial batch is left out.

    Args:
        source: examples at random access.
        batch_size: B; with fewer images than that there is no batch at all.
        seed, epoch: decide order and augmentation, bit for bit.
        augment: light augmentation.
        indices: positions to train on; None: all.
    """
    positions = np.arange(len(source)) if indices is None else np.asarray(indices)
    random_seed = int(np.random.SeedSequence([seed, epoch]).generate_state(1)[0])
    dataset = grain.MapDataset.source(positions.tolist()).seed(random_seed).shuffle()
    dataset = dataset.map(partial(_read, source))
    if augment:
        dataset = dataset.random_map(_augment)
    dataset = dataset.batch(batch_size, drop_remainder=True)
    for batch in dataset.to_iter_dataset(_reading()):
        yield Batch(images=batch["images"], labels=batch["labels"], mask=np.ones(batch_size, bool))


def evaluation_batches(
    source: Sequence[Example],
    *,
    batch_size: int,
    indices: np.ndarray | None = None,
) -> Iterator[Batch]:
    """Every image exactly once, in order; the last batch is padded and masked.

    Args:
        source: examples at random access.
        batch_size: B.
        indices: positions to evaluate; None: all.
    """
    positions = np.arange(len(source)) if indices is None else np.asarray(indices)
    dataset = grain.MapDataset.source(positions.tolist()).map(partial(_read, source)).batch(batch_size)
    for batch in dataset.to_iter_dataset(_reading()):
        count = len(batch["labels"])
        images, labels = (_pad(batch[name], batch_size) for name in ("images", "labels"))
        yield Batch(images=images, labels=labels, mask=np.arange(batch_size) < count)


def _pad(array: np.ndarray, length: int) -> np.ndarray:
    return np.pad(array, [(0, length - len(array)), *[(0, 0)] * (array.ndim - 1)])


def _reading() -> grain.ReadOptions:
    return grain.ReadOptions(num_threads=_READ_THREADS, prefetch_buffer_size=_BUFFERED)
