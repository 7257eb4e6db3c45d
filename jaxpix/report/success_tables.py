"""How often attacks succeed (Tables 6, 10 to 12, 14, 15), how surely, at what cost, and with how many pixels."""

import itertools
import statistics
from collections.abc import Iterator, Sequence

from ..metrics.paired import compare
from ..metrics.queries import mean_queries_to_first_hit, median_queries_to_first_hit
from ..metrics.rates import average_confidence, success_rate
from ..records.record import Record
from .caveats import with_notes
from .cells import Aim
from .printed import PrintedRate
from .rows import Row, filled_cells, rows_of
from .series import Series
from .tables import DASH, Table, measured_and_paper, number_text, percent_text, pixels_text


def success_table(series: Series) -> Table:
    """Success per class and K, with AvgCL below it where the paper prints one."""
    printed = {key: rate for key in _keys(series) if (rate := series.printed.success.get(key)) is not None}
    with_confidence = any(rate.average_confidence is not None for rate in printed.values())
    pixels = series.num_pixels
    rows = []
    for row in rows_of(series):
        success, confidence = [row.name], [row.name]
        if with_confidence:
            success.append("success")
            confidence.append("AvgCL")
        for count in pixels:
            success += _success_cells(series, row, count, printed)
            confidence += _confidence_cells(series, row, count, printed)
        rows += [success, confidence] if with_confidence else [success]
    columns = ["class", "figure"] if with_confidence else ["class"]
    columns += measured_and_paper([pixels_text(count) for count in pixels], bool(printed))
    source = next((rate.table for rate in printed.values()), _layout(series))
    return with_notes(
        [series], f"01-success-{series.key}", f"Success of the attack: {series.title}", source, columns, rows
    )


def _layout(series: Series) -> str:
    """The paper's table of this kind of attack, where it printed none of this data set."""
    if series.is_multilabel:
        return "Table 15"
    if any(aim.target is not None for aim in series.cells):
        return "Table 11"
    return "Table 10" if len(series.num_pixels) > 1 else "Table 6"


def _keys(series: Series) -> Iterator[tuple[tuple[str, ...], tuple[str, ...] | None, int]]:
    return ((aim.before, aim.target, count) for aim, cells in series.cells.items() for count in cells)


_Printed = dict[tuple[tuple[str, ...], tuple[str, ...] | None, int], PrintedRate]


def _success_cells(series: Series, row: Row, num_pixels: int, printed: _Printed) -> list[str]:
    cell = series.cell(row.aims, num_pixels)
    measured = success_rate(cell.records).text(cell.asked) if cell else DASH
    if not printed:
        return [measured]
    rate = _printed_rate(row, num_pixels, printed)
    return [measured, percent_text(rate.rate if rate else None)]


def _confidence_cells(series: Series, row: Row, num_pixels: int, printed: _Printed) -> list[str]:
    measured = _confidence_text(series.records(row.aims, num_pixels))
    if not printed:
        return [measured]
    rate = _printed_rate(row, num_pixels, printed)
    return [measured, number_text(rate.average_confidence if rate else None, 3)]


def _printed_rate(row: Row, num_pixels: int, printed: _Printed) -> PrintedRate | None:
    """What the paper printed of the one aim of a row; of several together it printed nothing."""
    aim = row.aims[0]
    return printed.get((aim.before, aim.target, num_pixels)) if len(row.aims) == 1 else None


def _confidence_text(records: Sequence[Record]) -> str:
    value = average_confidence(records)
    return DASH if value is None else f"{value:.3f}, n = {sum(record.success for record in records):,}"


def confidence_table(series: Series) -> Table | None:
    """AvgCL (8) where the success table has none; None for label sets and without any success."""
    pixels = series.num_pixels
    has_paper = any(
        rate.average_confidence is not None
        for key in _keys(series)
        if (rate := series.printed.success.get(key)) is not None
    )
    rows = [
        [row.name, *(_confidence_text(series.records(row.aims, count)) for count in pixels)]
        for row in rows_of(series)
    ]
    if has_paper or all(cell == DASH for row in rows for cell in row[1:]):
        return None
    return with_notes(
        [series],
        f"12-confidence-{series.key}",
        f"Average confidence of the resulting class (AvgCL): {series.title}",
        "",
        ["class", *map(pixels_text, pixels)],
        rows,
        "Mean confidence of the class that the successes reached; n is their number.",
    )


def queries_table(series: Series) -> Table | None:
    """Candidates up to the first hit, and the cost of an experiment; None without any success."""
    rows = []
    for row, count, cell in filled_cells(series):
        records = cell.records
        hits = [record for record in records if record.success]
        rows.append(
            [
                row.name,
                str(count),
                f"{len(hits):,} of {len(records):,}",
                number_text(mean_queries_to_first_hit(records)),
                number_text(median_queries_to_first_hit(records)),
                number_text(statistics.fmean(record.queries for record in records)),
                number_text(statistics.fmean(record.seconds for record in records), 1),
            ]
        )
    if not any(record.success for _, _, cell in filled_cells(series) for record in cell.records):
        return None
    columns = [
        "class",
        "pixels",
        "successes",
        "mean queries to the first hit",
        "median queries to the first hit",
        "mean queries of an experiment",
        "mean seconds of an experiment",
    ]
    return with_notes(
        [series],
        f"11-queries-{series.key}",
        f"Queries: {series.title}",
        "",
        columns,
        rows,
        "A query is one candidate image shown to the victim. The first hit counts over successes only; "
        "an experiment goes on after it until its stopping rule holds.",
        "Seconds are wall time beside the other experiments that ran at the same time.",
    )


def paired_table(series: Series) -> Table | None:
    """Pairs of K on the same images (McNemar); None where no image was attacked with two values of K."""
    rows = []
    for first, second in itertools.combinations(series.num_pixels, 2):
        for group in _groups(series):
            outcome = compare(series.records(group.aims, first), series.records(group.aims, second))
            if outcome.pairs:
                counts = (outcome.both, outcome.only_first, outcome.only_second, outcome.neither)
                values = [number_text(count) for count in (outcome.pairs, *counts)]
                rows.append([group.name, f"{first} and {second}", *values, p_text(outcome.p_value)])
    if not rows:
        return None
    columns = ["class", "pixels", "images", "both", "only the fewer", "only the more", "neither", "p"]
    return with_notes(
        [series],
        f"10-paired-{series.key}",
        f"Does another number of pixels succeed more often on the same images: {series.title}",
        "",
        columns,
        rows,
        "Images on which the attack succeeded with both numbers of pixels, only with the fewer, only with the "
        "more, or with neither. p: exact two-sided McNemar test, not corrected for several comparisons.",
    )


def _groups(series: Series) -> list[Row]:
    """Every row that has experiments, and all of one target together where it has several."""
    attacked = list(dict.fromkeys(row for row, _, _ in filled_cells(series)))
    groups = [*attacked]
    for target in dict.fromkeys(row.aims[0].target for row in attacked):
        aims = tuple(aim for row in attacked for aim in row.aims if aim.target == target)
        if len(aims) > 1:
            groups.append(Row(series.aim_name(Aim(("all",), target)), aims))
    return groups


def p_text(p_value: float) -> str:
    """A p-value with two significant digits, tiny ones as a bound."""
    return "< 0.0001" if p_value < 0.0001 else f"{p_value:.2g}"
