"""Finished attacks made by hand: consistent records, and what a run folder says around them."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from jaxpix.records.record import Record
from jaxpix.report.runs.reading import AttackResult
from support.some_records import some_record


def record(**overrides: Any) -> Record:
    """An untargeted one-pixel attack on a chest X-ray that failed; what follows from `overrides` follows.

    `label_after` other than `label_before` makes a success, with the confidences, queries, picture and
    stop reason of one, unless `overrides` says otherwise.
    """
    defaults: dict[str, Any] = {
        "dataset": "pneumonia",
        "victim": "resnet50",
        "class_names": ["NORMAL", "PNEUMONIA"],
        "normal_classes": ["NORMAL"],
        "label_before": ["NORMAL"],
    }
    values = {**defaults, **overrides}
    values.setdefault("label_after", values["label_before"])
    values.setdefault("success", values["label_after"] != values["label_before"])
    name = values.pop("image_id", "a.png")
    classes = values["class_names"]
    values.setdefault("confidences_before", _confidences(classes, values["label_before"], 0.75))
    values.setdefault("confidences_after", _confidences(classes, values["label_after"], 0.625))
    if values["success"]:
        values.setdefault("image_file", f"adversarial/{name}.png")
    success = values.pop("success")
    return some_record(name, success=success, **values)


def _confidences(classes: Sequence[str], label: Sequence[str], of_label: float) -> list[float]:
    """`of_label` for each class of the label; the others share the rest."""
    rest = (1 - of_label) / max(1, len(classes) - len(label))
    return [of_label if name in label else rest for name in classes]


def attack_result(records: Sequence[Record], **overrides: Any) -> AttackResult:
    """The run folder that `records` would lie in; the data set is real, the protocol the paper's."""
    first = records[0]
    multilabel = first.task == "multilabel"
    dataset = {
        "name": first.dataset,
        "title": f"the data set {first.dataset}",
        "citation": "Somebody et al., 2018",
        "licence": "CC BY 4.0",
        "task": first.task,
        "class_names": first.class_names,
        "normal_classes": [] if multilabel else first.normal_classes,
        "image_size": 224,
        "channels": len(first.pixels[0].before),
        "split": first.split,
        "subset": first.subset,
        "synthetic": first.synthetic,
        "note": None,
    }
    victim = {
        "name": first.victim,
        "id": first.victim_id,
        "architecture": "resnet50",
        "provenance": {"dataset": first.dataset, "split": first.split},
        "test_metrics": None if multilabel else {"task": "multiclass", "accuracy": 0.9, "count": 1000},
    }
    options: dict[str, Any] = {"num_pixels": first.num_pixels, "preset": first.preset, "generations": 100}
    if first.target is not None:
        options["target"] = "|".join(first.target) or "Normal"
    values: dict[str, Any] = {
        "folder": Path("attack"),
        "records": list(records),
        "num_experiments": len(records),
        "asked": 100,
        "dataset": {**dataset, **overrides.pop("dataset", {})},
        "victim": {**victim, **overrides.pop("victim", {})},
        "environment": {"jaxpix": "0.4.0", "date": "2026-01-31T12:00:00+00:00", "devices": ["cpu"]},
        "options": {**options, "per_class": 100, "seed": first.seed, **overrides.pop("options", {})},
    }
    return AttackResult(**{**values, **overrides})


def experiments(count: int, afters: Iterable[Sequence[str]] = (), **overrides: Any) -> list[Record]:
    """`count` records of distinct images of one label, the first of which end as `afters`; the rest fail."""
    before = list(overrides.get("label_before", ["NORMAL"]))
    ends = [list(after) for after in afters]
    ends += [before] * (count - len(ends))
    assert len(ends) == count, "more outcomes than experiments"
    stem = "-".join(before) or "Normal"
    return [
        record(image_id=f"{stem}-{number}.png", label_after=after, **overrides)
        for number, after in enumerate(ends)
    ]
