"""What came of a run as tables of text, and as plain values."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ..report.table import DASH, HOW_TO_READ_RATES, Table, p_text
from .measured import (
    Measured,
    Results,
    clean_accuracy,
    clean_change,
    share,
    standing_change,
    worst_case_accuracy,
)

if TYPE_CHECKING:
    from ..metrics.paired_rates import PairedRates
    from ..metrics.rates import Rate

SCHEMA_VERSION = 1
_PAIRED = (
    "Changes are those of the same images, in points, with Newcombe's 95 % interval for paired proportions and the "
    "exact two-sided McNemar test, not corrected for several comparisons."
)


def each(results: Results) -> Iterator[tuple[Measured, Measured]]:
    """Every variant beside the undefended victim that it is compared with."""
    for family in results.families:
        for one in family:
            yield family[0], one


def main_table(results: Results) -> Table:
    """One row for each victim and defence."""
    names, num_pixels = results.options.attacks, results.options.config.num_pixels
    rows = []
    for before, one in each(results):
        defended = one.variant.is_defended
        rows.append(
            [
                one.variant.of,
                one.variant.defence,
                clean_accuracy(results, one).text(),
                _change(clean_change(before, one, results.all_ids)) if defended else DASH,
                share(one.transferred, results.ids, one.wrong).text() if defended else DASH,
                *(share(one.attacks[name].broken, results.ids, one.wrong).text() for name in names),
                worst_case_accuracy(results, one).text(),
                _change(standing_change(before, one, results.ids)) if defended else DASH,
                f"{one.milliseconds:.2f}",
            ]
        )
    columns = [
        "victim",
        "defence",
        "clean accuracy",
        "change",
        "transferred success",
        *(f"adaptive success, {name}" for name in names),
        "worst-case accuracy",
        "change",
        "ms per image",
    ]
    return Table(
        "defences",
        f"Defences, K = {num_pixels}: {results.dataset.info.title}",
        "",
        columns,
        rows,
        _notes(results),
    )


def _notes(results: Results) -> list[str]:
    return [
        HOW_TO_READ_RATES,
        _PAIRED,
        f"Clean accuracy: all {len(results.all_ids):,} images of the subset. Attacked were {len(results.ids):,} "
        "of them, chosen before any victim saw them; success is of those that the defended victim classifies "
        "correctly as they are.",
        "Transferred: images made for the same victim without defence, those of failed attacks too, shown to the "
        "defended one. Adaptive: the attack goes through the defence. Worst case: classified correctly as it is, "
        "and broken by none of all these images.",
        "Every verdict is that of the saved 8-bit image; JPEG is Pillow's there. ms per image: a batch of 64, "
        "this machine, best of three.",
        *(["Synthetic images, drawn by jaxpix; no patient."] if results.dataset.synthetic else []),
        *([results.dataset.note] if results.dataset.note else []),
    ]


def _change(rates: PairedRates) -> str:
    span = f"({100 * rates.low:.1f} to {100 * rates.high:.1f})"
    text = f"{100 * rates.difference:+.1f} {span}, p {p_text(rates.p_value)}"
    # A minus is none that a spreadsheet could take for the beginning of a formula.
    return text.replace("-", "−")


def checks_table(results: Results) -> Table:
    """One row for each variant and check."""
    rows = [
        [one.variant.of, one.variant.defence, line.name, line.verdict, line.says]
        for _, one in each(results)
        for line in results.lines[one.variant.folder]
    ]
    notes = [
        "A check that fails speaks against the attack, not for the defence: its rates are then a lower bound.",
        f"Checks that attack once more do so with {results.options.check_images} of the images at most.",
    ]
    columns = ["victim", "defence", "check", "verdict", "numbers"]
    return Table("checks", "Checks of the evaluation itself", "", columns, rows, notes)


def matrix_table(results: Results) -> Table | None:
    """What was made for one victim, shown to every variant; None where there is one victim."""
    makers = [family[0].variant.of for family in results.families]
    if len(makers) < 2:
        return None
    rows = [
        [
            one.variant.of,
            one.variant.defence,
            *(share(one.fooled[of] - one.wrong, results.ids, one.wrong).text() for of in makers),
        ]
        for _, one in each(results)
    ]
    columns = ["shown to", "defence", *(f"made for {of}" for of in makers)]
    notes = [
        HOW_TO_READ_RATES,
        "Of the images that the victim which is shown them classifies correctly as they are.",
    ]
    return Table("transfer", "Transfer between victims", "", columns, rows, notes)


def plain(results: Results) -> dict[str, Any]:
    """All numbers, JSON-able."""
    return {
        "schema_version": SCHEMA_VERSION,
        "dataset": results.dataset.name,
        "synthetic": results.dataset.synthetic,
        "note": results.dataset.note,
        "subset": results.options.subset,
        "num_clean_images": len(results.all_ids),
        "num_attacked_images": len(results.ids),
        "num_pixels": results.options.config.num_pixels,
        "variants": [_plain_row(results, before, one) for before, one in each(results)],
    }


def _plain_row(results: Results, before: Measured, one: Measured) -> dict[str, Any]:
    ids, every = results.ids, results.all_ids
    changes: dict[str, Any] = {"clean_change": None, "worst_case_change": None, "transferred_success": None}
    if one.variant.is_defended:
        changes = {
            "clean_change": _finite(dataclasses.asdict(clean_change(before, one, every))),
            "worst_case_change": _finite(dataclasses.asdict(standing_change(before, one, ids))),
            "transferred_success": _rate(share(one.transferred, ids, one.wrong)),
        }
    return {
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


def _rate(rate: Rate) -> dict[str, Any]:
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
