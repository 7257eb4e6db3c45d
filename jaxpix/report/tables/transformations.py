"""What attacked images become: Tables 7, 8, 13 and 16."""

import dataclasses
from collections import Counter
from collections.abc import Mapping, Sequence

from ...labels import label_text
from ...metrics.transformations import Label, resulting_labels, transformation_counts, transformation_ratios
from ..runs.series import Series
from ..table import (
    DASH,
    MOST_ROWS,
    Table,
    beside_paper,
    measured_and_paper,
    number_text,
    others,
    percent_text,
    pixels_text,
)


def transformation_tables(series: Series) -> list[Table]:
    """Tables 7 and 16, one per K: successes by label before and after; none where they can say nothing."""
    tables = []
    for count in series.num_pixels:
        counts = _counts(series, count)
        if _says_something(series, counts):
            tables.append(_transformation_table(series, count, counts))
    return tables


def _counts(series: Series, num_pixels: int) -> dict[Label, dict[Label, int]]:
    return transformation_counts(series.records(num_pixels, series.free_aims()))


def _says_something(series: Series, counts: Mapping[Label, Mapping[Label, int]]) -> bool:
    """Of two classes each can only become the other, and what one normal class became is Table 13."""
    if not any(counts.values()):
        return False
    if series.is_multilabel:
        return True
    return len(series.first.class_names) > 2 and not (
        len(counts) == 1 and series.is_normal(next(iter(counts)))
    )


def _transformation_table(
    series: Series, num_pixels: int, counts: Mapping[Label, Mapping[Label, int]]
) -> Table:
    printed = series.printed.transformations.get(num_pixels, {})
    originals = _originals(series, counts)
    results = _grouped(_results(series, counts, {label: printed.get(label, {}) for label in counts}))
    totals = _totals(counts, originals, results)
    # The paper turns the table round for label sets, whose results are many.
    down, across = (results, originals) if series.is_multilabel else (originals, results)
    rows = []
    for one in down:
        pairs = [(other, one) if series.is_multilabel else (one, other) for other in across]
        measured = [_count_text(before, after, totals[before, after]) for before, after in pairs]
        if not printed:
            rows.append([one.name, *measured])
            continue
        paper = [_count_text(before, after, _printed(before, after, printed)) for before, after in pairs]
        rows += [[one.name, "measured", *measured], [one.name, "paper", *paper]]
    corner = "after the attack" if series.is_multilabel else "original"
    columns = [corner, *(["figures"] if printed else []), *(other.name for other in across)]
    source = series.printed.tables.get("transformations", "Table 16" if series.is_multilabel else "Table 7")
    rows_are = (
        "Rows: label sets after the attack; columns: original ones."
        if series.is_multilabel
        else ("Rows: original classes; columns: classes after the attack.")
    )
    return Table(
        f"04-transformation-{series.key}-{num_pixels}",
        f"Class transformation, {pixels_text(num_pixels)}: {series.title}",
        source,
        columns,
        rows,
        [
            f"Numbers of successes of untargeted attacks. {rows_are}",
            f"Experiments: {_experiments(series, num_pixels)}.",
        ],
    )


@dataclasses.dataclass(frozen=True, eq=False)
class _Group:
    """A row or column: one label, or several together."""

    name: str
    labels: tuple[Label, ...]


def _originals(series: Series, labels: Mapping[Label, object]) -> list[_Group]:
    rows = series.rows([aim for aim in series.free_aims() if aim.before in labels])
    groups = [(row.name, tuple(aim.before for aim in row.aims)) for row in rows]
    return [_Group(label_text(of[0]) if len(of) == 1 else name, of) for name, of in groups]


def _grouped(labels: Sequence[Label]) -> list[_Group]:
    """A group for each of the first labels, one for all that are too many."""
    further = tuple(labels[MOST_ROWS:])
    groups = [_Group(label_text(label), (label,)) for label in labels[:MOST_ROWS]]
    return [*groups, _Group(others(len(further)), further)] if further else groups


def _totals(
    counts: Mapping[Label, Mapping[Label, int]], originals: Sequence[_Group], results: Sequence[_Group]
) -> Counter[tuple[_Group, _Group]]:
    group_before = {label: group for group in originals for label in group.labels}
    group_after = {label: group for group in results for label in group.labels}
    totals: Counter[tuple[_Group, _Group]] = Counter()
    for before, afters in counts.items():
        for after, count in afters.items():
            totals[group_before[before], group_after[after]] += count
    return totals


def _printed(before: _Group, after: _Group, printed: Mapping[Label, Mapping[Label, int]]) -> int | None:
    """The paper's count of one label; of several together it printed none."""
    if len(before.labels) > 1 or len(after.labels) > 1:
        return None
    return printed.get(before.labels[0], {}).get(after.labels[0])


def _count_text(before: _Group, after: _Group, count: int | None) -> str:
    return DASH if before.labels == after.labels and len(before.labels) == 1 else number_text(count)


