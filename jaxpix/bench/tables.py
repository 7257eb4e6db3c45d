"""Results as tables on the screen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.markup import escape

from ..terminal.console import print_table, say
from .results import Entry, Results
from .rows import Comparison, Forward, Timing, TrainingStep, WholeAttack

if TYPE_CHECKING:
    from .standings import DatasetAttack, SearchRow

_PROGRAM = ["", "batch", "per s", "±", "matrix", "MiB", "compile"]
_MATRIX = "matrix: share of the rate of large matrix products; MiB: of the program"


def show_all(results: Results) -> None:
    """A table per kind of measurement that there is."""
    for kind, show in (
        ("forward", show_forward),
        ("attacks", show_attacks),
        ("training", show_training),
        ("comparisons", show_comparisons),
        ("datasets", show_datasets),
        ("searches", show_searches),
    ):
        if results.of(kind):
            show(results.of(kind))


def show_forward(rows: Sequence[Forward]) -> None:
    """Candidates a second of the bare evaluators."""
    lines = [[row.title, f"{row.batch:,}", *_of_program(row, row.candidates_per_second)] for row in rows]
    print_table("Bare evaluation: candidates per second", _PROGRAM, lines, _MATRIX)


def _of_program(row: Forward | TrainingStep, rate: float) -> list[str]:
    return [
        number(rate),
        spread(row.timing),
        percent(row.fraction_of_matrix_rate),
        mebibytes(row.memory_bytes),
        f"{row.compile_seconds:.1f} s",
    ]


def show_attacks(rows: Sequence[WholeAttack]) -> None:
    """Whole attacks, and how much of the bare evaluator's speed they keep."""
    lines = [
        [
            row.title,
            str(row.slots),
            number(row.candidates_per_second),
            spread(row.timing),
            percent(row.efficiency),
            f"{row.stopped_early}/{row.images}",
            f"{number(row.seconds_per_full_attack)} s",
        ]
        for row in rows
    ]
    header = ["", "slots", "per s", "±", "of bare", "early", "full"]
    caption = (
        "of bare: share of the bare evaluator's speed; early: ended before their last generation; full: of one "
        "image with all its queries"
    )
    print_table("Whole attacks: candidates per second", header, lines, caption)


def show_training(rows: Sequence[TrainingStep]) -> None:
    """Images a second of the training step."""
    lines = [
        [
            f"{row.model} {row.image_size} {row.precision}",
            str(row.batch),
            *_of_program(row, row.images_per_second),
        ]
        for row in rows
    ]
    print_table("Training step: images per second", _PROGRAM, lines, _MATRIX)


def show_comparisons(rows: Sequence[Comparison]) -> None:
    """Everybody's candidates a second, and jaxpix' rate over every peer's."""
    for row in rows:
        ours = [one for one in row.standings if one.is_jaxpix]
        ratios = {(ratio.jaxpix, ratio.peer): ratio.median for ratio in row.ratios}
        lines = []
        for one in row.standings:
            keys = [(f"{our.name}, {our.setting}", f"{one.name}, {one.setting}") for our in ours]
            over = [f"{ratios[key]:.2f}" if key in ratios else "" for key in keys]
            who = f"{one.name}\n{one.setting}"
            lines.append([who, number(one.candidates_per_second), spread(one.timing), *over])
        agreement = ", ".join(f"{name} {value:.0e}" for name, value in row.agreement.items())
        turns = len(row.ratios[0].turns) if row.ratios else 0
        names = [f"{our.name.removeprefix('jaxpix ')}\n{our.setting} ÷" for our in ours]
        print_table(
            f"{row.model} {row.image_size}, K {row.num_pixels}, {row.precision}, one image: candidates per second",
            ["", "per s", "±", *names],
            lines,
            f"÷: jaxpix over this one, median of {turns} turns; largest difference of torch's float32 logits: "
            f"{agreement}",
        )


