"""Images that were handed over in Python, as the data set that an attack and its report want."""

from __future__ import annotations

import dataclasses
import hashlib
from typing import TYPE_CHECKING, TypeAlias, Union

import numpy as np

from ..data.registry import DatasetInfo

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..data.prepared import Example, PreparedDataset
    from ..labels import LabelSpace

GIVEN = "given"


@dataclasses.dataclass(frozen=True, eq=False)
class GivenImages:
    """Images and labels in memory. They have no split and no folder, and say so.

    Attributes:
        space: what the labels mean.
        images: uint8 [B, H, W, C].
        vectors: bool [B, N], their labels.
        names: distinct, [B].
        has_true_labels: somebody said what is on the images; False: the labels are what the victim says.
    """

    space: LabelSpace
    images: np.ndarray
    vectors: np.ndarray
    names: Sequence[str]
    has_true_labels: bool

    name: str = "images"
    scheme: str = GIVEN
    synthetic: bool = False

    @property
    def info(self) -> DatasetInfo:
        """What a report says of them."""
        height, width, channels = self.images.shape[1:]
        return DatasetInfo(
            name=self.name,
            title=f"{len(self.images):,} images given in Python, {width}x{height}",
            task=self.space.task,
            class_names=self.space.class_names,
            normal_classes=self.space.normal_classes,
            channels=1 if channels == 1 else 3,
            split_schemes=(GIVEN,),
            citation="",
            licence="",
        )

    @property
    def note(self) -> str | None:
        """What stands beside every figure."""
        if self.has_true_labels:
            return None
        return "no true labels were given: each image's label is what the victim says of it"

    @property
    def image_size(self) -> int:
        """The longer side, in pixels."""
        return int(max(self.images.shape[1:3]))

    @property
    def num_examples(self) -> Mapping[str, int]:
        """One part: all of them."""
        return {GIVEN: len(self.images)}

    @property
    def fingerprint(self) -> str:
        """Hash of images, names and given labels. Of the images, only those attacked with success are kept."""
        digest = hashlib.sha256(repr((self.images.shape, list(self.names))).encode())
        digest.update(np.ascontiguousarray(self.images).tobytes())
        if self.has_true_labels:
            digest.update(np.ascontiguousarray(self.vectors).tobytes())
        return digest.hexdigest()

    def labels(self, subset: str) -> np.ndarray:
        """0/1 vectors, uint8 [B, N]."""
        return self.vectors.astype(np.uint8)

    def image_ids(self, subset: str) -> np.ndarray:
        """Names, str [B]."""
        return np.array(self.names, dtype=np.str_)

    def source(self, subset: str) -> list[Example]:
        """Every image."""
        return [
            {"image": image, "label": vector, "image_id": name, "group": ""}
            for image, vector, name in zip(self.images, self.labels(subset), self.names, strict=True)
        ]


# What an attack takes its images from.
Attackable: TypeAlias = Union["PreparedDataset", GivenImages]
