"""Which success a poster shows, and in which words: the most dangerous one, and how often that happens."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..metrics.queries import median_queries_to_first_hit
from ..metrics.transformations import dangerous_rate, is_dangerous
from ..pictures.poster import PosterText, draw_poster
from ..pictures.successes import label_with_confidences, read_pair
from ..storage.files import write_atomically
from ..storage.png import encode_png
from .headline import headlines_of
from .series import series_of
from .tables import pixels_text

if TYPE_CHECKING:
    from ..metrics.rates import Rate
    from ..records.record import Record
    from .headline import Headline
    from .reading import AttackResult
    from .series import Series

POSTER = "poster.png"
_MOST_TRIED = 20


def write_poster(attacks: Sequence[AttackResult], path: Path) -> str | None:
    """Write the poster of some attacks as PNG.

    Returns:
        None, or why there is no poster, in a few words.
    """
    ranked = sorted(_successes(series_of(attacks)), key=lambda one: _rank(one[2]))
    if not ranked:
        return "nothing succeeded; a poster shows a success"
    # Of very many in which no picture is left, the first few tell that.
    for series, folder, record in ranked[:_MOST_TRIED]:
        try:
            original, adversarial = read_pair(folder, record)
        except OSError:
            continue
        drawn = draw_poster(record, original, adversarial, _text(series, record))
        write_atomically(path, encode_png(drawn, optimize=True))
        return None
    return "the pictures of the successes are not there"


def _successes(all_series: Sequence[Series]) -> Iterator[tuple[Series, Path, Record]]:
    for series in all_series:
        for attack in series.attacks:
            for record in attack.records:
                if record.success:
                    yield series, attack.folder, record


def _rank(record: Record) -> tuple[Any, ...]:
    """Disease called normal first, then the surest, then the fewest pixels."""
    return (not is_dangerous(record), -_sureness(record), record.num_pixels, record.image_id)


def _sureness(record: Record) -> float:
    """Confidence of the label that was reached, 0..1; a label set is as sure as the least sure of its decisions."""
    by_name = dict(zip(record.class_names, record.confidences_after, strict=True))
    if record.task == "multiclass":
        return by_name[record.label_after[0]]
    return min(value if name in record.label_after else 1 - value for name, value in by_name.items())


def _text(series: Series, record: Record) -> PosterText:
    cell = series.cell(record.num_pixels)
    assert cell is not None, "the record is one of its cell"
    score = series.victim["test_metrics"] or {}
    own = score.get("accuracy") if isinstance(score, dict) else None
    accuracy = f" ({100 * own:.1f} % accurate untouched)" if isinstance(own, float) and 0 <= own <= 1 else ""
    images = f"{len(cell.records):,} image{'s' * (len(cell.records) != 1)} it classifies correctly"
    return PosterText(
        verdict=_verdict(series, record).text,
        before=label_with_confidences(record, record.label_before, record.confidences_before),
        after=label_with_confidences(record, record.label_after, record.confidences_after),
        figures=_figures(series, record),
        is_dangerous=is_dangerous(record),
        attacked=f"{series.victim['name']}{accuracy} on {series.dataset['title']}; "
        f"{pixels_text(record.num_pixels)}, {images}",
        cautions=[*series.doubts, *([series.caution] if series.caution else [])],
        mark="synthetic" if series.is_synthetic else "",
    )


def _verdict(series: Series, record: Record) -> Headline:
    """The sentence on attacks like this one: the first that tells of successes with so many pixels."""
    told = headlines_of(series)
    words = {1: "one pixel", 2: "two pixels", 3: "three pixels"}
    pixels = words.get(record.num_pixels, f"{record.num_pixels} pixels")
    ours = [one for one in told if f" {pixels} " in one.text]
    return next((one for one in ours if one.rate.successes), ours[0])


def _figures(series: Series, record: Record) -> list[tuple[str, str, str]]:
    """Disease called normal, success and median queries, of all attacks with as many pixels."""
    figures = []
    ill = series.records(record.num_pixels, series.dangerous_aims()) if series.dangerous_aims() else []
    if ill:
        figures.append(_figure(dangerous_rate(ill), "disease called normal"))
    cell = series.cell(record.num_pixels)
    assert cell is not None, "the record is one of its cell"
    figures.append(_figure(cell.success, "label changed"))
    median = median_queries_to_first_hit(cell.records)
    if median is not None:
        of = f"of {cell.success.successes:,} success{'es' * (cell.success.successes != 1)}"
        figures.append((f"{median:,.0f}", "median queries to a hit", of))
    return figures


def _figure(rate: Rate, what: str) -> tuple[str, str, str]:
    interval = f"95 % interval {100 * rate.low:.1f}–{100 * rate.high:.1f} %"
    return f"{100 * rate.rate:.1f} %", what, f"{interval}, {rate.successes:,} of {rate.experiments:,}"
