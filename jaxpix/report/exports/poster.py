"""Which success a poster shows, and in which words: the most dangerous one, and how often that happens."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ...metrics.transformations import is_dangerous
from ...pictures.poster import PosterText, draw_poster
from ...pictures.successes import label_with_confidences, read_pair
from ...storage.files import write_atomically
from ...storage.png import encode_png
from ..page.lead import MOST_TRIED, headline_of, most_telling
from ..runs.series import series_of
from ..table import pixels_text

if TYPE_CHECKING:
    from ...metrics.rates import Rate
    from ...records.record import Record
    from ..runs.reading import AttackResult
    from ..runs.series import Series

POSTER = "poster.png"


def write_poster(attacks: Sequence[AttackResult], path: Path) -> str | None:
    """Write the poster of some attacks as PNG.

    Returns:
        None, or why there is no poster, in a few words.
    """
    ranked = [one for one in most_telling(series_of(attacks)) if one[2].success]
    if not ranked:
        return "nothing succeeded; a poster shows a success"
    # Of very many in which no picture is left, the first few tell that.
    for series, folder, record in ranked[:MOST_TRIED]:
        try:
            original, adversarial = read_pair(folder, record)
        except OSError:
            continue
        drawn = draw_poster(record, original, adversarial, _text(series, record))
        write_atomically(path, encode_png(drawn, optimize=True))
        return None
    return "the pictures of the successes are not there"


def _text(series: Series, record: Record) -> PosterText:
    cell = series.cell(record.num_pixels)
    assert cell is not None, "the record is one of its cell"
    score = series.victim["test_metrics"] or {}
    own = score.get("accuracy") if isinstance(score, dict) else None
    accuracy = f" ({100 * own:.1f} % accurate untouched)" if isinstance(own, float) and 0 <= own <= 1 else ""
    images = f"{len(cell.records):,} image{'s' * (len(cell.records) != 1)} it classifies correctly"
    return PosterText(
        verdict=headline_of(series, record).text,
        before=label_with_confidences(record, record.label_before, record.confidences_before),
        after=label_with_confidences(record, record.label_after, record.confidences_after),
        figures=_figures(series, record),
        is_dangerous=is_dangerous(record),
        attacked=f"{series.victim['name']}{accuracy} on {series.dataset['title']}; "
        f"{pixels_text(record.num_pixels)}, {images}",
        cautions=[*series.doubts, *([series.caution] if series.caution else [])],
        mark="synthetic" if series.is_synthetic else "",
    )


def _figures(series: Series, record: Record) -> list[tuple[str, str, str]]:
    """Disease called normal, success and median queries, of all attacks with as many pixels."""
    figures = []
    dangerous = series.dangerous(record.num_pixels)
    if dangerous is not None:
        figures.append(_figure(dangerous, "disease called normal"))
    cell = series.cell(record.num_pixels)
    assert cell is not None, "the record is one of its cell"
    figures.append(_figure(cell.success, "label changed"))
    median = cell.median_to_hit
    if median is not None:
        of = f"of {cell.success.successes:,} success{'es' * (cell.success.successes != 1)}"
        figures.append((f"{median:,.0f}", "median queries to a hit", of))
    return figures


def _figure(rate: Rate, what: str) -> tuple[str, str, str]:
    interval = f"95 % interval {100 * rate.low:.1f}–{100 * rate.high:.1f} %"
    return f"{100 * rate.rate:.1f} %", what, f"{interval}, {rate.successes:,} of {rate.experiments:,}"
