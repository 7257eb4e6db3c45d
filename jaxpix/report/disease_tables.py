"""Between disease and Normal: the dangerous rate, Table 9, and Figure 10."""

from collections.abc import Mapping, Sequence
from typing import Any

from ..metrics.rates import wilson
from ..metrics.transformations import conversions, dangerous_rate, resulting_diseases
from .caveats import with_notes
from .cells import Aim
from .rows import rows_of
from .series import Series
from .tables import DASH, Table, measured_and_paper, percent_text, pixels_text


def dangerous_table(series: Series) -> Table | None:
    """How often a disease became Normal; None where no attack could do that, or nobody named normal classes."""
    aims = series.dangerous_aims()
    rows = [[row.name, *_dangerous_cells(series, row.aims)] for row in rows_of(series, aims)]
    for target in dict.fromkeys(aim.target for aim in aims):
        together = [aim for aim in aims if aim.target == target]
        if len(together) > 1:
            name = series.aim_name(Aim(("all diseases",), target))
            rows.append([name, *_dangerous_cells(series, together)])
    if not rows:
        return None
    return with_notes(
        [series],
        f"02-dangerous-{series.key}",
        f"Disease that became Normal: {series.title}",
        "",
        ["class", *map(pixels_text, series.num_pixels)],
        rows,
        "Share of all experiments on diseased images that ended in a normal class: the outcome that sends a "
        "patient home (paper, 6.3).",
    )


def _dangerous_cells(series: Series, aims: Sequence[Aim]) -> list[str]:
    cells = []
    for count in series.num_pixels:
        cell = series.cell(aims, count)
        cells.append(dangerous_rate(cell.records).text(cell.asked) if cell else DASH)
    return cells


def conversion_table(series: Series) -> Table | None:
    """Table 9: which way successes crossed; None unless both ways were open and some success did."""
    aims = series.free_aims()
    if {series.is_normal(aim.before) for aim in aims} != {True, False}:
        return None
    rows, printed = [], series.printed.conversions
    with_paper = any(count in printed for count in series.num_pixels)
    for count in series.num_pixels:
        crossed, paper = conversions(series.records(aims, count)), printed.get(count)
        ways = (
            ("Disease to Normal", crossed.disease_to_normal, crossed.share_to_normal),
            ("Normal to Disease", crossed.normal_to_disease, crossed.share_to_disease),
        )
        printed_ways = (
            (paper.disease_to_normal, paper.share_to_normal) if paper else None,
            (paper.normal_to_disease, paper.share_to_disease) if paper else None,
        )
        for (name, number, share), theirs in zip(ways, printed_ways, strict=True):
            row = [name, str(count), f"{number:,}", share.text()]
            if with_paper:
                row[3:3] = [f"{theirs[0]:,}" if theirs else DASH]
                row.append(percent_text(theirs[1].rate if theirs else None, 2))
            rows.append(row)
    if all(row[2] == "0" for row in rows):
        return None
    columns = ["conversion", "pixels", *measured_and_paper(["count", "share"], with_paper)]
    source = series.printed.tables.get("conversions", "Table 9")
    return with_notes(
        [series],
        f"03-conversion-{series.key}",
        f"Conversion between disease and Normal: {series.title}",
        source,
        columns,
        rows,
        "Shares are of the successes that crossed either way, not of the experiments; they depend on how many "
        "classes of each kind were attacked.",
    )


def disease_tables(series: Series) -> list[Table]:
    """Figure 10: how many diseases the resulting label sets hold, and which; none for multiclass."""
    if not series.is_multilabel:
        return []
    aims, pixels = series.free_aims(), series.num_pixels
    by_pixels = [resulting_diseases(series.records(aims, count)) for count in pixels]
    totals = [sum(numbers.values()) for numbers, _ in by_pixels]
    if not sum(totals):
        return []
    numbers, kinds = [found for found, _ in by_pixels], [found for _, found in by_pixels]
    most = max(max(found, default=0) for found in numbers)
    names = sorted(
        {name for found in kinds for name in found},
        key=lambda name: (-sum(found.get(name, 0) for found in kinds), name),
    )
    number_rows = [
        [str(number) if number else "none (Normal)", *_shares(number, numbers, totals)]
        for number in range(most + 1)
    ]
    kind_rows = [[name, *_shares(name, kinds, totals)] for name in names]
    columns = list(map(pixels_text, pixels))
    number_title = f"Number of diseases in the label set after the attack: {series.title}"
    kind_title = f"Diseases in the label set after the attack: {series.title}"
    note = "Shares of the successes of untargeted attacks."
    tables = [
        with_notes(
            [series],
            f"07-diseases-{series.key}",
            number_title,
            "Figure 10",
            ["diseases", *columns],
            number_rows,
            note,
        )
    ]
    if kind_rows:
        several = f"{note} A label set counts once for each of its diseases."
        tables.append(
            with_notes(
                [series],
                f"08-findings-{series.key}",
                kind_title,
                "Figure 10",
                ["disease", *columns],
                kind_rows,
                several,
            )
        )
    return tables


def _shares(key: Any, counts: Sequence[Mapping[Any, int]], totals: Sequence[int]) -> list[str]:
    """Share of what is counted under `key`, one cell for each K."""
    return [wilson(found.get(key, 0), total).text() for found, total in zip(counts, totals, strict=True)]
