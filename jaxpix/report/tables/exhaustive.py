"""The truth behind the searches: how many images have anything to find, and how much."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

import numpy as np

from ...metrics.exhaustive import vulnerable
from ..runs.sweeps import coverage_of_series, sweeps_of
from ..table import DASH, Table, number_text, percent_text

if TYPE_CHECKING:
    from ...records.record import Record
    from ..runs.series import Series

_MOST_LABELS = 2


def exhaustive_table(series: Series) -> Table | None:
    """Images with any adversarial candidate, and how many positions have one; None: another search."""
    if series.first.exhaustive_flips is None:
        return None
    swept = {one.record.image_id: one.maps for one in sweeps_of(series)}
    changes, shares = {}, {}
    for image_id, maps in swept.items():
        enough = maps.smallest_change[maps.smallest_change > 0]
        if enough.size:
            changes[image_id] = int(enough.min())
        shares[image_id] = maps.num_positions / len(maps.positions)

    def median_of(values: dict[str, float] | dict[str, int], records: list[Record]) -> float | None:
        here = [values[record.image_id] for record in records if record.image_id in values]
        return statistics.median(here) if here else None

    def mean_share(records: list[Record]) -> float | None:
        here = [shares[record.image_id] for record in records if record.image_id in shares]
        return statistics.fmean(here) if here else None

    def outcomes(records: list[Record]) -> str:
        """Which labels the adversarial candidates lead to, the commonest first."""
        here = [swept[record.image_id].reached for record in records if record.image_id in swept]
        totals = np.sum(here, 0).tolist() if here else [0] * len(series.first.class_names)
        ranked = sorted(zip(totals, series.first.class_names, strict=True), reverse=True)
        return ", ".join(f"{name} {count:,}" for count, name in ranked[:_MOST_LABELS] if count) or DASH

    rows = []
    groups = [(row.name, cell.records) for row, _, cell in series.filled()]
    groups += [("all", series.records(1))] if len(groups) > 1 else []
    for name, records in groups:
        found = vulnerable(records)
        if found is not None:
            rows.append(
                [
                    name,
                    found.rate.text(),
                    number_text(found.positions),
                    number_text(found.mean_positions, 1),
                    percent_text(mean_share(records), 2),
                    percent_text(found.pairs_share, 3),
                    outcomes(records),
                    number_text(median_of(changes, records)),
                ]
            )
    columns = [
        *("class", "any candidate is adversarial"),
        *("vulnerable positions, median", "their mean (ANVP)", "mean share of the positions tried"),
        *("adversarial among all candidates", "they lead to", "smallest change that is enough, median"),
    ]
    tried = next(iter(swept.values()), None)
    words = coverage_of_series(series).text
    notes = [
        f"{words[0].upper()}{words[1:]}.",
        "A position is vulnerable if any of the values tried there is adversarial. Smallest change: the least change "
        "of intensity, 1 to 255, of any pixel, of the images that have an adversarial candidate.",
    ]
    if tried is not None:
        notes.append(f"Tried: {len(tried.positions):,} positions with {len(tried.values):,} values each.")
    title = f"What there is to find: {series.title}"
    return Table(f"02-exhaustive-{series.key}", title, "", columns, rows, notes)
