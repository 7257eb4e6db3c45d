"""What a run folder's `about.json` says: the data set and the victim, for whoever reports on the records."""

from typing import Any

from ..data.prepared import PreparedDataset
from ..victim.victim import Victim


def describe_attacked(victim: Victim, dataset: PreparedDataset, subset: str) -> dict[str, Any]:
    """Data set and victim as JSON-able values; `None` where something is unknown.

    Returns:
        `dataset`: name, title, citation, licence, task, class_names, normal_classes, image_size, channels,
        split, subset, synthetic and note (free text of whoever prepared it, shown with every figure).
        `victim`: name, id, architecture, provenance and test_metrics (`jaxpix.train.evaluation.evaluate_logits`).
    """
    return {"dataset": _dataset(dataset, subset), "victim": _victim(victim)}


def _dataset(dataset: PreparedDataset, subset: str) -> dict[str, Any]:
    info = dataset.info
    return {
        "name": dataset.name,
        "title": info.title,
        "citation": info.citation,
        "licence": info.licence,
        "task": info.task,
        "class_names": list(info.class_names),
        "normal_classes": list(info.normal_classes),
        "image_size": dataset.image_size,
        "channels": info.channels,
        "split": dataset.scheme,
        "subset": subset,
        "synthetic": dataset.synthetic,
        "note": dataset.note,
    }


def _victim(victim: Victim) -> dict[str, Any]:
    provenance = dict(victim.provenance)
    metrics = provenance.pop("test", None)
    return {
        "name": victim.name,
        "id": victim.victim_id,
        "architecture": victim.description["architecture"] if victim.description else None,
        "provenance": provenance,
        "test_metrics": metrics,
    }
