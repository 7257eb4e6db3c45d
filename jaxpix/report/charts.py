"""Which figures a report has, with their numbers in words for those who cannot see them."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL.Image import Image

from ..labels import label_text
from ..metrics.hits import hit_pixels, winning_intensities
from ..metrics.queries import CurvePoint, success_curve
from ..metrics.rates import success_rate
from ..metrics.transformations import resulting_diseases
from ..pictures.plots import (
    Bar,
    Curve,
    HeatMap,
    RateBar,
    draw_bars,
    draw_heat_maps,
    draw_intensities,
    draw_rates,
    draw_steps,
)
from ..pictures.successes import contact_sheet, in_turns, pair, read_pair
from ..records.record import Record
from ..storage.files import write_atomically
from ..storage.png import encode_png
from .reading import AttackResult
from .rows import Row, rows_of
from .series import Series, attack_name
from .tables import pixels_text
from .wording import caution_of

_MOST_MAPS = 6
_MOST_AVERAGED = 1_000
_PAIRS = 6


@dataclasses.dataclass(frozen=True)
class Chart:
    """One figure of the report.

    Attributes:
        path: PNG file.
        title: what it shows.
        words: its numbers in words.
        source: figure or table of the paper that it follows; "" for none.
        caution: see `Subject.caution`.
    """

    path: Path
    title: str
    words: str
    source: str
    caution: str
    is_wide: bool = False


def charts_of(series: Series, folder: Path) -> list[Chart]:
    """Draw a series' figures as `folder`/KIND-KEY.png; kinds without anything to show are left out."""
    kinds = {
        "success": _success,
        "queries": _queries,
        "positions": _positions,
        "intensities": _intensities,
        "findings": _findings,
        "examples": _examples,
    }
    drawn = [draw(series, folder / f"{kind}-{series.key}.png") for kind, draw in kinds.items()]
    return [chart for chart in drawn if chart is not None]


def _success(series: Series, path: Path) -> Chart:
    bars, words = [], []
    for row in rows_of(series):
        for num_pixels in series.num_pixels:
            cell = series.cell(row.aims, num_pixels)
            if cell is None:
                continue
            rate = success_rate(cell.records)
            printed = _printed(series, row, num_pixels)
            pixels = pixels_text(num_pixels)
            measured = rate.rate if cell.records else None
            bars.append(RateBar(row.name, pixels, measured, rate.low, rate.high, printed))
            paper = "" if printed is None else f"; the paper printed {100 * printed:g} %"
            words.append(f"{row.name}, {pixels}: {rate.text(cell.asked)}{paper}")
    title = "Success of the attacks by original label"
    draw_rates(
        path, f"{title}: {series.title}", "success rate, with Wilson 95 % interval", bars, caution_of(series)
    )
    return Chart(path, title, "; ".join(words), "Tables 6, 10, 11, 12, 14 and 15", caution_of(series))


def _printed(series: Series, row: Row, num_pixels: int) -> float | None:
    aim = row.aims[0]
    printed = series.printed.success.get((aim.before, aim.target, num_pixels))
    return None if printed is None or len(row.aims) > 1 else printed.rate


def _queries(series: Series, path: Path) -> Chart | None:
    curves, words = {}, []
    for num_pixels in series.num_pixels:
        points = success_curve(series.records(list(series.cells), num_pixels))
        if not points:
            continue
        curves[pixels_text(num_pixels)] = Curve(
            [point.queries for point in points],
            [point.rate.rate for point in points],
            [point.rate.low for point in points],
            [point.rate.high for point in points],
        )
        words.append(f"{pixels_text(num_pixels)}: {_milestones(points)}")
    if not any(max(curve.y) for curve in curves.values()):
        return None
    title = "Success against queries, all attacked images"
    axes_names = ("queries per image, at most", "success rate, with Wilson 95 % band")
    draw_steps(path, f"{title}: {series.title}", axes_names, curves, caution_of(series))
    return Chart(path, title, "; ".join(words), "", caution_of(series))


def _milestones(points: Sequence[CurvePoint]) -> str:
    last = points[-1].queries
    budgets = [budget for budget in (100, 300, 1_000, 3_000) if budget < last] + [last]
    reached = [
        max((point for point in points if point.queries <= budget), key=_queries_of) for budget in budgets
    ]
    return ", ".join(
        f"{100 * point.rate.rate:.1f} % within {budget:,} queries"
        for budget, point in zip(budgets, reached, strict=True)
    )


def _queries_of(point: CurvePoint) -> int:
    return point.queries


