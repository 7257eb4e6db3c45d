"""Which figures a report has, with their numbers in words for those who cannot see them."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL.Image import Image

from ...labels import label_text
from ...metrics.hits import hit_pixels, winning_intensities
from ...metrics.queries import CurvePoint, steps_of, success_curve
from ...metrics.transformations import resulting_diseases
from ...pictures.fields import HeatMap, draw_heat_maps
from ...pictures.plots import (
    Bar,
    Curve,
    RateBar,
    draw_bars,
    draw_intensities,
    draw_rates,
    draw_steps,
)
from ...pictures.successes import in_turns, mean_original, pair, read_pair, write_sheet
from ..runs.series import Series
from ..table import Chart, pixels_text
from .sweeps import lowest_confidences, smallest_changes, vulnerable_positions

_MOST_MAPS = 6
_MOST_AVERAGED = 1_000
_PAIRS = 6


def charts_of(series: Series, folder: Path) -> list[Chart]:
    """Draw a series' figures as `folder`/KIND-KEY.png; kinds without anything to show are left out."""
    kinds = {
        "success": _success,
        "queries": _queries,
        "intensities": _intensities,
        "positions": _positions,
        "findings": _findings,
        "examples": _examples,
        "vulnerable": vulnerable_positions,
        "changes": smallest_changes,
        "lowest": lowest_confidences,
    }
    drawn = [draw(series, folder / f"{kind}-{series.key}.png") for kind, draw in kinds.items()]
    return [chart for chart in drawn if chart is not None]


def _success(series: Series, path: Path) -> Chart:
    bars, words = [], []
    for row in series.rows():
        for num_pixels, cell in row.cells.items():
            rate, pixels = cell.success, pixels_text(num_pixels)
            printed = cell.printed.rate if cell.printed else None
            measured = rate.rate if cell.records else None
            bars.append(RateBar(row.name, pixels, measured, rate.low, rate.high, printed))
            paper = "" if printed is None else f"; the paper printed {100 * printed:g} %"
            words.append(f"{row.name}, {pixels}: {rate.text(cell.asked)}{paper}")
    title = "Success of the attacks by original label"
    axis_name = "success rate, 95 % interval"
    drawing = draw_rates(path, f"{title}: {series.title}", axis_name, bars, series.caution)
    source = "Tables 6, 10, 11, 12, 14 and 15"
    return Chart(path, "Success by class", title, "; ".join(words), source, drawing)


def _queries(series: Series, path: Path) -> Chart | None:
    curves, words = {}, []
    for num_pixels in series.num_pixels:
        points = success_curve(series.records(num_pixels))
        if not points:
            continue
        curves[pixels_text(num_pixels)] = Curve(**steps_of(points))
        words.append(f"{pixels_text(num_pixels)}: {_milestones(points)}")
    if not any(max(curve.y) for curve in curves.values()):
        return None
    title = "Success against queries, all attacked images"
    axes_names = ("queries per image, at most", "success rate, 95 % band")
    drawing = draw_steps(path, f"{title}: {series.title}", axes_names, curves, series.caution)
    return Chart(path, "Success against queries", title, "; ".join(words), "", drawing)


def _milestones(points: Sequence[CurvePoint]) -> str:
    last = points[-1].queries
    budgets = [budget for budget in (100, 300, 1_000, 3_000) if budget < last] + [last]
    # Points ascend: the last one within a budget counts.
    reached = [[point.rate.rate for point in points if point.queries <= budget][-1] for budget in budgets]
    return ", ".join(
        f"{100 * rate:.1f} % within {budget:,} queries" for budget, rate in zip(budgets, reached, strict=True)
    )


def _positions(series: Series, path: Path) -> Chart | None:
    if series.first.exhaustive_flips is not None:
        # One candidate of each image, where its map has all.
        return None
    maps, words, is_sample = [], [], False
    for attack in series.attacks:
        successes = [record for record in attack.records if record.success]
        # Of very many an even share: more of them would not change their mean to the eye.
        averaged = successes[:: -(-len(successes) // _MOST_AVERAGED) or 1]
        is_sample |= len(averaged) < len(successes)
        mean = mean_original(attack.folder, averaged)
        if mean is None:
            continue
        size = len(mean)
        hits = hit_pixels(attack.records, size)
        name = attack.name
        columns, rows = [hit.x for hit in hits], [hit.y for hit in hits]
        maps.append(HeatMap("\n".join([*name.split(", ", 1), f"{len(hits):,} changed"]), mean, columns, rows))
        words.append(
            f"{name}: {len(hits):,} changed pixels, on average at column {np.mean(columns):.0f} and row "
            f"{np.mean(rows):.0f} of {size}, half of them within columns {_middle_half(columns)} and half "
            f"within rows {_middle_half(rows)}"
        )
    if not maps:
        return None
    images = "some of those images" if is_sample else "those images"
    title = f"Where the changed pixels of successes lie, over the mean of {images}"
    drawing = draw_heat_maps(path, f"{title}: {series.title}", maps[:_MOST_MAPS], series.caution)
    return Chart(path, "Where the hits lie", title, "; ".join(words[:_MOST_MAPS]), "", drawing, len(maps) > 1)


def _middle_half(values: Sequence[int]) -> str:
    low, high = np.percentile(values, [25, 75])
    return f"{low:.0f}–{high:.0f}"


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
    drawing = draw_intensities(path, f"{title}: {series.title}", values, series.caution)
    return Chart(path, "The values that win", title, "; ".join(words), "", drawing)


def _findings(series: Series, path: Path) -> Chart | None:
    """Figure 10: how many findings the resulting label sets have, and which."""
    successes = [record for attack in series.attacks for record in attack.records if record.success]
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
    drawing = draw_bars(path, f"{title}: {series.title}", unit, bars, series.caution)
    return Chart(
        path, "Findings after the attack", title, f"{unit}: {', '.join(words)}", "Figure 10", drawing
    )


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
    write_sheet(path, pairs)
    title = "Examples: changed pixels circled in red, and enlarged beside"
    return Chart(path, "Examples", title, "; ".join(words), "Figures 2 to 9", "")