def show_datasets(rows: Sequence[DatasetAttack]) -> None:
    """Speed of attacks on data sets, and their success against queries."""
    for row in rows:
        kind = "synthetic images" if row.synthetic else "images"
        # At most a dozen points, spread over the curve's steps, the last one among them.
        points = row.curve[::-1][:: -(-len(row.curve) // 12)][::-1]
        print_table(
            f"{row.dataset}, {row.subset}: {row.victim}, {row.num_pixels} pixel(s), {row.images} {kind}",
            ["at most … queries each", "success (95 % interval)"],
            [[f"{point.queries:,}", point.rate.text()] for point in points],
        )
        say(
            f"{number(row.images_per_second)} images/s, {number(row.candidates_per_second)} candidates/s over "
            f"{row.seconds:.1f} s, verification and files included; {row.compile_seconds:.1f} s of compiling before"
        )


def show_searches(rows: Sequence[SearchRow]) -> None:
    """What each search found of what there is."""
    first = rows[0]
    budgets = [f"{at.queries:,} queries" for at in first.recall.at]
    lines = [
        [row.search, *(at.recall.text() for at in row.recall.at), row.recall.regret_text, row.fitness]
        for row in rows
    ]
    existing = first.recall.existing.text()
    print_table(
        f"Recall: {first.dataset}{' (synthetic)' * first.synthetic}, {first.victim}, {first.num_pixels} pixel(s)",
        ["search", *budgets, "regret", "fitness"],
        lines,
        f"of the images that can be flipped ({existing}; truth: {first.truth}), with Wilson 95 % intervals; regret: "
        "how far, in log-odds, the best margin of a miss stayed above the lowest, median and largest",
        (0, len(budgets) + 2),
    )


def show_visit(entries: Sequence[Entry]) -> None:
    """One line per measurement."""
    lines = []
    for entry in entries:
        seconds = f"{entry.seconds:.0f}" if entry.seconds else ""
        # What a compiler complains of is full of brackets, which rich would read.
        status = entry.status + (f": {escape(entry.note)}" if entry.note else "")
        lines.append([entry.name, entry.figure, entry.unit.partition(" (")[0], entry.spread, seconds, status])
    print_table("Visit", ["", "figure", "", "±", "s", "status"], lines)


def figure_of(row: Forward | WholeAttack | TrainingStep | Comparison) -> tuple[str, str, str]:
    """The figure that counts, its unit, and its spread."""
    if isinstance(row, TrainingStep):
        return number(row.images_per_second), "images/s", spread(row.timing)
    if isinstance(row, Comparison):
        ratio = min(row.ratios, key=lambda one: one.median)
        rates = (f"{one.name} {number(one.candidates_per_second)}" for one in row.standings)
        return (
            f"{ratio.median:.2f}",
            f"× {ratio.peer} (candidates/s: {', '.join(rates)})",
            # A ratio's turns are spread like a timing's runs.
            spread(Timing(ratio.turns)),
        )
    unit = "candidates/s"
    if isinstance(row, WholeAttack) and row.efficiency is not None:
        unit += f" ({percent(row.efficiency)} of the bare evaluator)"
    return number(row.candidates_per_second), unit, spread(row.timing)


def number(value: float) -> str:
    """Three digits that matter, thousands apart."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def spread(timing: Timing) -> str:
    """Half the way from the fastest to the slowest run, in percent of the median; a dash where there is one run."""
    if len(timing.seconds) == 1:
        return "–"
    half = (max(timing.seconds) - min(timing.seconds)) / 2
    return f"{100 * half / timing.median:.0f} %"


def percent(fraction: float | None) -> str:
    """Percent, or a dash for what is not known."""
    return "–" if fraction is None else f"{100 * fraction:.0f} %"


def mebibytes(size: int | None) -> str:
    """Mebibytes, or a dash for what is not known."""
    return "–" if size is None else f"{size / 2**20:,.0f}"