def _positions(series: Series, path: Path) -> Chart | None:
    maps, words = [], []
    for attack in series.attacks:
        mean = _mean_original(attack)
        if mean is None:
            continue
        size = len(mean)
        hits = hit_pixels(attack.records, size)
        name = attack_name(attack)
        columns, rows = [hit.x for hit in hits], [hit.y for hit in hits]
        maps.append(HeatMap("\n".join([*name.split(", ", 1), f"{len(hits):,} changed"]), mean, columns, rows))
        words.append(
            f"{name}: {len(hits):,} changed pixels, on average at column {np.mean(columns):.0f} and row "
            f"{np.mean(rows):.0f} of {size}, half of them within columns {_middle_half(columns)} and half "
            f"within rows {_middle_half(rows)}"
        )
    if not maps:
        return None
    is_sample = any(len(_averaged(attack)) < len(_successes(attack)) for attack in series.attacks)
    images = "some of those images" if is_sample else "those images"
    title = f"Where the changed pixels of successes lie, over the mean of {images}"
    draw_heat_maps(path, f"{title}: {series.title}", maps[:_MOST_MAPS], caution_of(series))
    return Chart(path, title, "; ".join(words[:_MOST_MAPS]), "", caution_of(series))


def _middle_half(values: Sequence[int]) -> str:
    low, high = np.percentile(values, [25, 75])
    return f"{low:.0f}–{high:.0f}"


def _mean_original(attack: AttackResult) -> np.ndarray | None:
    """Mean of originals of the successes, uint8 [H, W]; None where there is none."""
    total: np.ndarray | None = None
    count = 0
    for record in _averaged(attack):
        try:
            original, _ = read_pair(attack.folder, record)
        except OSError:
            continue
        grey = original.mean(axis=2)
        total = grey if total is None else total + grey
        count += 1
    return None if total is None else np.rint(total / count).astype(np.uint8)


def _averaged(attack: AttackResult) -> list[Record]:
    """Every success, or an even share of very many: more of them would not change their mean to the eye."""
    successes = _successes(attack)
    return successes[:: -(-len(successes) // _MOST_AVERAGED) or 1]


def _successes(attack: AttackResult) -> list[Record]:
    return [record for record in attack.records if record.success]


def _intensities(series: Series, path: Path) -> Chart | None:
    found = winning_intensities([record for attack in series.attacks for record in attack.records])
    if not found:
        return None
    values, words = {}, []
    for name, channel in zip(
        ("intensity",) if len(found) == 1 else ("red", "green", "blue"), found, strict=True
    ):
        values[name] = (channel.before, channel.after)
        words.append(
            f"{name}: median {channel.median_before:.0f} before and {channel.median_after:.0f} after; of "
            f"{len(channel.after):,} values {channel.at_black.successes:,} were set to 0 and "
            f"{channel.at_white.successes:,} to 255"
        )
    title = "The values that win, before and after the attack"
    draw_intensities(path, f"{title}: {series.title}", values, caution_of(series))
    return Chart(path, title, "; ".join(words), "", caution_of(series))


def _findings(series: Series, path: Path) -> Chart | None:
    """Figure 10: how many findings the resulting label sets have, and which."""
    successes = [record for attack in series.attacks for record in _successes(attack)]
    if not successes or successes[0].task != "multilabel":
        return None
    sizes, kinds = resulting_diseases(successes)
    names = {0: "no finding (Normal)", 1: "1 finding"}
    numbers = {names.get(number, f"{number} findings"): count for number, count in sizes.items()}
    bars = [Bar(name, count, count, count, "number") for name, count in numbers.items()]
    bars += [Bar(f"with {name}", count, count, count, "kind") for name, count in kinds.items()]
    words = [f"{bar.label} {bar.value:,.0f}" for bar in bars]
    title = "Label sets after the attack: how many findings they have, and which"
    unit = f"of {len(successes):,} successes"
    draw_bars(path, f"{title}: {series.title}", unit, bars, caution_of(series))
    return Chart(path, title, f"{unit}: {', '.join(words)}", "Figure 10", caution_of(series))


def _examples(series: Series, path: Path) -> Chart | None:
    pairs: list[Image] = []
    words: list[str] = []
    share = max(1, _PAIRS // len(series.attacks))
    for attack in series.attacks:
        for record in in_turns(attack.records)[: min(share, _PAIRS - len(pairs))]:
            try:
                original, adversarial = read_pair(attack.folder, record)
            except OSError:
                continue
            pairs.append(pair(record, original, adversarial))
            words.append(
                f"{record.image_id}: {label_text(record.label_before)} to {label_text(record.label_after)}"
            )
    if not pairs:
        return None
    write_atomically(path, encode_png(contact_sheet(pairs), optimize=True))
    title = "Examples: changed pixels circled in red, and enlarged beside"
    return Chart(path, title, "; ".join(words), "Figures 2 to 9", caution_of(series), is_wide=True)
