"""Defences as a part of a page: the verdict, the figure of clean accuracy against worst case, a row for each."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ...pictures.plots import Tradeoff, draw_tradeoffs
from ..runs.defences import (
    attacks_of,
    caution_of,
    checked_text,
    doubts_of,
    rate_of,
    standings_of,
    title_of,
    verdicts_of,
    victims_of,
)
from ..table import Chart
from ..tables.defences import change_text, measurement_key

if TYPE_CHECKING:
    from ...metrics.rates import Rate
    from ..runs.defences import Measurement
    from ..table import Table


@dataclasses.dataclass(frozen=True)
class DefendedPart:
    """What a page shows of one measurement.

    Attributes:
        measurement: with its rates and changes.
        tables: of it, among those of the page.
        chart: clean accuracy against worst case.
        title: of the measurement.
        verdicts: a sentence for each victim.
        doubts: checks that failed.
        attacks: their names.
        has_victims: there are several.
    """

    measurement: Measurement
    tables: Sequence[Table]
    chart: Chart
    title: str
    verdicts: Sequence[str]
    doubts: Sequence[str]
    attacks: Sequence[str]
    has_victims: bool

    change_text = staticmethod(change_text)
    checked_text = staticmethod(checked_text)

    @property
    def summary(self) -> str:
        """In a line: of each victim the worst case without any defence, and the best of the others."""
        said = []
        for victim, none, best in standings_of(self.measurement):
            text = f"{victim} " * self.has_victims + f"{100 * none.rate:.1f} % without a defence"
            if best is not None:
                name, left = best
                text += (
                    f", {100 * left.rate:.1f} % with {name}"
                    if left.rate > none.rate
                    else ", no more with any"
                )
            said.append(text)
        return f"worst-case accuracy {'; '.join(said)}"


def defended_parts(
    measurements: Sequence[Measurement], tables: Sequence[Table], folder: Path
) -> list[DefendedPart]:
    """What the page shows of each; draws `folder`/defences.png and the like."""
    parts = []
    for number, measurement in enumerate(measurements, 1):
        key = measurement_key(number)
        own = [table for table in tables if table.key in (key, f"{key}-checks", f"{key}-transfer")]
        parts.append(defended_part(measurement, own, folder / f"{key.partition('-')[2]}.png"))
    return parts


def defended_part(measurement: Measurement, tables: Sequence[Table], path: Path) -> DefendedPart:
    """What a page shows of a measurement and its tables; draws its figure."""
    return DefendedPart(
        measurement,
        tables,
        _tradeoff_chart(measurement, path),
        title_of(measurement),
        verdicts_of(measurement),
        doubts_of(measurement),
        attacks_of(measurement),
        len(victims_of(measurement)) > 1,
    )


def _tradeoff_chart(measurement: Measurement, path: Path) -> Chart:
    """Clean accuracy against worst-case accuracy, a point for each victim and defence."""
    title = "Clean accuracy against worst-case accuracy; right and up is better"
    caption = (
        "Clean accuracy of all images of the subset, worst-case accuracy of those that were attacked; bars are "
        f"Wilson 95 % intervals. {caution_of(measurement)}"
    )
    points, words = [], []
    for row in measurement["variants"]:
        clean, worst = rate_of(row["clean_accuracy"]), rate_of(row["worst_case_accuracy"])
        points.append(Tradeoff(row["defence"], row["victim"], _spans(clean), _spans(worst)))
        words.append(
            f"{row['victim']}, {row['defence']}: {clean.text()} clean, {worst.text()} in the worst case"
        )
    names = "clean accuracy", "worst-case accuracy"
    drawing = draw_tradeoffs(path, title_of(measurement), names, points, caption.strip())
    return Chart(path, "Clean accuracy against worst case", title, "; ".join(words), "", drawing)


def _spans(rate: Rate) -> tuple[float, float, float]:
    return rate.rate, rate.low, rate.high
