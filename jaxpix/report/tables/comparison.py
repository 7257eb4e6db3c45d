"""Several series beside each other: one search against another, and colour against grey (Table 17)."""

import json
from collections.abc import Sequence

from ...metrics.channels import ChannelSummary, by_channels
from ...metrics.paired import compare
from ...metrics.rates import grouped
from ..paper.printed import printed_channels
from ..runs.series import Series
from ..runs.sweeps import most_queries
from ..table import DASH, Table, measured_and_paper, number_text, p_text, percent_text

_NAMES = {1: "greyscale", 3: "colour"}

Compared = tuple[Table, Sequence[Series]]
"""A table, and the series that it is of."""


def search_tables(all_series: Sequence[Series]) -> list[Compared]:
    """One table per data set and victim that were attacked with several searches; none where there is one.

    The first series is what the others are compared with, on the images that both attacked.
    """
    groups = grouped(all_series, lambda series: (*series.images, series.victim["id"]))
    return [(_search_table(group), group) for group in groups.values() if len(group) > 1]


def _search_table(group: Sequence[Series]) -> Table:
    first = group[0]
    searches = [{one.name: one.here for one in series.differences if one.is_search} for series in group]
    differing = [name for name, here in searches[0].items() if any(one.get(name) != here for one in searches)]
    rows = []
    for num_pixels in sorted({count for series in group for count in series.num_pixels}):
        for series, search in zip(group, searches, strict=True):
            settings = [search.get(name, DASH) for name in differing]
            rows += [[*settings, *figures] for figures in _figures(series, first, num_pixels)]
    columns = [
        *differing,
        "pixels",
        "success",
        "median queries to the first hit",
        "mean queries of an experiment",
        "most queries allowed",
        "only the first / only this one, p",
    ]
    return Table(
        f"00-search-{first.key}",
        f"Choices of the search: {first.dataset['title']}, {first.victim['name']}",
        "",
        columns,
        rows,
        [
            "All classes together. The last column compares each search with the first one on the images that both "
            "attacked: on how many only one of them succeeded, and the exact two-sided McNemar test, not corrected "
            "for several comparisons.",
            "Mean queries of an experiment count failures with all that they spent; the median is over successes "
            "only.",
        ],
    )


def _figures(series: Series, first: Series, num_pixels: int) -> list[list[str]]:
    """The figures of one search, as a row; no row without experiments."""
    cell, reference = series.cell(num_pixels), first.records(num_pixels)
    if cell is None or not cell.records:
        return []
    against = DASH
    if reference and series is not first:
        outcome = compare(reference, cell.records)
        against = f"{outcome.only_first:,} / {outcome.only_second:,}, p {p_text(outcome.p_value)}"
    figures = [number_text(one) for one in (cell.median_to_hit, cell.mean_queries, most_queries(series))]
    return [[str(num_pixels), cell.success.text(), *figures, against]]


def channel_tables(all_series: Sequence[Series]) -> list[Compared]:
    """Average success and time by number of channels; none unless one search attacked grey and colour alike."""
    rows: list[list[str]] = []
    used: list[Series] = []
    searches = grouped(
        all_series, lambda series: json.dumps([series.first.preset, series.settings], sort_keys=True)
    )
    for group in searches.values():
        for count in sorted({count for series in group for count in series.num_pixels}):
            there = [series for series in group if count in series.num_pixels]
            classes = [series.records(count, [aim]) for series in there for aim in series.free_aims()]
            found = by_channels([records for records in classes if records])
            if len(found) > 1:
                rows += [_channel_row(count, summary) for summary in found]
                used += [series for series in there if series not in used]
    if not rows:
        return []
    columns = [
        *("images", "pixels", "classes"),
        *measured_and_paper(["average success"], True),
        "success over all",
        *measured_and_paper(["seconds of an experiment"], True),
        "queries of an experiment",
    ]
    notes = [
        "Average success weighs each class of each series the same; the rate over all experiments stands beside it. "
        "Untargeted attacks only. The paper does not say which experiments its averages cover; its seconds are of "
        "an RTX 3060, the measured ones of wall time beside other experiments.",
        "Attacked: " + "; ".join(series.title for series in used) + ".",
    ]
    return [(Table("09-colour", "Colour against grey", "Table 17", columns, rows, notes), used)]


def _channel_row(num_pixels: int, summary: ChannelSummary) -> list[str]:
    # Table 17 is of one pixel (6.2 speaks of the one-pixel attack).
    paper = printed_channels().get(summary.num_channels) if num_pixels == 1 else None
    return [
        _NAMES.get(summary.num_channels, f"{summary.num_channels} channels"),
        str(num_pixels),
        str(summary.classes),
        percent_text(summary.average_success, 1),
        percent_text(paper.average_success if paper else None),
        summary.success.text(),
        number_text(summary.seconds, 1),
        number_text(paper.average_seconds if paper else None),
        number_text(summary.queries),
    ]
