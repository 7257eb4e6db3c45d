"""Grain feeds training and evaluation: deterministic order, reads in threads, batches of NumPy arrays."""

from collections.abc import Iterator, Sequence
from typing import Any, TypedDict

import grain
import numpy as np
from PIL import Image

from .prepared import Example

_READ_THREADS = 8
_BUFFERED = 64
_MAX_SHIFT = 0.04
_MAX_DEGREES = 10.0


class Batch(TypedDict):
    """One batch.

    `images` uint8 [B, H, W, C]; `labels` int32 [B] or uint8 [B, N]; `mask` bool [B], False where the batch is
    padded; `indices` int64 [B], positions in the split.
    """

    images: np.ndarray
    labels: np.ndarray
    mask: np.ndarray
    indices: np.ndarray


class _Reader:
    """Reads position `index` of a source: image at the wanted size, label, index."""

    def __init__(self, source: Sequence[Example], image_size: int | None):
        self._source, self._image_size = source, image_size

    def __call__(self, index: int) -> dict[str, Any]:
        example = self._source[int(index)]
        image = example["image"]
        if self._image_size is not None and image.shape[:2] != (self._image_size, self._image_size):
            image = resize(image, self._image_size)
        label = np.asarray(example["label"])
        return {
            "images": image,
            "labels": label.astype(np.uint8 if label.ndim else np.int32),
            "indices": np.int64(index),
        }


class _Augment(grain.transforms.RandomMap):
    """Light augmentation (flip, shift, rotation); the draw depends on seed, epoch and position only."""

    def random_map(self, element: dict[str, Any], rng: np.random.Generator) -> dict[str, Any]:
        return {**element, "images": augmented(element["images"], rng)}


def resize(image: np.ndarray, size: int) -> np.ndarray:
    """uint8 [H, W, C] squeezed or enlarged to [size, size, C]."""
    grey = image.shape[2] == 1
    picture = Image.fromarray(image[..., 0] if grey else image)
    pixels = np.asarray(picture.resize((size, size), Image.Resampling.LANCZOS))
    return pixels[..., None] if grey else pixels


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
    image_size: int | None = None,
    augment: bool = False,
    indices: np.ndarray | None = None,
    start_batch: int = 0,
) -> Iterator[Batch]:
    """Batches of one epoch, shuffled by (seed, epoch); a last partial batch is left out.

    Args:
        source: examples at random access.
        batch_size: B; with fewer images than that there is no batch at all.
        seed, epoch: decide order and augmentation, bit for bit.
        image_size: side to resize to; None keeps the stored size.
        augment: light augmentation.
        indices: positions to train on; None: all.
        start_batch: batches to skip, as if they had been taken before.
    """
    positions = np.arange(len(source)) if indices is None else np.asarray(indices)
    random_seed = int(np.random.SeedSequence([seed, epoch]).generate_state(1)[0])
    dataset = grain.MapDataset.source(positions.tolist()).seed(random_seed).shuffle()
    dataset = dataset.map(_Reader(source, image_size))
    if augment:
        dataset = dataset.random_map(_Augment())
    dataset = dataset.batch(batch_size, drop_remainder=True)
    for batch in dataset.slice(slice(start_batch, None)).to_iter_dataset(_reading()):
        yield _batch(batch, np.ones(batch_size, bool))


def evaluation_batches(
    source: Sequence[Example],
    *,
    batch_size: int,
    image_size: int | None = None,
    indices: np.ndarray | None = None,
) -> Iterator[Batch]:
    """Every image exactly once, in order; the last batch is padded and masked.

    Args:
        source: examples at random access.
        batch_size: B.
        image_size: side to resize to; None keeps the stored size.
        indices: positions to evaluate; None: all.
    """
    positions = np.arange(len(source)) if indices is None else np.asarray(indices)
    dataset = grain.MapDataset.source(positions.tolist()).map(_Reader(source, image_size)).batch(batch_size)
    for batch in dataset.to_iter_dataset(_reading()):
        count = len(batch["indices"])
        padded = {name: _pad(array, batch_size) for name, array in batch.items()}
        yield _batch(padded, np.arange(batch_size) < count)


def _batch(read: dict[str, np.ndarray], mask: np.ndarray) -> Batch:
    return Batch(images=read["images"], labels=read["labels"], mask=mask, indices=read["indices"])


def _pad(array: np.ndarray, length: int) -> np.ndarray:
    return np.pad(array, [(0, length - len(array)), *[(0, 0)] * (array.ndim - 1)])


def _reading() -> grain.ReadOptions:
    return grain.ReadOptions(num_threads=_READ_THREADS, prefetch_buffer_size=_BUFFERED)
