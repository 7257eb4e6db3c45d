"""The doors that faults.py kills: their command lines, and what is compared of what they leave."""

import csv
import dataclasses
import json
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jaxpix import read_records
from jaxpix.data.prepared import open_prepared
from jaxpix.storage.documents import read_json

DATA = "phantom-xray"
RECIPE = shlex.split("--model resnet14 --epochs 4 --batch-size 16 --learning-rate 0.02 --stop-accuracy 1")
SEARCH = shlex.split("--population 20 --generations 10 --per-class 12 --slots 2 --evaluator dense")
ATTACKS = ("untargeted-k20", "by-margin-k20")
STUDY = f"""
[data]
dataset = "{DATA}"
image_size = 32
[train]
model = "resnet14"
epochs = 4
batch_size = 16
learning_rate = 0.02
stop_accuracy = 1.0
[attack]
population = 12
generations = 6
per_class = 6
slots = 2
evaluator = "dense"
[study]
title = "Killed again and again"
num_pixels = [20]
[[study.attacks]]
name = "untargeted"
[[study.attacks]]
name = "by-margin"
fitness = "margin"
"""


@dataclasses.dataclass(frozen=True)
class Door:
    """A command that works in a folder of its own, what is compared of that folder, and whose results it reads."""

    name: str
    arguments: Callable[[Path], list[str]]
    outcome: Callable[[Path], Any]
    needs: tuple[str, ...] = ()


def doors_of(inputs: Path, num_images: int) -> list[Door]:
    """All doors, those first whose results in `inputs` the later ones read."""
    data = ["--data-dir", str(inputs / "prepare")]
    drawn = [DATA, "--image-size", "32", "--num-images", str(num_images)]
    victim = ["--victim", str(inputs / "train")]
    file = inputs / "study.toml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(STUDY, encoding="utf-8")
    return [
        Door("prepare", lambda folder: [*drawn, "--data-dir", str(folder)], prepared),
        Door("train", lambda folder: [DATA, *data, *RECIPE, "--run", str(folder)], trained, ("prepare",)),
        Door(
            "attack",
            lambda folder: [*victim, *data, *SEARCH, "--run", str(folder)],
            attacked,
            ("prepare", "train"),
        ),
        Door(
            "report",
            lambda folder: [str(inputs / "attack"), "--out", str(folder)],
            reported,
            ("prepare", "train", "attack"),
        ),
        Door("study", lambda folder: [str(file), *data, "--run", str(folder)], studied, ("prepare",)),
    ]


def prepared(folder: Path) -> Any:
    """Fingerprint and files of the only data set in `folder`."""
    dataset = open_prepared(DATA, folder)
    return dataset.fingerprint, _names(folder)


def trained(folder: Path) -> Any:
    """Metrics of all epochs and of the test, and the victim's hash."""
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    for line in lines:
        del line["seconds"], line["images_per_second"]
    victim = read_json(folder / "victim" / "victim.json")
    return lines, read_json(folder / "test_metrics.json"), victim["victim_id"]


def attacked(folder: Path) -> Any:
    """Records in order, and all pictures."""
    records = [dataclasses.replace(record, seconds=0.0) for record in read_records(folder)]
    pictures = {path.relative_to(folder): path.read_bytes() for path in sorted(folder.rglob("*.png"))}
    return records, pictures, read_json(folder / "selection.json")


def reported(folder: Path) -> Any:
    """Every table, the summary, and the names of all files."""
    tables = {path.name: path.read_bytes() for path in sorted((folder / "tables").iterdir())}
    return tables, (folder / "summary.json").read_bytes(), _names(folder)


def studied(folder: Path) -> Any:
    """Victim, attacks and all tables of the report but for their seconds, and the names of its files."""
    report = folder / "report"
    tables = {path.name: _without_seconds(path) for path in sorted((report / "tables").glob("*.csv"))}
    attacks = [attacked(folder / name) for name in ATTACKS]
    return trained(folder / "victim"), attacks, tables, (folder / "study.toml").read_bytes(), _names(report)


def _without_seconds(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.reader(stream))
    kept = [number for number, heading in enumerate(rows[0]) if "seconds" not in heading]
    return [[row[number] for number in kept] for row in rows]


def _names(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))
