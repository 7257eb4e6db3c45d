"""Defences as a part of a page: the verdict, the figure of clean accuracy against worst case, a row for each."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ...metrics.rates import Rate
from ...pictures.plots import Tradeoff, draw_tradeoffs
from ..runs.defences import (
    attacks_of,
    caution_of,
    checked_text,
    doubts_of,
    rate_of,
    title_of,
    verdicts_of,
    victims_of,
)
from ..table import Chart
from ..tables.defences import change_text, measurement_key

if TYPE_CHECKING:
    from ..runs.defences import Defended, Measurement
    from ..table import Table


class Row(NamedTuple):
    """One victim behind one defence; changes are text, and "" where there is none."""

    victim: str
    defence: str
    clean: Rate
    clean_change: str
    worst: Rate
    worst_change: str
    transferred: Rate | None
    adaptive: Sequence[Rate | None]
    milliseconds: str
    checks: str


@dataclasses.dataclass(frozen=True)
class DefendedPart:
    """What a page shows of one measurement, its tables among it."""

    measurement: Measurement
    tables: Sequence[Table]
    chart: Chart

    @property
    def title(self) -> str:
        """Of the measurement."""
        return title_of(self.measurement)

    @property
    def verdicts(self) -> list[str]:
        """A sentence for each victim."""
        return verdicts_of(self.measurement)

    @property
    def doubts(self) -> list[str]:
        """Checks that failed."""
        return doubts_of(self.measurement)

    @property
    def attacks(self) -> list[str]:
        """Names of the attacks."""
        return attacks_of(self.measurement)

    @property
    def has_victims(self) -> bool:
        """There are several."""
        return len(victims_of(self.measurement)) > 1

    @property
    def summary(self) -> str:
        """In a line: of each victim the worst case without any defence, and the best of the others."""
        said = []
        for victim in victims_of(self.measurement):
            none, *others = (row for row in self.measurement["variants"] if row["victim"] == victim)
            worst = _worst(none).rate
            text = f"{victim} " * self.has_victims + f"{100 * worst:.1f} % without a defence"
            best = max(others, key=lambda row: _worst(row).rate, default=None)
            if best is not None:
                left = _worst(best).rate
                more = f"{100 * left:.1f} % with {best['defence']}"
                text += f", {more}" if left > worst else ", no more with any"
            said.append(text)
        return f"worst-case accuracy {'; '.join(said)}"

    @property
    def rows(self) -> list[Row]:
        """A row for each victim and defence."""
        return [
            Row(
                row["victim"],
                row["defence"],
                rate_of(row["clean_accuracy"]),
                change_text(row["clean_change"]) if row["clean_change"] else "",
                rate_of(row["worst_case_accuracy"]),
                change_text(row["worst_case_change"]) if row["worst_case_change"] else "",
                rate_of(row["transferred_success"]) if row["transferred_success"] else None,
                [rate_of(one) if one else None for one in map(row["adaptive_success"].get, self.attacks)],
                f"{row['milliseconds_per_image']:.2f}",
                checked_text(row),
            )
            for row in self.measurement["variants"]
        ]


def defended_parts(
    measurements: Sequence[Measurement], tables: Sequence[Table], folder: Path
) -> list[DefendedPart]:
    """What the page shows of each; draws `folder`/defences.png and the like."""
    parts = []
    for number, measurement in enumerate(measurements, 1):
        key = measurement_key(number)
        own = [table for table in tables if table.key in (key, f"{key}-checks", f"{key}-transfer")]
        path = folder / f"{key.partition('-')[2]}.png"
        parts.append(DefendedPart(measurement, own, tradeoff_chart(measurement, path)))
    return parts


def tradeoff_chart(measurement: Measurement, path: Path) -> Chart:
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


def _worst(row: Defended) -> Rate:
    return rate_of(row["worst_case_accuracy"])
