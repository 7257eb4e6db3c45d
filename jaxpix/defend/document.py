"""What came of a run, as plain values: what `defences.json` holds and a report reads."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Any, cast

from .measured import (
    clean_accuracy,
    clean_change,
    share,
    standing_change,
    worst_case_accuracy,
)

if TYPE_CHECKING:
    from ..metrics.rates import Rate
    from ..report.runs.defences import Defended, Measurement, PlainRate
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
    changes: dict[str, Any] = {"clean_change": None, "worst_case_change": None, "transferred_success": None}
    if one.variant.is_defended:
        changes = {
            "clean_change": _finite(dataclasses.asdict(clean_change(before, one, every))),
            "worst_case_change": _finite(dataclasses.asdict(standing_change(before, one, ids))),
            "transferred_success": _rate(share(one.transferred, ids, one.wrong)),
        }
    row = {
        "victim": one.variant.of,
        "defence": one.variant.defence,
        "victim_id": one.variant.victim.victim_id,
        "defences": list(one.variant.victim.provenance.get("defences", ())),
        "folder": one.variant.folder,
        "clean_accuracy": _rate(clean_accuracy(results, one)),
        "adaptive_success": {
            name: _rate(share(attack.broken, ids, one.wrong)) for name, attack in one.attacks.items()
        },
        "made_for": {of: _rate(share(hits - one.wrong, ids, one.wrong)) for of, hits in one.fooled.items()},
        "worst_case_accuracy": _rate(worst_case_accuracy(results, one)),
        **changes,
        "milliseconds_per_image": one.milliseconds,
        "checks": [dataclasses.asdict(line) for line in results.lines[one.variant.folder]],
    }
    return cast("Defended", row)


def _rate(rate: Rate) -> PlainRate:
    return cast("PlainRate", _finite(dataclasses.asdict(rate)))


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
