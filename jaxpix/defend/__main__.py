"""`python -m jaxpix.defend`: what defences are worth, measured by attacks that go through them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import InputError, did_you_mean
from ..report.runs.defences import attacks_of, doubts_of, rate_of, title_of, verdicts_of, victims_of
from ..storage.run_folder import RunFolder
from ..storage.settings import to_toml
from ..terminal.console import print_table, run_door, say
from ..terminal.options import parse
from ..terminal.programs import keep_programs
from ..train.builtin import open_victim
from . import checks
from .attacks import ATTACKS
from .measured import Results, document_of
from .options import DefendOptions, open_images
from .run import measure_all
from .variants import variants_of

if TYPE_CHECKING:
    from ..config import Task
    from ..report.runs.defences import Defended, Measurement
    from ..victim.victim import Victim

EXAMPLES = (
    "--victim runs/pneumonia-resnet50-224 --defences median3 jpeg75 --per-class 50",
    "--victims runs/one runs/other --defences median3 --ensembles mean vote --run runs/defend-both",
)
OPTIONS = DefendOptions


def _folder(options: DefendOptions, victims: Sequence[Victim], dataset: str) -> Path:
    name = "-".join(["defend", dataset, *(victim.name for victim in victims)])
    return options.run or Path("runs") / "".join(c if c.isalnum() or c in "-_." else "_" for c in name)[:120]


def show(measurement: Measurement, page: Path) -> None:
    """Print a short table, what the checks say, and where all numbers are."""
    variants = measurement["variants"]
    names = [f"adaptive, {name}" for name in attacks_of(measurement)]
    # One victim stands in the title; its name would break in every row.
    first = 1 if len(victims_of(measurement)) == 1 else 0
    print_table(
        title_of(measurement),
        ["victim", "defence", "clean", "transferred", *names, "worst case", "p", "ms"][first:],
        [_row(row)[first:] for row in variants],
        "clean, worst case: accuracy (of all images, of those attacked); transferred, adaptive: successes; "
        "p: McNemar, worst case with and without",
        text=range(2 - first),
    )
    if measurement["note"]:
        say(f"note on the data: {measurement['note']}")
    lines = [line["verdict"] for row in variants for line in row["checks"]]
    counts = ", ".join(f"{lines.count(word)} {word}" for word in ("pass", "fail", "not run"))
    say(f"checks of the evaluation: {counts}")
    for doubt in doubts_of(measurement):
        say(f"warning: {doubt}")
    for sentence in verdicts_of(measurement):
        say(sentence)
    say(f"page, with intervals: {page}")


def _row(row: Defended) -> list[str]:
    counts = [row["transferred_success"], *row["adaptive_success"].values()]
    clean, worst = rate_of(row["clean_accuracy"]), rate_of(row["worst_case_accuracy"])
    return [
        row["victim"],
        row["defence"],
        f"{100 * clean.rate:.1f} %",
        *("–" if one is None else f"{one['successes']}/{one['experiments']}" for one in counts),
        f"{100 * worst.rate:.1f} %",
        "–" if row["worst_case_change"] is None else f"{row['worst_case_change']['p_value']:.2g}",
        f"{row['milliseconds_per_image']:.2f}",
    ]


def _check_names(what: str, names: Sequence[str], known: Collection[str]) -> None:
    """Refuse unknown attacks or checks, before anything is computed.

    Raises:
        InputError: names the first one.
    """
    for name in names:
        if name not in known:
            there_are = f"there are {', '.join(known)}"
            raise InputError(f"--{what}s: unknown {what} {name!r}{did_you_mean(name, known)}; {there_are}")


def main(arguments: Sequence[str]) -> None:
    """Measure what the options name."""
    options = parse(
        DefendOptions,
        "defend",
        "Measure defences by attacks that go through them, beside the victim without any.",
        arguments,
        examples=EXAMPLES,
    )
    _check_names("attack", options.attacks, ATTACKS)
    _check_names("check", options.checks, checks.CHECKS)
    keep_programs()
    task: Task = "multilabel" if options.config.fitness == "cosine" else "multiclass"
    places = options.victims or (options.victim,)
    images, victims = open_images(options, [open_victim(place, task, options.data_dir) for place in places])
    families = variants_of(options, victims)
    files = RunFolder(_folder(options, victims, images.name), "measurement of defences")
    with files.held():
        files.describe(to_toml("defend", options))
        measured = measure_all(options, families, images, files.path)
        lines = {}
        for one in (one for family in measured for one in family):
            say(f"checks of {one.variant.victim.name}")
            lines[one.variant.folder] = checks.lines_of(one, images, options, files.path)
        results = Results(options, images, measured, lines)
        # Brings matplotlib and the page's templates along, which are needed only now.
        from .page import write_results

        measurement = document_of(results)
        show(measurement, write_results(measurement, files.path))


if __name__ == "__main__":
    run_door(main)
