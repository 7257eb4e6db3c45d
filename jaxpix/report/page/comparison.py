"""All attacks of a report beside each other: one row for each series and number of pixels."""

import dataclasses
import itertools
from collections.abc import Sequence

from ...metrics.paired import compare
from ...metrics.rates import Rate
from ...records.record import Record
from ..runs.series import Series, short_names
from ..table import DASH, number_text, p_text, pixels_text


@dataclasses.dataclass(frozen=True)
class Compared:
    """One attack among others.

    Attributes:
        name: what tells its series from the others; "" where there is one series.
        pixels: `1 pixel`.
        dangerous: disease called normal; None where nothing could be.
        success: any change that was aimed at.
        queries: median to the first hit.
        paired: against an attack on the same images, McNemar's test; "" where there is none.
    """

    name: str
    pixels: str
    dangerous: Rate | None
    success: Rate
    queries: str
    paired: str


def compared(all_series: Sequence[Series]) -> list[Compared]:
    """A row for each series and number of pixels; none where there is only one attack.

    Each row is tested against the first one of the same images: another victim, another search, or the fewest
    pixels.
    """
    names = short_names(all_series) if len(all_series) > 1 else [""]
    firsts: dict[tuple[object, ...], list[Record]] = {}
    rows = []
    for series, name in zip(all_series, names, strict=True):
        for num_pixels in series.num_pixels:
            cell = series.cell(num_pixels)
            if cell is None or not cell.records:
                continue
            first = firsts.setdefault(series.images, cell.records)
            rows.append(
                Compared(
                    name,
                    pixels_text(num_pixels),
                    series.dangerous(num_pixels),
                    cell.success,
                    number_text(cell.median_to_hit),
                    _paired(first, cell.records),
                )
            )
    return rows if len(rows) > 1 else []


def _paired(first: Sequence[Record], records: Sequence[Record]) -> str:
    # With several targets an image was attacked more than once, and has no one outcome.
    if records is first or any(_repeats(one) for one in (first, records)):
        return ""
    outcome = compare(first, records)
    if not outcome.pairs:
        return DASH
    alone = f"{outcome.only_first:,} / {outcome.only_second:,} of {outcome.pairs:,}"
    return f"{alone}, p {p_text(outcome.p_value)}"


def _repeats(records: Sequence[Record]) -> bool:
    names = sorted(record.image_id for record in records)
    return any(one == other for one, other in itertools.pairwise(names))