def _experiments(series: Series, num_pixels: int) -> str:
    """The denominators of a table of counts."""
    attacked = {aim.before: aim for aim in series.free_aims() if num_pixels in series.cells[aim]}
    return ", ".join(
        f"{group.name} {len(series.records(num_pixels, [attacked[label] for label in group.labels])):,}"
        for group in _originals(series, attacked)
    )


def _results(
    series: Series, counts: Mapping[Label, Mapping[Label, int]], printed: Mapping[Label, Mapping[Label, int]]
) -> list[Label]:
    """Labels after the attack: every class, or the label sets that occur, the commonest first."""
    if not series.is_multilabel:
        return [(name,) for name in series.first.class_names]
    # What was only printed counts nothing.
    totals = Counter({label: 0 for after in printed.values() for label in after})
    for after in counts.values():
        totals.update(after)
    return sorted(totals, key=lambda label: (-totals[label], label))


def ratio_table(series: Series) -> Table | None:
    """Table 8: mean share of each resulting label (6); None where it can say nothing."""
    by_pixels = {count: _counts(series, count) for count in series.num_pixels}
    # The mean over a single label is that label's own shares.
    if all(sum(map(bool, counts.values())) < 2 for counts in by_pixels.values()):
        return None
    if not any(_says_something(series, counts) for counts in by_pixels.values()):
        return None
    ratios = {count: transformation_ratios(counts) for count, counts in by_pixels.items()}
    printed = {count: series.printed.ratios.get(count, {}) for count in series.num_pixels}
    with_paper = any(printed.values())
    if series.is_multilabel:
        labels = sorted(
            {label for shares in ratios.values() for label in shares},
            key=lambda label: (-sum(shares.get(label, 0.0) for shares in ratios.values()), label),
        )
    else:
        labels = [(name,) for name in series.first.class_names]
    rows = []
    for group in _grouped(labels):
        row = [group.name]
        for count in series.num_pixels:
            share = sum(ratios[count].get(label, 0.0) for label in group.labels)
            theirs = printed[count].get(group.labels[0]) if len(group.labels) == 1 else None
            measured = percent_text(share if ratios[count] else None, 2)
            row += beside_paper(measured, percent_text(theirs, 2), with_paper)
        rows.append(row)
    pixels = [pixels_text(count) for count in series.num_pixels]
    return Table(
        f"05-ratio-{series.key}",
        f"Transformation ratio: {series.title}",
        series.printed.tables.get("ratios", "Table 8"),
        ["after the attack", *measured_and_paper(pixels, with_paper)],
        rows,
        [
            "Mean, over the original labels with any success, of the share of their successes that ended here "
            f"(6)-(7); successes: {_successes(by_pixels)}. A mean of shares has no Wilson interval."
        ],
    )


def _successes(by_pixels: Mapping[int, Mapping[Label, Mapping[Label, int]]]) -> str:
    return ", ".join(
        f"{sum(sum(after.values()) for after in counts.values()):,} with {pixels_text(count)}"
        for count, counts in by_pixels.items()
    )


def resulting_table(series: Series) -> Table | None:
    """Table 13: what normal images became, with AvgCL; None where it can say nothing, and for label sets."""
    if series.is_multilabel or len(series.first.class_names) < 3:
        return None
    rows: list[list[str]] = []
    printed = series.printed.resulting
    aims = [aim for aim in series.free_aims() if series.is_normal(aim.before)]
    with_paper = any(aim.before == before for aim in aims for before, _, _ in printed)
    for aim in aims:
        for count in sorted(series.cells[aim]):
            rows += _resulting_rows(series, aim.before, count, with_paper)
    if all(row[3] == DASH for row in rows):
        return None
    columns = ["original", "became", "pixels", *measured_and_paper(["share", "AvgCL"], with_paper)]
    return Table(
        f"06-resulting-{series.key}",
        f"What normal images became: {series.title}",
        series.printed.tables.get("resulting", "Table 13"),
        columns,
        rows,
        ["Shares of the successes of untargeted attacks on normal images."],
    )


def _resulting_rows(series: Series, before: Label, num_pixels: int, with_paper: bool) -> list[list[str]]:
    aim = next(aim for aim in series.free_aims() if aim.before == before)
    found = {one.label: one for one in resulting_labels(series.records(num_pixels, [aim]))}
    rows = []
    for name in series.first.class_names:
        one, paper = found.get((name,)), series.printed.resulting.get((before, (name,), num_pixels))
        if one is None and paper is None:
            continue
        rate, sure = (paper.rate, paper.average_confidence) if paper else (None, None)
        shares = beside_paper(one.share.text() if one else DASH, percent_text(rate), with_paper)
        confidence = number_text(one.average_confidence if one else None, 3)
        confidences = beside_paper(confidence, number_text(sure, 3), with_paper)
        rows.append([label_text(before), name, str(num_pixels), *shares, *confidences])
    return rows
