"""Between disease and Normal: the dangerous rate, Table 9, and Figure 10."""

from collections.abc import Mapping, Sequence
from typing import Any

from ...metrics.rates import Rate, wilson
from ...metrics.transformations import Conversions, conversions, dangerous_rate, resulting_diseases
from ..runs.series import Series
from ..table import DASH, Table, beside_paper, measured_and_paper, percent_text, pixels_text


def dangerous_table(series: Series) -> Table | None:
    """How often a disease became Normal; None where no attack could do that, or nobody named normal classes."""
    aims = series.dangerous_aims()
    if not aims:
        return None
    rows = []
    for row in [*series.rows(aims), *series.together("all diseases", aims)]:
        cells = [row.cells.get(count) for count in series.num_pixels]
        rates = [dangerous_rate(cell.records).text(cell.asked) if cell else DASH for cell in cells]
        rows.append([row.name, *rates])
    return Table(
        f"02-dangerous-{series.key}",
        f"Disease that became Normal: {series.title}",
        "",
        ["class", *map(pixels_text, series.num_pixels)],
        rows,
        [
            "Share of all experiments on diseased images that ended in a normal class: the outcome that sends a "
            "patient home (paper, 6.3)."
        ],
    )


def conversion_table(series: Series) -> Table | None:
    """Table 9: which way successes crossed; None unless both ways were open and some success did."""
    aims, printed = series.free_aims(), series.printed.conversions
    if {series.is_normal(aim.before) for aim in aims} != {True, False}:
        return None
    with_paper = any(count in printed for count in series.num_pixels)
    rows = []
    for count in series.num_pixels:
        ways = _ways(conversions(series.records(count, aims)))
        theirs = _ways(printed[count]) if count in printed else [None] * len(ways)
        for (name, number, share), paper in zip(ways, theirs, strict=True):
            numbers = beside_paper(f"{number:,}", f"{paper[1]:,}" if paper else DASH, with_paper)
            printed_share = percent_text(paper[2].rate if paper else None, 2)
            shares = beside_paper(share.text(), printed_share, with_paper)
            rows.append([name, str(count), *numbers, *shares])
    if all(row[2] == "0" for row in rows):
        return None
    return Table(
        f"03-conversion-{series.key}",
        f"Conversion between disease and Normal: {series.title}",
        series.printed.tables.get("conversions", "Table 9"),
        ["conversion", "pixels", *measured_and_paper(["count", "share"], with_paper)],
        rows,
        [
            "Shares are of the successes that crossed either way, not of the experiments; they depend on how many "
            "classes of each kind were attacked."
        ],
    )


def _ways(crossed: Conversions) -> list[tuple[str, int, Rate]]:
    return [
        ("Disease to Normal", crossed.disease_to_normal, crossed.share_to_normal),
        ("Normal to Disease", crossed.normal_to_disease, crossed.share_to_disease),
    ]


def disease_tables(series: Series) -> list[Table]:
    """Figure 10: how many diseases the resulting label sets hold, and which; none for multiclass."""
    if not series.is_multilabel:
        return []
    found = [resulting_diseases(series.records(count, series.free_aims())) for count in series.num_pixels]
    numbers, kinds = [numbers for numbers, _ in found], [kinds for _, kinds in found]
    totals = [sum(counts.values()) for counts in numbers]
    if not sum(totals):
        return []
    most = max(max(counts, default=0) for counts in numbers)
    names = sorted(
        {name for counts in kinds for name in counts},
        key=lambda name: (-sum(counts.get(name, 0) for counts in kinds), name),
    )
    columns = list(map(pixels_text, series.num_pixels))
    note = "Shares of the successes of untargeted attacks."
    of_numbers = Table(
        f"07-diseases-{series.key}",
        f"Number of diseases in the label set after the attack: {series.title}",
        "Figure 10",
        ["diseases", *columns],
        [[str(number or "none (Normal)"), *_shares(number, numbers, totals)] for number in range(most + 1)],
        [note],
    )
    of_kinds = Table(
        f"08-findings-{series.key}",
        f"Diseases in the label set after the attack: {series.title}",
        "Figure 10",
        ["disease", *columns],
        [[name, *_shares(name, kinds, totals)] for name in names],
        [f"{note} A label set counts once for each of its diseases."],
    )
    return [of_numbers, of_kinds] if names else [of_numbers]


def _shares(key: Any, counts: Sequence[Mapping[Any, int]], totals: Sequence[int]) -> list[str]:
    """Share of what is counted under `key`, one cell for each K."""
    return [wilson(found.get(key, 0), total).text() for found, total in zip(counts, totals, strict=True)]
