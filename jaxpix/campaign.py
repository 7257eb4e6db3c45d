"""An attack on a data set in a run folder: choose images, attack, keep what finishes, go on after a kill."""

import dataclasses
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .about import describe_attacked
from .console import Meter, say
from .data.prepared import PreparedDataset
from .engine import Job
from .environment import describe_environment
from .experiments import Attack, Origin
from .files import write_atomically
from .labels import LabelSpace
from .pictures import contact_sheet, in_turns, pair, read_pair, to_png
from .records import Record
from .runs import ABOUT, CONFIG, ENVIRONMENT, SELECTION, AttackRun
from .selection import Selection, select, wanted_labels

_PAIRS_ON_SHEET = 8


@dataclasses.dataclass(frozen=True)
class Choice:
    """Which images are attacked.

    Attributes:
        subset: part of the data set.
        classes: labels to attack, as text; empty: every class, or the commonest label sets.
        per_class: images per label; None: all.
        num_label_sets: multi-label: how many of the commonest sets, where `classes` is empty.
    """

    subset: str = "test"
    classes: tuple[str, ...] = ()
    per_class: int | None = 100
    num_label_sets: int = 5


@dataclasses.dataclass(frozen=True)
class Result:
    """A finished campaign.

    Attributes:
        records: in the order of the selection.
        selection: the images that were chosen.
        sheet: picture of successes, if there are any.
        seconds: that the experiments took which were not finished before.
    """

    records: list[Record]
    selection: Selection
    sheet: Path | None
    seconds: float


def run_campaign(
    attack: Attack,
    dataset: PreparedDataset,
    choice: Choice,
    folder: Path,
    identity: Mapping[str, Any],
    config_text: str,
) -> Result:
    """Attack the chosen images and keep everything in `folder`; finished experiments are not repeated.

    Args:
        attack: bound to the victim.
        dataset: whose images are attacked.
        choice: which of them.
        folder: run folder, created or resumed.
        identity: JSON-able values that decide the results.
        config_text: what `config.toml` of the folder says.

    Raises:
        InputError: the folder holds another attack or is in use; no image can be attacked.
    """
    labels = attack.victim.space.from_stored(dataset.labels(choice.subset))
    image_ids = [str(name) for name in dataset.image_ids(choice.subset)]
    with AttackRun(folder, identity) as run:
        # A resumed run says it anew: older versions did not, and somebody may have added a note to the data.
        run.store_json(ABOUT, describe_attacked(attack.victim, dataset, choice.subset))
        plain = run.stored_json(SELECTION)
        if plain is None:
            selection = _choose(attack, dataset, choice, labels)
            run.store_text(CONFIG, config_text)
            run.store_json(ENVIRONMENT, describe_environment())
            run.store_json(SELECTION, selection.to_plain())
        else:
            selection = Selection.from_plain(plain)
        indices = [index for group in selection.groups for index in group.indices]
        todo = [index for index in indices if image_ids[index] not in run.finished]
        if run.finished:
            say(f"{folder}: {len(run.finished)} of {len(indices)} experiments were finished before")
        source = dataset.source(choice.subset)

        def jobs() -> Iterator[Job]:
            for index in todo:
                yield attack.job(image_ids[index], source[index]["image"], labels[index])

        began = time.monotonic()
        if todo:
            say(_announcement(attack, len(indices)))
            origin = Origin(dataset.info.name, dataset.scheme, choice.subset, dataset.synthetic)
            _stream(attack, jobs(), origin, run, len(indices))
        seconds = time.monotonic() - began
        records = run.finish([image_ids[index] for index in indices])
        return Result(records, selection, _sheet(folder, records), seconds)


def wanted_of(space: LabelSpace, dataset: PreparedDataset, choice: Choice) -> list[np.ndarray] | None:
    """Label vectors [N] whose images a choice takes; None: every label that occurs."""
    if choice.per_class is None and not choice.classes:
        return None
    every = np.concatenate([space.from_stored(dataset.labels(name)) for name in dataset.num_examples])
    return wanted_labels(space, every, choice.classes, choice.num_label_sets)


def _choose(attack: Attack, dataset: PreparedDataset, choice: Choice, labels: np.ndarray) -> Selection:
    wanted = wanted_of(attack.victim.space, dataset, choice)
    source = dataset.source(choice.subset)
    total = len(labels) if choice.per_class is None and wanted is None else None
    with Meter(f"choosing images that {attack.victim.name} classifies correctly", total) as meter:
        return select(attack, source, labels, wanted, choice.per_class, attack.config.seed, meter.advance)


def _announcement(attack: Attack, total: int) -> str:
    search, config = attack.search, attack.config
    aim = f"targeted at {config.target}" if config.target is not None else "untargeted"
    most = search.population * (1 + search.generations)
    return (
        f"{total} experiments: {config.num_pixels} pixel{'s' * (config.num_pixels > 1)}, {aim}, fitness "
        f"{attack.fitness}, preset {config.preset}, at most {most:,} queries each; evaluation "
        f"{attack.engine.evaluator.name}, {attack.engine.layout.num_slots} slots; compiling first"
    )


def _stream(attack: Attack, jobs: Iterator[Job], origin: Origin, run: AttackRun, total: int) -> None:
    successes = sum(record.success for record in run.finished.values())
    candidates = 0
    with Meter("attack", total, "experiments", already=len(run.finished)) as meter:

        def note() -> str:
            return f"{successes} successes · {candidates / meter.seconds:,.0f} candidates/s"

        def count(evaluated: int) -> None:
            nonlocal candidates
            candidates += evaluated
            meter.advance(0, note())

        for finished in attack.run(jobs, origin, count, say):
            successes += run.save(finished).success
            meter.advance(1, note())


def _sheet(folder: Path, records: Sequence[Record]) -> Path | None:
    """A contact sheet of the first successes of each class, in turn."""
    turns = in_turns(records)[:_PAIRS_ON_SHEET]
    pairs = [pair(record, *read_pair(folder, record)) for record in turns]
    if not pairs:
        return None
    write_atomically(folder / "successes.png", to_png(contact_sheet(pairs)))
    return folder / "successes.png"
