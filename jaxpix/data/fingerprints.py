"""The hash of everything that a prepared data set stores: equal ones mean equal images and labels."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from .prepared import PreparedDataset
    from .registry import DatasetInfo


class Fingerprint:
    """Grows with every image, in the order in which they are stored.

    Args:
        info: what the data set is.
        splits: names of its parts, in order.
    """

    def __init__(self, info: DatasetInfo, splits: Sequence[str]):
        self._hash = hashlib.sha256(json.dumps([info.task, info.class_names, list(splits)]).encode())

    def add(self, split: str, image_id: str, group: str, label: Sequence[int], pixel_hash: str) -> None:
        """One more image: class numbers, and the hash of its stored pixels."""
        self._hash.update(json.dumps([split, image_id, group, list(label), pixel_hash]).encode())

    def __str__(self) -> str:
        return self._hash.hexdigest()


def pixel_hash(image: np.ndarray | Image.Image) -> str:
    """Hash of an image's pixels, 8-bit [H, W, C]."""
    return hashlib.sha256(image.tobytes()).hexdigest()


def fingerprint_of(dataset: PreparedDataset) -> str:
    """The fingerprint of what lies on the disk, every image read.

    Raises:
        InputError: an image cannot be read.
    """
    found = Fingerprint(dataset.info, list(dataset.num_examples))
    for split in dataset.num_examples:
        for example in dataset.source(split):
            label = example["label"]
            classes = [label] if isinstance(label, int) else np.flatnonzero(label).tolist()
            found.add(split, example["image_id"], example["group"], classes, pixel_hash(example["image"]))
    return str(found)
