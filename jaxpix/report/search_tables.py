"""What the choices of the search do: the same images and victim, another preset, bounds or start."""

import statistics
from collections.abc import Sequence

from ..metrics.paired import compare
from ..metrics.queries import median_queries_to_first_hit
from ..metrics.rates import success_rate
from ..records.record import Record
from .caveats import with_notes
from .series import Series
from .success_tables import p_text
from .tables import DASH, Table, number_text

_WHAT = ("name", "split", "subset", "image_size", "note")


def search_tables(all_series: Sequence[Series]) -> list[Table]:
    """One table per data set and victim that were attacked with several searches; none where there is one.

    The first series is what the others are compared with, on the images that both attacked.
    """
    groups: dict[tuple[object, ...], list[Series]] = {}
    for series in all_series:
        what = tuple(series.dataset[name] for name in _WHAT)
        groups.setdefault((*what, series.victim["id"]), []).append(series)
    return [_table(group) for group in groups.values() if len(group) > 1]


def _table(group: Sequence[Series]) -> Table:
    first = group[0]
    searches = [{one.name: one.here for one in series.differences if one.is_search} for series in group]
    differing = [name for name, here in searches[0].items() if any(one.get(name) != here for one in searches)]
    rows = []
    for num_pixels in sorted({count for series in group for count in series.num_pixels}):
        reference = first.records(list(first.cells), num_pixels)
        for series, search in zip(group, searches, strict=True):
            records = series.records(list(series.cells), num_pixels)
            if records:
                settings = [search.get(name, DASH) for name in differing]
                against = DASH if series is first else _against(reference, records)
                budget = number_text(series.settings["population"] * (1 + series.settings["generations"]))
                rows.append([*settings, str(num_pixels), *_figures(records), budget, against])
    columns = [
        *differing,
        "pixels",
        "success",
        "median queries to the first hit",
        "mean queries of an experiment",
        "most queries allowed",
        "only the first / only this one, p",
    ]
    return with_notes(
        group,
        f"00-search-{first.key}",
        f"Choices of the search: {first.dataset['title']}, {first.victim['name']}",
        "",
        columns,
        rows,
        "All classes together. The last column compares each search with the first one on the images that both "
        "attacked: on how many only one of them succeeded, and the exact two-sided McNemar test, not corrected "
        "for several comparisons.",
        "Mean queries of an experiment count failures with all that they spent; the median is over successes only.",
    )


def _figures(records: Sequence[Record]) -> list[str]:
    spent = [record.queries for record in records]
    return [
        success_rate(records).text(),
        number_text(median_queries_to_first_hit(records)),
        number_text(statistics.fmean(spent)),
    ]


def _against(reference: Sequence[Record], records: Sequence[Record]) -> str:
    if not reference:
        return DASH
    outcome = compare(reference, records)
    return f"{outcome.only_first:,} / {outcome.only_second:,}, p {p_text(outcome.p_value)}"
