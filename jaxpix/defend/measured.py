"""What was measured of a variant, and what is counted of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal

from ..metrics.paired_rates import PairedRates, paired_rates
from ..metrics.rates import Rate, wilson

if TYPE_CHECKING:
    from ..data.prepared import PreparedDataset
    from ..records.record import Record
    from .options import ChosenImages, DefendOptions
    from .variants import Variant


Verdict = Literal["pass", "fail", "not run"]
Found = tuple[Verdict, str]


@dataclasses.dataclass(frozen=True)
class Line:
    """One check of one variant; `says` holds its numbers, or why it was not run."""

    name: str
    verdict: Verdict
    says: str


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
    def broken(self) -> frozenset[str]:
        """Images, correct as they are, that anything of this run breaks: the worst case."""
        return self.adaptive.union(*self.fooled.values()) - self.wrong


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
    lines: dict[str, list[Line]]

    @property
    def ids(self) -> list[str]:
        """Of the chosen images."""
        return self.images.image_ids(self.images.subset).tolist()

    @property
    def all_ids(self) -> list[str]:
        """Of the whole subset."""
        return self.dataset.image_ids(self.options.subset).tolist()


def clean_change(before: Measured, after: Measured, ids: Sequence[str]) -> PairedRates:
    """Clean accuracy without and with the defence, of the same images."""
    return paired_rates([(one not in before.wrong, one not in after.wrong) for one in ids])


def standing_change(before: Measured, after: Measured, ids: Sequence[str]) -> PairedRates:
    """Accuracy in the worst case without and with the defence: correct as they are, and broken by nothing."""
    return paired_rates([(stands(before, one), stands(after, one)) for one in ids])


def stands(measured: Measured, image_id: str) -> bool:
    """Whether an image is classified correctly whatever was done to it."""
    return image_id not in measured.wrong and image_id not in measured.broken


def share(hits: frozenset[str], ids: Sequence[str], wrong: frozenset[str]) -> Rate:
    """Of the images that are classified correctly as they are: those that are hit."""
    correct = [one for one in ids if one not in wrong]
    return wilson(sum(one in hits for one in correct), len(correct))


def clean_accuracy(results: Results, one: Measured) -> Rate:
    """Of all images of the subset."""
    return wilson(sum(name not in one.wrong for name in results.all_ids), len(results.all_ids))


def worst_case_accuracy(results: Results, one: Measured) -> Rate:
    """Of the chosen images."""
    return wilson(sum(stands(one, name) for name in results.ids), len(results.ids))
