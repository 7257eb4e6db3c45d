"""What was measured of a variant, and what is counted of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from ..data.prepared import PreparedDataset
    from ..records.record import Record
    from ..report.runs.defences import PlainLine
    from .options import ChosenImages, DefendOptions
    from .variants import Variant


Found = tuple[Literal["pass", "fail", "not run"], str]
"""A check's verdict and its numbers, or why it was not run."""


@dataclasses.dataclass(frozen=True)
class Attacked:
    """What came of an attack.

    Attributes:
        records: of the images that the victim classifies correctly as they are.
        flat: what was said where nothing would guide the search of any image; "" elsewhere. Then no record exists.
    """

    records: list[Record]
    flat: str = ""

    @property
    def broken(self) -> frozenset[str]:
        """Ids of the images with a success."""
        return frozenset(record.image_id for record in self.records if record.success)


@dataclasses.dataclass(frozen=True)
class Measured:
    """Of one variant.

    Attributes:
        variant: whose.
        wrong: ids of the images of the whole subset that it misclassifies as they are.
        attacks: by name, of the chosen images that it classifies correctly.
        fooled: by the undefended victim that images were made for: ids of those that fool this one.
        milliseconds: to classify one image, clean, in batches; best of some.
    """

    variant: Variant
    wrong: frozenset[str]
    attacks: Mapping[str, Attacked]
    fooled: Mapping[str, frozenset[str]]
    milliseconds: float

    @property
    def adaptive(self) -> frozenset[str]:
        """Images that an attack through the defence breaks."""
        return frozenset[str]().union(*(one.broken for one in self.attacks.values()))

    @property
    def transferred(self) -> frozenset[str]:
        """Images, correct as they are, that are broken by what was made for the same victim without defence."""
        return self.fooled.get(self.variant.of, frozenset()) - self.wrong

    @property
    def fallen(self) -> frozenset[str]:
        """Images that are not classified correctly whatever is done to them, or nothing: the worst case."""
        return self.wrong.union(self.adaptive, *self.fooled.values())


@dataclasses.dataclass(frozen=True)
class Results:
    """What came of a run.

    Attributes:
        options: what was asked.
        dataset: whose images, all of the subset counting as clean ones.
        images: the chosen ones, which were attacked.
        families: of each victim: itself, then behind each defence.
        lines: checks of each variant, by its folder.
    """

    options: DefendOptions
    dataset: PreparedDataset
    images: ChosenImages
    families: Sequence[Sequence[Measured]]
    lines: dict[str, list[PlainLine]]

    @property
    def ids(self) -> list[str]:
        """Of the chosen images."""
        return self.images.image_ids(self.images.subset).tolist()

    @property
    def all_ids(self) -> list[str]:
        """Of the whole subset."""
        return self.dataset.image_ids(self.options.subset).tolist()
