"""How far attacks that were computed differently agree: pure functions of records and of verdicts on candidates.

`reproduce.py` makes the attacks, `reproduce_verdicts.py` the verdicts. Multi-class, untargeted.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from jaxpix.records.record import Record

# Of the largest logit; as in exactness.py. What is seen of two float32 computations is about 1e-6.
TOLERANCE = 1e-4

# What two float32 computations of the same search may round differently.
ROUNDED = {"confidences_before", "confidences_after", "best_fitness", "trajectory"}

Verdicts = Mapping[str, Mapping[str, Any]]
"""Of one judge, for each image id: `label`, `logits` of the candidate, `untouched` logits."""


def differing_fields(first: Record, second: Record) -> list[str]:
    """Names of the fields, but for the seconds, in which two records differ."""
    names = [field.name for field in dataclasses.fields(Record) if field.name != "seconds"]
    return [name for name in names if getattr(first, name) != getattr(second, name)]


def compare_records(first: Sequence[Record], second: Sequence[Record]) -> dict[str, Any]:
    """How many images have identical records, and of the others the fields that differ.

    Every image of either side counts; one that the other side does not have differs in `missing`.
    """
    ours, theirs = ({record.image_id: record for record in records} for records in (first, second))
    different = {}
    for name in sorted({*ours, *theirs}):
        if name not in ours or name not in theirs:
            different[name] = ["missing"]
        elif fields := differing_fields(ours[name], theirs[name]):
            different[name] = fields
    total = len({*ours, *theirs})
    return {"records": total, "identical": total - len(different), "different": different}


def margin(record: Record, logits: Sequence[float]) -> float:
    """Logit of the original label less the largest other one; below 0 the candidate is adversarial."""
    values = np.asarray(logits, np.float64)
    position = record.class_names.index(record.label_before[0])
    return float(values[position] - np.delete(values, position).max())


def compare_verdicts(records: Sequence[Record], first: Verdicts, second: Verdicts) -> dict[str, Any]:
    """Whether two judges say the same of the same candidates.

    Returns:
        Counts; the largest difference of a logit, and the largest logit; `allowed`, the margin below which two
        judges may disagree; every disagreement with its margins; and how many of these are beyond what is allowed.
    """
    logits = [
        np.array([judge[record.image_id][kind] for record in records for kind in ("logits", "untouched")])
        for judge in (first, second)
    ]
    scale = float(np.abs(logits[0]).max())
    allowed = TOLERANCE * scale
    disagreements = []
    for record in records:
        ours, theirs = first[record.image_id], second[record.image_id]
        if ours["label"] != theirs["label"]:
            margins = [margin(record, verdict["logits"]) for verdict in (ours, theirs)]
            within = max(map(abs, margins)) <= allowed
            disagreements.append({"image_id": record.image_id, "margins": margins, "within": within})
    return {
        "candidates": len(records),
        "successes": sum(record.success for record in records),
        "same_label": len(records) - len(disagreements),
        "max_logit_difference": float(np.abs(logits[0] - logits[1]).max()),
        "logit_scale": scale,
        "allowed": allowed,
        "smallest_margin": min(abs(margin(record, first[record.image_id]["logits"])) for record in records),
        "disagreements": disagreements,
        "beyond_tolerance": sum(not disagreement["within"] for disagreement in disagreements),
    }


def compare_searches(
    first: Sequence[Record],
    second: Sequence[Record],
    first_margins: Mapping[str, float] | None = None,
    second_margins: Mapping[str, float] | None = None,
) -> dict[str, Any]:
    """Whether two whole searches came to the same; where one succeeded and the other failed, by what margin.

    `same_but_for_rounding` counts the records whose pixels, labels, queries and generations are the same.

    Args:
        first, second: records of the same images.
        first_margins, second_margins: of their candidates, by image id; None: not known.
    """
    ours, theirs = ({record.image_id: record for record in records} for records in (first, second))
    names = {(True, True): "both", (True, False): "only_first", (False, True): "only_second"}
    table = dict.fromkeys((*names.values(), "neither"), 0)
    decided = []
    for image_id in sorted(ours.keys() & theirs.keys()):
        successes = ours[image_id].success, theirs[image_id].success
        outcome = names.get(successes, "neither")
        table[outcome] += 1
        if successes[0] != successes[1]:
            margins = [known and known[image_id] for known in (first_margins, second_margins)]
            decided.append({"image_id": image_id, "succeeded": outcome, "margins": margins})
    compared = compare_records(first, second)
    parted = [
        image_id for image_id, fields in compared["different"].items() if not ROUNDED.issuperset(fields)
    ]
    return {
        **compared,
        "same_but_for_rounding": compared["records"] - len(parted),
        "successes": table,
        "decided_differently": decided,
    }


def fitness_difference(first: Sequence[Record], second: Sequence[Record]) -> float:
    """Largest difference of the best fitness where two searches returned the same candidate; nan: nowhere."""
    theirs = {record.image_id: record for record in second}
    differences = [
        abs(record.best_fitness - theirs[record.image_id].best_fitness)
        for record in first
        if record.image_id in theirs and record.pixels == theirs[record.image_id].pixels
    ]
    return max(differences, default=float("nan"))
