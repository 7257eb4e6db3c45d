"""Results as plots beside the JSON file."""

from pathlib import Path
from typing import Any

from ..metrics.queries import steps_of
from ..pictures.plots import Bar, Curve, draw_bars, draw_steps
from .results import Results
from .rows import Evaluation
from .standings import DatasetAttack


def draw_all(results: Results) -> list[Path]:
    """One plot per kind of measurement that there is; their files."""
    machine = results.machine_line
    drawn = []
    for kind, title, unit, bars in (
        ("candidates", "Candidates judged per second", "candidates/s", _candidate_bars(results)),
        ("training", "Training step", "images/s", _training_bars(results)),
        ("peers", "One attack, beside other libraries", "candidates/s", _peer_bars(results)),
    ):
        if bars:
            path = results.picture_path(kind)
            draw_bars(path, title, unit, bars, machine)
            drawn.append(path)
    drawn += [_success_curve(results, row) for row in results.of("datasets")]
    is_any = any(row.recall.existing.successes for row in results.of("searches"))
    return drawn + ([_recall_curves(results)] if is_any else [])


def _success_curve(results: Results, row: DatasetAttack) -> Path:
    path = results.picture_path("success")
    curve = Curve(**steps_of(row.curve))
    kind = "synthetic images" if row.synthetic else "images"
    title = f"{row.dataset}: {row.victim}, {row.num_pixels} pixel(s), {row.images} {kind}"
    names = ("queries per image, at most", "success, with Wilson 95 % interval")
    draw_steps(path, title, names, {row.victim: curve}, results.machine_line)
    return path


def _recall_curves(results: Results) -> Path:
    path = results.picture_path("recall")
    rows = results.of("searches")
    curves = {}
    for row in rows:
        # Bands of several searches on the same images would hide one another; the table has the intervals.
        curves[row.search] = Curve(**steps_of(row.recall.curve, with_band=False))
    first = rows[0]
    existing, kind = first.recall.existing, "synthetic images" if first.synthetic else "images"
    title = f"{first.dataset}, {first.num_pixels} pixel(s): found of {existing.successes} {kind} that can be flipped"
    caption = f"{first.victim}; truth: {first.truth}. {results.machine_line}"
    draw_steps(path, title, ("queries per image, at most", "found"), curves, caption)
    return path


def _bar(label: str, group: str, things: float, row: Any) -> Bar:
    rates = [things / seconds for seconds in row.timing.seconds]
    return Bar(label, things / row.timing.median, min(rates), max(rates), group)


def _candidate_bars(results: Results) -> list[Bar]:
    bare = [
        _bar(f"{_in_line(row)}, batch {row.batch}", f"bare {row.evaluator[:5]}", row.batch, row)
        for row in results.of("forward")
    ]
    whole = [
        _bar(
            f"{_in_line(row)}, whole attack in {row.slots} slots",
            f"attack {row.evaluator[:5]}",
            row.candidates,
            row,
        )
        for row in results.of("attacks")
    ]
    return bare + whole


def _in_line(row: Evaluation) -> str:
    return row.title.replace("\n", " ")


def _training_bars(results: Results) -> list[Bar]:
    return [
        _bar(f"{row.model} {row.image_size}, {row.precision}, batch {row.batch}", row.model, row.batch, row)
        for row in results.of("training")
    ]


def _peer_bars(results: Results) -> list[Bar]:
    return [
        _bar(
            f"{row.model} {row.image_size}, K {row.num_pixels}: {one.name}, {one.setting}, {one.precision}",
            "jaxpix" if one.is_jaxpix else "peer",
            one.candidates,
            one,
        )
        for row in results.of("comparisons")
        for one in row.standings
    ]
