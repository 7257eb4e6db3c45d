"""How often attacks succeed (Tables 6, 10 to 12, 14, 15), how surely, at what cost, and with how many pixels."""

import itertools

from ...metrics.paired import compare
from ..runs.series import Series
from ..table import DASH, Table, measured_and_paper, number_text, p_text, percent_text, pixels_text


def success_table(series: Series) -> Table:
    """Success per class and K, with AvgCL below it where the paper prints one."""
    printed = [cell.printed for cells in series.cells.values() for cell in cells.values() if cell.printed]
    with_confidence, with_paper = any(one.average_confidence is not None for one in printed), bool(printed)
    rows = []
    for row in series.rows():
        success, confidence = [row.name], [row.name]
        if with_confidence:
            success.append("success")
            confidence.append("AvgCL")
        for count in series.num_pixels:
            cell = row.cells.get(count)
            success.append(cell.success.text(cell.asked) if cell else DASH)
            confidence.append(cell.confidence_text if cell else DASH)
            if with_paper:
                theirs = cell.printed if cell else None
                success.append(percent_text(theirs.rate if theirs else None))
                confidence.append(number_text(theirs.average_confidence if theirs else None, 3))
        rows += [success, confidence] if with_confidence else [success]
    columns = ["class", "figure"] if with_confidence else ["class"]
    columns += measured_and_paper([pixels_text(count) for count in series.num_pixels], with_paper)
    source = printed[0].table if printed else _layout(series)
    return Table(f"01-success-{series.key}", f"Success of the attack: {series.title}", source, columns, rows)


def _layout(series: Series) -> str:
    """The paper's table of this kind of attack, where it printed none of this data set."""
    if series.is_multilabel:
        return "Table 15"
    if any(aim.target is not None for aim in series.cells):
        return "Table 11"
    return "Table 10" if len(series.num_pixels) > 1 else "Table 6"


def confidence_table(series: Series) -> Table | None:
    """AvgCL (8) where the success table has none; None for label sets and without any success."""
    printed = [cell.printed for cells in series.cells.values() for cell in cells.values() if cell.printed]
    has_paper = any(one.average_confidence is not None for one in printed)
    rows = []
    for row in series.rows():
        cells = [row.cells.get(count) for count in series.num_pixels]
        rows.append([row.name, *(cell.confidence_text if cell else DASH for cell in cells)])
    if has_paper or all(cell == DASH for row in rows for cell in row[1:]):
        return None
    return Table(
        f"12-confidence-{series.key}",
        f"Average confidence of the resulting class (AvgCL): {series.title}",
        "",
        ["class", *map(pixels_text, series.num_pixels)],
        rows,
        ["Mean confidence of the class that the successes reached; n is their number."],
    )


def queries_table(series: Series) -> Table | None:
    """Candidates up to the first hit, and the cost of an experiment; None without any success."""
    rows = [
        [
            row.name,
            str(count),
            f"{cell.success.successes:,} of {len(cell.records):,}",
            number_text(cell.mean_to_hit),
            number_text(cell.median_to_hit),
            number_text(cell.mean_queries),
            number_text(cell.mean_seconds, 1),
        ]
        for row, count, cell in series.filled()
    ]
    if not any(cell.success.successes for _, _, cell in series.filled()):
        return None
    means = ["mean queries of an experiment", "mean seconds of an experiment"]
    hits = ["mean queries to the first hit", "median queries to the first hit"]
    return Table(
        f"11-queries-{series.key}",
        f"Queries: {series.title}",
        "",
        ["class", "pixels", "successes", *hits, *means],
        rows,
        [
            "A query is one candidate image shown to the victim. The first hit counts over successes only; "
            "an experiment goes on after it until its stopping rule holds.",
            "Seconds are wall time beside the other experiments that ran at the same time.",
        ],
    )


def paired_table(series: Series) -> Table | None:
    """Pairs of K on the same images (McNemar); None where no image was attacked with two values of K."""
    attacked = [row for row in series.rows() if any(cell.records for cell in row.cells.values())]
    groups = attacked + series.together("all", [aim for row in attacked for aim in row.aims])
    rows = []
    for first, second in itertools.combinations(series.num_pixels, 2):
        for group in groups:
            outcome = compare(series.records(first, group.aims), series.records(second, group.aims))
            if outcome.pairs:
                counts = (outcome.both, outcome.only_first, outcome.only_second, outcome.neither)
                values = [number_text(count) for count in (outcome.pairs, *counts)]
                rows.append([group.name, f"{first} and {second}", *values, p_text(outcome.p_value)])
    if not rows:
        return None
    columns = ["class", "pixels", "images", "both", "only the fewer", "only the more", "neither", "p"]
    return Table(
        f"10-paired-{series.key}",
        f"Does another number of pixels succeed more often on the same images: {series.title}",
        "",
        columns,
        rows,
        [
            "Images on which the attack succeeded with both numbers of pixels, only with the fewer, only with the "
            "more, or with neither. p: exact two-sided McNemar test, not corrected for several comparisons."
        ],
    )
