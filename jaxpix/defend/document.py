"""What came of a run, as plain values: what `defences.json` holds and a report reads."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Any, cast

from ..metrics.paired_rates import PairedRates, paired_rates
from ..metrics.rates import Rate, wilson

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..report.runs.defences import Defended, Measurement
    from .measured import Measured, Results

SCHEMA_VERSION = 1


def document_of(results: Results) -> Measurement:
    """All numbers, JSON-able; every variant beside the undefended victim that it is compared with."""
    return {
        "schema_version": SCHEMA_VERSION,
        "title": results.dataset.info.title,
        "dataset": results.dataset.name,
        "synthetic": results.dataset.synthetic,
        "note": results.dataset.note,
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
