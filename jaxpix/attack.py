"""`python -m jaxpix.attack`: attack a victim by differential evolution; records and verified pictures."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .builtin import built_in_victim
from .campaign import Choice, run_campaign
from .config import AttackConfig, Count, EngineConfig, Task
from .console import print_table, run_door, say
from .data.prepared import PreparedDataset, open_prepared
from .errors import InputError
from .experiments import Attack
from .metrics import (
    average_confidence,
    median_queries_to_first_hit,
    null_control_failures,
    success_rate,
)
from .options import parse, to_plain, to_toml
from .presets import fitness_of
from .records import Record
from .selection import Selection
from .victim import Victim


@dataclasses.dataclass(frozen=True)
class AttackOptions:
    """Options of `python -m jaxpix.attack`."""

    victim: Path | None = None
    """Run folder of `jaxpix.train`, or a saved victim. Default: the built-in one, trained first if absent."""
    dataset: str | None = None
    """Prepared data set whose images are attacked. Default: the one the victim was trained on."""
    data_dir: Path = Path("data")
    """Folder that holds all prepared data sets."""
    split: str | None = None
    """Split scheme, where several are prepared. Default: the victim's."""
    image_size: int | None = None
    """Image size, where several are prepared. Default: the victim's."""
    subset: str = "test"
    """Part of the data set: test, train or validation."""
    classes: tuple[str, ...] = ()
    """Classes to attack, or label sets like "Infiltration|Nodule" or Normal. Default: every class;
    multi-label: the commonest label sets."""
    per_class: Count = 100
    """Correctly classified images per class (or label set), chosen by seed."""
    label_sets: Count = 5
    """Multi-label: how many of the commonest label sets are attacked."""
    all: bool = False
    """Attack every correctly classified image of the subset."""
    run: Path | None = None
    """Run folder. Default: named after the attack, in runs/. An interrupted run goes on."""
    config: AttackConfig = dataclasses.field(default_factory=AttackConfig)
    engine: EngineConfig = dataclasses.field(default_factory=EngineConfig)


def _open_victim(options: AttackOptions) -> Victim:
    if options.victim is not None:
        return Victim.load(options.victim)
    task: Task = "multilabel" if options.config.fitness == "cosine" else "multiclass"
    return built_in_victim(task, data_dir=options.data_dir)


def _open_dataset(options: AttackOptions, victim: Victim) -> PreparedDataset:
    trained_on = victim.provenance
    name = options.dataset or trained_on.get("dataset")
    if not name:
        raise InputError("--dataset is needed: the victim does not say what it was trained on")
    same = name == trained_on.get("dataset")
    dataset = open_prepared(
        name,
        options.data_dir,
        options.split or (trained_on.get("split") if same else None),
        options.image_size or victim.input_shape[0],
    )
    if tuple(dataset.info.class_names) != victim.class_names:
        raise InputError(
            f"the classes of {name} {list(dataset.info.class_names)} are not those of the victim "
            f"{list(victim.class_names)}"
        )
    shape = (dataset.image_size, dataset.image_size, dataset.info.channels)
    if shape != victim.input_shape:
        raise InputError(f"{name} holds images {list(shape)}, the victim takes {list(victim.input_shape)}")
    if same and trained_on.get("fingerprint") not in (None, dataset.fingerprint):
        say(f"note: {name} is not the copy the victim was trained on; training images may be among these")
    return dataset


def _identity(options: AttackOptions, victim: Victim, dataset: PreparedDataset) -> dict[str, Any]:
    chosen = to_plain(options)
    places = ("victim", "run", "data_dir", "dataset", "split", "image_size")
    for name in (*places, *to_plain(options.engine)):
        del chosen[name]
    return {**chosen, "victim_id": victim.victim_id, "data_fingerprint": dataset.fingerprint}


def _default_folder(options: AttackOptions, victim: Victim, dataset: PreparedDataset) -> Path:
    config = options.config
    name = f"attack-{dataset.info.name}-{victim.name}-{fitness_of(config, victim.task)}-k{config.num_pixels}"
    if config.target is not None:
        name += "-to-" + "".join(c if c.isalnum() else "_" for c in config.target)
    return Path("runs") / name


def _run(options: AttackOptions, victim: Victim, dataset: PreparedDataset) -> None:
    folder = options.run or _default_folder(options, victim, dataset)
    attack = Attack(victim, options.config, options.engine)
    per_class = None if options.all else options.per_class
    choice = Choice(options.subset, options.classes, per_class, options.label_sets)
    identity = _identity(options, victim, dataset)
    result = run_campaign(attack, dataset, choice, folder, identity, to_toml("attack", options))
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
    victim = _open_victim(options)
    _run(options, victim, _open_dataset(options, victim))


if __name__ == "__main__":
    run_door(main)
