"""What was measured of a variant, and what comes of it: what `defences.json` holds and a report reads."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, cast

from ..metrics.paired_rates import PairedRates, paired_rates
from ..metrics.rates import Rate, wilson

if TYPE_CHECKING:
    from ..records.record import Record
    from ..report.runs.defences import Defended, Measurement, PlainLine
    from .options import ChosenImages, DefendOptions
    from .variants import Variant

SCHEMA_VERSION = 1

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
        images: the chosen ones, which were attacked; all of their subset count as clean ones.
        families: of each victim: itself, then behind each defence.
        lines: checks of each variant, by its folder.
    """

    options: DefendOptions
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
        return self.images.whole.image_ids(self.options.subset).tolist()


def document_of(results: Results) -> Measurement:
    """All numbers, JSON-able; every variant beside the undefended victim that it is compared with."""
    return {
        "schema_version": SCHEMA_VERSION,
        "title": results.images.info.title,
        "dataset": results.images.name,
        "synthetic": results.images.synthetic,
        "note": results.images.note,
        "subset": results.options.subset,
        "num_clean_images": len(results.all_ids),
        "num_attacked_images": len(results.ids),
        "num_pixels": results.options.config.num_pixels,
        "check_images": results.options.check_images,
        "variants": [_row(results, family[0], one) for family in results.families for one in family],
    }


def _row(results: Results, before: Measured, one: Measured) -> Defended:
    ids, every = results.ids, results.all_ids
    correct = [name for name in ids if name not in one.wrong]

    def success(hits: frozenset[str]) -> dict[str, Any]:
        """Of the images that are classified correctly as they are: those that are hit."""
        return _plain(wilson(sum(name in hits for name in correct), len(correct)))

    changes: dict[str, Any] = {"clean_change": None, "worst_case_change": None, "transferred_success": None}
    if one.variant.is_defended:
        changes = {
            "clean_change": _change(before.wrong, one.wrong, every),
            "worst_case_change": _change(before.fallen, one.fallen, ids),
            "transferred_success": success(one.transferred),
        }
    row = {
        "victim": one.variant.of,
        "defence": one.variant.defence,
        "victim_id": one.variant.victim.victim_id,
        "defences": list(one.variant.victim.provenance.get("defences", ())),
        "folder": one.variant.folder,
        "clean_accuracy": _accuracy(one.wrong, every),
        "adaptive_success": {name: success(attack.broken) for name, attack in one.attacks.items()},
        "made_for": {of: success(hits) for of, hits in one.fooled.items()},
        "worst_case_accuracy": _accuracy(one.fallen, ids),
        **changes,
        "milliseconds_per_image": one.milliseconds,
        "checks": results.lines[one.variant.folder],
    }
    return cast("Defended", row)


def _accuracy(lost: frozenset[str], ids: Sequence[str]) -> dict[str, Any]:
    """Of all images: those that are not lost."""
    return _plain(wilson(sum(name not in lost for name in ids), len(ids)))


def _change(before: frozenset[str], after: frozenset[str], ids: Sequence[str]) -> dict[str, Any]:
    """The accuracy without and with the defence, of the same images."""
    return _plain(paired_rates([(name not in before, name not in after) for name in ids]))


def _plain(rate: Rate | PairedRates) -> dict[str, Any]:
    return _finite(dataclasses.asdict(rate))


def _finite(values: dict[str, Any]) -> dict[str, Any]:
    """A rate of nothing is null."""
    return {
        key: _finite(value)
        if isinstance(value, dict)
        else None
        if isinstance(value, float) and not math.isfinite(value)
        else value
        for key, value in values.items()
    }
