"""Which images train, which choose the best epoch, and how pixels are normalised."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..data.pipeline import evaluation_batches, in_memory
from ..errors import InputError
from ..models.pretrained import IMAGENET_MEAN, IMAGENET_STD

if TYPE_CHECKING:
    from ..config import TrainConfig
    from ..data.prepared import Example, PreparedDataset
    from ..terminal.console import Meter


@dataclasses.dataclass(frozen=True)
class Part:
    """Some images of a split.

    Attributes:
        source: the whole split.
        indices: int64 [B], which of its images.
        labels: of those images: int64 [B], or 0/1 [B, N] for multi-label.
    """

    source: Sequence[Example]
    indices: np.ndarray
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.indices)


def training_parts(dataset: PreparedDataset, config: TrainConfig) -> tuple[Part, Part]:
    """The images to train on, and those that choose the best epoch and the stop.

    The latter are the prepared "validation" split, else `validation_fraction` of the training images,
    drawn by seed and whole patients (or lesions) at a time, else the training images themselves.
    Multi-label images without any label are in neither unless `include_normal` (paper 4.4).

    Raises:
        InputError: nothing is left to train on or to validate with.
    """
    train = _usable(dataset, "train", config)
    if dataset.num_examples.get("validation"):
        return train, _usable(dataset, "validation", config)
    if not config.validation_fraction:
        return train, train
    groups = dataset.groups("train")[train.indices]
    held = held_out(groups, config.validation_fraction, config.seed)
    if held.all():
        raise InputError(
            f"{dataset.path}: {len(train)} training images in {len(np.unique(groups))} group(s) cannot be "
            "divided into training and validation; set validation_fraction to 0"
        )
    return _subset(train, ~held), _subset(train, held)


def held_out(groups: np.ndarray, fraction: float, seed: int) -> np.ndarray:
    """Mark at least `fraction` (and at least one) of the images, never dividing a group.

    Args:
        groups: str [B]; "" is a group of its own each time.
        fraction: 0..1.
        seed: which groups.

    Returns:
        bool [B].
    """
    alone = np.array([f"\0{index}" for index in range(len(groups))])
    _, members = np.unique(np.where(groups == "", alone, groups), return_inverse=True)
    sizes = np.bincount(members)
    order = np.random.default_rng([seed, 1]).permutation(len(sizes))
    needed = int(np.searchsorted(np.cumsum(sizes[order]), max(1, round(fraction * len(groups))))) + 1
    return np.isin(members, order[:needed])


def normalization(
    dataset: PreparedDataset, part: Part, config: TrainConfig, meter: Meter | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation, float32 [C] on the 0..255 scale.

    Of all pixels of `part`, exactly; of ImageNet where training starts from given weights (`init`), which
    expect it.
    """
    channels = dataset.info.channels or 3
    if config.init is not None:
        mean, std = np.asarray(IMAGENET_MEAN, np.float32), np.asarray(IMAGENET_STD, np.float32)
        if channels == 3:
            return mean, std
        return mean.mean(keepdims=True), std.mean(keepdims=True)
    counts = np.zeros((channels, 256), np.int64)
    for batch in evaluation_batches(part.source, batch_size=64, indices=part.indices):
        images = batch["images"][np.asarray(batch["mask"], bool)]
        for channel in range(channels):
            counts[channel] += np.bincount(images[..., channel].ravel(), minlength=256)
        if meter:
            meter.advance(len(images))
    share = counts / counts.sum(1, keepdims=True)
    values = np.arange(256)
    mean = share @ values
    variance = share @ values**2 - mean**2
    # Half a grey level keeps images of one colour finite.
    return mean.astype(np.float32), np.sqrt(np.maximum(variance, 0.25)).astype(np.float32)


def testing_part(dataset: PreparedDataset) -> Part:
    """All images of the test split, those without a label included."""
    labels = dataset.labels("test")
    return Part(in_memory(dataset.source("test")), np.arange(len(labels)), labels)


def _usable(dataset: PreparedDataset, split: str, config: TrainConfig) -> Part:
    labels = dataset.labels(split)
    leaves_normal_out = dataset.info.task == "multilabel" and not config.include_normal
    # Of one label nothing could be learnt from images that all have it.
    leaves_normal_out &= len(dataset.info.class_names) > 1
    usable = labels.any(1) if leaves_normal_out else np.ones(len(labels), bool)
    if not usable.any():
        raise InputError(
            f"{dataset.path}: none of the {len(labels)} images of split {split!r} has a label; "
            "include_normal trains on images without"
            if len(labels)
            else f"{dataset.path}: split {split!r} is empty"
        )
    indices = np.flatnonzero(usable)
    return Part(in_memory(dataset.source(split)), indices, labels[indices])


def _subset(part: Part, chosen: np.ndarray) -> Part:
    return Part(part.source, part.indices[chosen], part.labels[chosen])
