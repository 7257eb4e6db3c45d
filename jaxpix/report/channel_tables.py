"""Colour against grey over several series: Table 17."""

import json
from collections.abc import Mapping, Sequence

from ..metrics.channels import ChannelSummary, by_channels
from ..records.record import Record
from .caveats import with_notes
from .printed import PrintedChannels, printed_channels
from .series import Series
from .tables import Table, measured_and_paper, number_text, percent_text

_NAMES = {1: "greyscale", 3: "colour"}
_Rows = list[list[str]]


def channel_table(all_series: Sequence[Series]) -> Table | None:
    """Average success and time by number of channels; None unless one search attacked grey and colour alike."""
    rows: _Rows = []
    used: list[Series] = []
    for group in _same_search(all_series):
        for count in sorted({count for series in group for count in series.num_pixels}):
            there = [series for series in group if count in series.num_pixels]
            found = by_channels([records for series in there for records in _classes(series, count)])
            if len(found) > 1:
                rows += [_row(count, summary, printed_channels()) for summary in found]
                used += [series for series in there if series not in used]
    if not rows:
        return None
    columns = [
        "images",
        "pixels",
        "classes",
        *measured_and_paper(["average success"], True),
        "success over all",
    ]
    columns += [*measured_and_paper(["seconds of an experiment"], True), "queries of an experiment"]
    return with_notes(
        used,
        "09-colour",
        "Colour against grey",
        "Table 17",
        columns,
        rows,
        "Average success weighs each class of each series the same; the rate over all experiments stands beside it. "
        "Untargeted attacks only. The paper does not say which experiments its averages cover; its seconds are of "
        "an RTX 3060, the measured ones of wall time beside other experiments.",
        "Attacked: " + "; ".join(series.title for series in used) + ".",
    )


def _same_search(all_series: Sequence[Series]) -> list[list[Series]]:
    groups: dict[str, list[Series]] = {}
    for series in all_series:
        key = json.dumps([series.first.preset, series.settings], sort_keys=True)
        groups.setdefault(key, []).append(series)
    return list(groups.values())


def _classes(series: Series, num_pixels: int) -> list[list[Record]]:
    classes = (series.records([aim], num_pixels) for aim in series.free_aims())
    return [records for records in classes if records]


def _row(num_pixels: int, summary: ChannelSummary, printed: Mapping[int, PrintedChannels]) -> list[str]:
    # Table 17 is of one pixel (6.2 speaks of the one-pixel attack).
    paper = printed.get(summary.num_channels) if num_pixels == 1 else None
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
