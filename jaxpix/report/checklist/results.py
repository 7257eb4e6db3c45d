"""What the records say to a checklist's items on results: size, rates, danger, confusion, controls, failures."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from ...labels import aim_text, label_text
from ...metrics.exhaustive import vulnerable
from ...metrics.failures import confidence_fall
from ...metrics.limits import smallest_detectable
from ...metrics.rates import null_control_failures, success_rate, wilson
from ...metrics.transformations import dangerous_rate, transformation_counts
from ..runs.sweeps import coverage_of_series
from ..table import pixels_text

if TYPE_CHECKING:
    from ...records.record import Record
    from ..runs.cells import Aim
    from ..runs.series import Series

_MOST_LINES = 20


def _groups(series: Series, aims: Sequence[Aim] | None = None) -> Iterator[tuple[str, list[Record]]]:
    """Experiments of each number of pixels and target of these aims (None: all), with what they are called."""
    for num_pixels in series.num_pixels:
        for target, group in series.by_target(aims).items():
            records = series.records(num_pixels, group)
            if records:
                yield f"{pixels_text(num_pixels)}, {aim_text(target)}", records


def _sample_size(series: Series) -> list[str]:
    lines = []
    for name, records in _groups(series):
        least = smallest_detectable(len(records))
        assert least is not None, "groups have records"
        lines.append(
            f"{name}: {len(records):,} images. A true rate of {100 * least:.2g} % or more shows at least one success "
            "with a probability of 95 %; a smaller one may go unseen."
        )
    return lines


def _rates(series: Series) -> list[str]:
    lines = [f"{name}: success {success_rate(records).text()}." for name, records in _groups(series)]
    attacked = sum(1 for cells in series.cells.values() for cell in cells.values() if cell.records)
    return [
        *lines,
        f"Wilson 95 % intervals. {attacked:,} rates of classes stand in the tables, each with its own interval: none "
        "is corrected for their number, and of twenty such intervals one misses its rate on average.",
    ]


def _dangerous(series: Series) -> list[str]:
    return [
        f"{name}: disease called normal {dangerous_rate(records).text()}."
        for name, records in _groups(series, series.dangerous_aims())
    ]


def _confusion(series: Series) -> list[str]:
    """Before, every attacked image has its own label: only such images are attacked."""
    lines = ["Before: every attacked image was called by its own label; others are not attacked."]
    for name, records in _groups(series):
        for before, afters in transformation_counts(records).items():
            total = sum(tuple(record.label_before) == before for record in records)
            kept = total - sum(afters.values())
            ranked = sorted(afters.items(), key=lambda item: (-item[1], item[0]))
            became = [f"{count:,} {label_text(after)}" for after, count in ranked[:_MOST_LINES]]
            lines.append(
                f"After, {name}, {label_text(before)} ({total:,}): {', '.join([*became, f'{kept:,} not changed'])}."
            )
    if len(lines) > _MOST_LINES:
        return [*lines[:_MOST_LINES], f"And {len(lines) - _MOST_LINES:,} labels more, in the tables."]
    return lines


def _null_control(series: Series) -> list[str]:
    changed = "untouched images whose label changed by saving and reading alone"
    return [
        f"{name}: {changed}: {wilson(null_control_failures(records), len(records)).text()}."
        for name, records in _groups(series)
    ]


def _exhaustive(series: Series) -> list[str]:
    lines = []
    for num_pixels in series.num_pixels:
        found = vulnerable(series.records(num_pixels))
        if found is not None:
            lines.append(
                f"{pixels_text(num_pixels)}: any candidate is adversarial for {found.rate.text()} of the images; "
                f"{found.mean_positions:.1f} vulnerable positions on average, {100 * found.pairs_share:.3f} % of all "
                "candidates."
            )
    return [*lines, coverage_of_series(series).sentence] if lines else []


def _failures(series: Series) -> list[str]:
    lines = []
    for name, records in _groups(series):
        fall = confidence_fall(records)
        if fall is not None:
            lines.append(
                f"{name}: {fall.failures:,} images were not changed; the confidence in their label fell from "
                f"{100 * fall.mean_before:.1f} % to {100 * fall.mean_after:.1f} % on average, by at most "
                f"{100 * fall.largest_fall:.1f} points."
            )
    if series.first.exhaustive_flips is None:
        none = "No success found means that this search found none with its queries"
    else:
        none = "No success found means that none of the candidates tried is one"
    return [
        *lines,
        f"{none}, not that the classifier is robust.",
        *series.caveats,
    ]


RESULTS: Mapping[str, Callable[[Series], list[str]]] = {
    "sample_size": _sample_size,
    "rates": _rates,
    "dangerous": _dangerous,
    "confusion": _confusion,
    "null_control": _null_control,
    "exhaustive": _exhaustive,
    "failures": _failures,
}
"""Key of an item to what answers it: lines for people; none where the records know nothing."""
