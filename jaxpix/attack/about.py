"""What a run folder's `about.json` says: the data set and the victim, for whoever reports on the records."""

from typing import cast

from ..data.prepared import PreparedDataset
from ..records.attacked import About, AttackedData, AttackedVictim, Provenance
from ..victim.victim import Victim


def describe_attacked(victim: Victim, dataset: PreparedDataset, subset: str) -> About:
    """Data set and victim; `None` where something is unknown."""
    return {"dataset": _dataset(dataset, subset), "victim": _victim(victim)}


def _dataset(dataset: PreparedDataset, subset: str) -> AttackedData:
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
        "channels": 1 if info.channels == 1 else 3,
        "split": dataset.scheme,
        "subset": subset,
        "synthetic": dataset.synthetic,
        "note": dataset.note,
    }


def _victim(victim: Victim) -> AttackedVictim:
    provenance = dict(victim.provenance)
    metrics = provenance.pop("test", None)
    return {
        "name": victim.name,
        "id": victim.victim_id,
        "architecture": victim.description["architecture"] if victim.description else None,
        "provenance": cast(Provenance, provenance),
        "test_metrics": metrics,
    }
