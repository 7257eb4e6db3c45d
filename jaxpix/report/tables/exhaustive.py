"""The truth behind the searches: how many images have anything to find, and how much."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from ...metrics.exhaustive import vulnerable
from ...search.exhaustive.coverage import sets_text
from ..runs.sweeps import coverage_of_series, sweeps_of
from ..table import DASH, Table, number_text, percent_text

if TYPE_CHECKING:
    from ...records.maps import SweepMaps
    from ...records.record import Record
    from ..runs.series import Series

_MOST_LABELS = 2
_COLUMNS = [
    "class",
    "any candidate is adversarial",
    "vulnerable positions, median",
    "their mean (ANVP)",
    "mean share of the positions tried",
    "adversarial among all candidates",
    "they lead to",
    "smallest change that is enough, median",
]


def exhaustive_table(series: Series) -> Table | None:
    """Images with any adversarial candidate, and how many positions have one; None: another search."""
    if series.first.exhaustive_flips is None:
        return None
    maps = {one.record.image_id: one.maps for one in sweeps_of(series)}
    groups = [(row.name, cell.records) for row, _, cell in series.filled()]
    groups += [("all", [record for _, records in groups for record in records])] if len(groups) > 1 else []
    rows = [_row(name, records, maps) for name, records in groups]
    together = ", alone or where it is needed in a set" * (series.num_pixels != [1])
    notes = [
        coverage_of_series(series).sentence,
        f"A position is vulnerable if any of the values tried there is adversarial{together}. Smallest change: the "
        "least change of intensity, 1 to 255, of any pixel, of the images that have an adversarial candidate.",
    ]
    for one in list(maps.values())[:1]:
        sets = f"; {sets_text(one)}" if len(one.together) else ""
        notes.append(f"Tried: {len(one.positions):,} positions with {len(one.values):,} values each{sets}.")
    at_least = ", at least" * any(one.is_bound for one in maps.values())
    title = f"What there is to find{at_least}: {series.title}"
    return Table(f"02-exhaustive-{series.key}", title, "", _COLUMNS, rows, notes)


def _row(name: str, records: Sequence[Record], maps: Mapping[str, SweepMaps]) -> list[str]:
    found = vulnerable(records)
    assert found is not None, "these are records of an exhaustive search"
    here = [maps[record.image_id] for record in records if record.image_id in maps]
    shares = [one.num_positions / len(one.positions) for one in here]
    changes = [one.smallest_change[one.smallest_change > 0] for one in here]
    return [
        name,
        found.rate.text(),
        number_text(found.positions),
        number_text(found.mean_positions, 1),
        percent_text(_of(statistics.fmean, shares), 2),
        percent_text(found.pairs_share, 3),
        _outcomes(here, records[0].class_names),
        number_text(_of(statistics.median, [int(one.min()) for one in changes if one.size])),
    ]


def _of(summary: Callable[[Sequence[float]], float], values: Sequence[float]) -> float | None:
    return summary(values) if values else None


def _outcomes(maps: Sequence[SweepMaps], class_names: Sequence[str]) -> str:
    """Which labels the adversarial candidates lead to, the commonest first."""
    totals = np.sum([one.reached for one in maps], 0).tolist() if maps else []
    ranked = sorted(zip(totals, class_names, strict=False), reverse=True)
    return ", ".join(f"{name} {count:,}" for count, name in ranked[:_MOST_LABELS] if count) or DASH
