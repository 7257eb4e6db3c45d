"""`python -m jaxpix.attack`: attack a victim by differential evolution; records and verified pictures."""

from collections.abc import Sequence

from .attack_options import (
    AttackOptions,
    choice_of,
    default_folder,
    identity_of,
    open_dataset,
    open_victim,
)
from .campaign import run_campaign
from .console import print_table, run_door, say
from .data.prepared import PreparedDataset
from .experiments import Attack
from .metrics.queries import median_queries_to_first_hit
from .metrics.rates import average_confidence, null_control_failures, success_rate
from .options import parse, to_toml
from .records import Record
from .selection import Selection
from .victim import Victim


def _run(options: AttackOptions, victim: Victim, dataset: PreparedDataset) -> None:
    folder = options.run or default_folder(options, victim, dataset)
    attack = Attack(victim, options.config, options.engine)
    identity = identity_of(options, victim, dataset)
    result = run_campaign(attack, dataset, choice_of(options), folder, identity, to_toml("attack", options))
    show(result.records, result.selection, victim, dataset)
    say(f"records: {folder / 'records.parquet'}")
    say(f"pictures: {result.sheet}" if result.sheet else "pictures: none, no attack succeeded")


def show(records: Sequence[Record], selection: Selection, victim: Victim, dataset: PreparedDataset) -> None:
    """Print the success table per class, with Wilson 95 % intervals."""
    rows = []
    for group in selection.groups:
        members = [record for record in records if tuple(record.label_before) == group.label]
        rows.append(_row(victim.space.text(group.label), members, selection.asked))
    rows.append(_row("all", records, None))
    print_table(
        f"{dataset.info.title}: {victim.name}, {records[0].num_pixels} pixel(s)",
        ["class", "success (95 % interval)", "AvgCL", "median queries"],
        rows,
    )
    if dataset.note:
        say(f"note on the data: {dataset.note}")
    if selection.asked is not None and any(
        len(group.indices) < selection.asked for group in selection.groups
    ):
        say(f"* fewer than {selection.asked} correctly classified images")
    say(
        f"verified from saved 8-bit images; hits refuted: {sum(record.refuted_hits for record in records)}; "
        f"untouched images that changed label by saving: {null_control_failures(records)} of {len(records)}"
    )


def _row(name: str, records: Sequence[Record], asked: int | None) -> list[str]:
    confidence, queries = average_confidence(records), median_queries_to_first_hit(records)
    return [
        name,
        success_rate(records).text(asked),
        "–" if confidence is None else f"{confidence:.3f}",
        "–" if queries is None else f"{queries:,.0f}",
    ]


def main(arguments: Sequence[str]) -> None:
    """Attack what the options name."""
    options = parse(AttackOptions, "attack", "Attack a victim by differential evolution.", arguments)
    victim = open_victim(options)
    _run(options, victim, open_dataset(options, victim))


if __name__ == "__main__":
    run_door(main)
