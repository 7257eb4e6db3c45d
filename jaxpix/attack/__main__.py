"""`python -m jaxpix.attack`: attack a victim by differential evolution; records and verified pictures."""

import dataclasses
import statistics
from collections.abc import Sequence
from pathlib import Path

from ..cluster.session import is_wanted
from ..data.prepared import PreparedDataset
from ..labels import label_text
from ..metrics.queries import median_queries_to_first_hit
from ..metrics.rates import average_confidence, footnote, null_control_failures, success_rate
from ..records.files import TABLE, read_reasons
from ..records.maps import load_maps, maps_path
from ..records.record import Record
from ..search.exhaustive.coverage import coverage_of
from ..terminal.console import print_table, run_door, say
from ..terminal.options import parse
from ..terminal.programs import keep_programs
from ..train.builtin import built_in_run, open_victim
from ..victim.victim import Victim
from .campaign import Result, run_campaign
from .options import SharedAttackOptions, bind, open_dataset, plain
from .remote import workers
from .work import doubts

EXAMPLES = (
    "--victim runs/derma-resnet50-224 --num-pixels 3",
    "--victim my_model.py:make_victim --dataset mine --per-class 20",
)


def _run(asked: SharedAttackOptions) -> None:
    options = plain(asked)
    # Before a victim is trained.
    is_wanted(asked.ray)
    keep_programs()
    victim = open_victim(options.victim, options.task, options.data_dir)
    dataset, victim = open_dataset(options, victim)
    campaign = bind(options, victim, dataset)
    with workers(asked.ray) as by:
        # Trained by now: workers only read it.
        named = dataclasses.replace(options, victim=options.victim or built_in_run(options.task))
        result = run_campaign(campaign, by(named))
    show(result, victim, dataset)
    for doubt in doubts(campaign, result.selection, result.records, read_reasons(campaign.folder)):
        say(f"warning: {doubt}")
    _say_coverage(campaign.folder, result.records)
    say(f"records: {campaign.folder / TABLE}")
    say(f"pictures: {result.sheet}" if result.sheet else "pictures: none, no attack succeeded")


def _say_coverage(folder: Path, records: Sequence[Record]) -> None:
    """Of an exhaustive search, whether it may be called complete."""
    swept = [record for record in records if record.exhaustive_flips is not None]
    if swept:
        maps = (load_maps(maps_path(folder, record.image_id)) for record in swept)
        say(coverage_of(maps, sum(record.queries for record in swept)).text)


def show(result: Result, victim: Victim, dataset: PreparedDataset) -> None:
    """Print the success table per class, with Wilson 95 % intervals."""
    records, selection = result.records, result.selection
    rows = []
    for group in selection.groups:
        members = [record for record in records if tuple(record.label_before) == group.label]
        rows.append(_row(label_text(group.label), members, selection.asked))
    rows.append(_row("all", records, None))
    print_table(
        f"{dataset.info.title}: {victim.name}, {records[0].num_pixels} pixel(s)",
        ["class", "success (95 % interval)", "AvgCL", _effort(records)],
        rows,
    )
    if dataset.note:
        say(f"note on the data: {dataset.note}")
    # A class of which no image can be attacked has no rate, and so no asterisk.
    if any(" %*" in row[1] for row in rows):
        say(f"* {footnote(selection.asked)}")
    if result.num_passed_over:
        say(
            f"images that are misclassified as they are, and were not attacked: "
            f"{result.num_passed_over:,} of {selection.total:,}"
        )
    say(
        f"verified from saved 8-bit images; hits refuted: {sum(record.refuted_hits for record in records)}; "
        f"untouched images that changed label by saving: {null_control_failures(records)} of {len(records)}"
    )


def _row(name: str, records: Sequence[Record], asked: int | None) -> list[str]:
    confidence = average_confidence(records)
    positions = [record.exhaustive_positions for record in records if record.exhaustive_positions is not None]
    queries = statistics.median(positions) if positions else median_queries_to_first_hit(records)
    return [
        name,
        success_rate(records).text(asked),
        "–" if confidence is None else f"{confidence:.3f}",
        "–" if queries is None else f"{queries:,.0f}",
    ]


def _effort(records: Sequence[Record]) -> str:
    """Heading of the last column: of an exhaustive search all queries are alike, and positions are counted."""
    is_swept = any(record.exhaustive_positions is not None for record in records)
    return "vulnerable positions, median" if is_swept else "median queries"


OPTIONS = SharedAttackOptions


def main(arguments: Sequence[str]) -> None:
    """Attack what the options name."""
    options = parse(
        SharedAttackOptions,
        "attack",
        "Attack a victim by differential evolution.",
        arguments,
        examples=EXAMPLES,
    )
    _run(options)


if __name__ == "__main__":
    run_door(main)
