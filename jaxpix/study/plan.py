"""What a study would do: images and candidates of each attack, before anything is computed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..records.files import each_record
from ..search.presets import search_of
from ..terminal.console import print_table, say
from ..train.run import TrainingRun

if TYPE_CHECKING:
    from ..data.prepared import PreparedDataset
    from .file import PlannedAttack, Study


def show_plan(study: Study, dataset: PreparedDataset, folder: Path) -> None:
    """Print victim and attacks with the most images and candidates they can take."""
    rows, total = [], 0
    for attack in study.attacks:
        images = most_images(attack, dataset)
        search = search_of(attack.options.config)
        candidates = images * search.population * (1 + search.generations)
        total += candidates
        run = folder / attack.folder_name
        done = sum(1 for _ in each_record(run)) if run.exists() else 0
        rows.append([attack.folder_name, f"{images:,}", f"{candidates:,}", f"{done:,}"])
    print_table(study.title, ["attack", "images at most", "candidates at most", "finished"], rows)
    if dataset.note:
        say(f"note on the data: {dataset.note}")
    say(f"data: {dataset.path}")
    say(f"victim: {_victim(study, folder)}")
    say(f"run folder: {folder}; at most {total:,} candidates in all")


def most_images(attack: PlannedAttack, dataset: PreparedDataset) -> int:
    """How many images an attack takes if the victim classifies enough of them correctly."""
    choice, space = attack.options.choice, dataset.info.space
    labels = space.from_stored(dataset.labels(choice.subset))
    wanted = choice.wanted(space, dataset)
    target = None if attack.options.config.target is None else space.parse(attack.options.config.target)
    vectors = np.unique(labels, axis=0) if wanted is None else wanted
    counts = [
        int((labels == vector).all(axis=1).sum())
        for vector in vectors
        if target is None or (vector != target).any()
    ]
    return sum(count if choice.per_class is None else min(count, choice.per_class) for count in counts)


def _victim(study: Study, folder: Path) -> str:
    if study.victim is not None:
        return str(study.victim)
    run = TrainingRun(study.victim_folder(folder))
    if run.test_metrics is not None:
        return f"trained before, {run.victim}"
    recipe = study.train
    start = recipe.init or "random"
    return f"{recipe.model} from {start} weights, trained first for at most {recipe.epochs} epochs, in {run.folder}"
