"""Attacks that failed: how far they came."""

import dataclasses
import statistics
from collections.abc import Sequence

from ..records.record import Record


def certainty(record: Record, confidences: Sequence[float], label: Sequence[str] | None = None) -> float:
    """How sure these confidences are of a label, by default of the one before the attack; 0..1.

    Multiclass: the confidence of its class. A label set falls as soon as one of its decisions does,
    so it is as sure as the least sure of them: the confidence of a class that is present, one minus that of a
    class that is not. This also holds for Normal, where no class is present.
    """
    label = record.label_before if label is None else label
    if record.task == "multiclass":
        return confidences[record.class_names.index(label[0])]
    return min(
        confidence if name in label else 1 - confidence
        for name, confidence in zip(record.class_names, confidences, strict=True)
    )


def distance(record: Record) -> float:
    """How far the fittest candidate stayed from success: what is left of the label, or lacks of the target; 0..1."""
    if record.target is None:
        return certainty(record, record.confidences_after)
    return 1 - certainty(record, record.confidences_after, record.target)


@dataclasses.dataclass(frozen=True)
class ConfidenceFall:
    """How sure the victim was of the original label, before and under the fittest candidate.

    Attributes:
        failures: attacks that this summarises, at least one.
        mean_before, mean_after: certainty, 0..1.
        mean_fall, median_fall, largest_fall: before minus after, -1..1; negative where it grew.
    """

    failures: int
    mean_before: float
    mean_after: float
    mean_fall: float
    median_fall: float
    largest_fall: float


def confidence_fall(records: Sequence[Record]) -> ConfidenceFall | None:
    """How far the certainty of the original label fell where the attack failed; None where none failed."""
    failures = [record for record in records if not record.success]
    if not failures:
        return None
    before = [certainty(record, record.confidences_before) for record in failures]
    after = [certainty(record, record.confidences_after) for record in failures]
    falls = [old - new for old, new in zip(before, after, strict=True)]
    return ConfidenceFall(
        failures=len(failures),
        mean_before=statistics.fmean(before),
        mean_after=statistics.fmean(after),
        mean_fall=statistics.fmean(falls),
        median_fall=float(statistics.median(falls)),
        largest_fall=max(falls),
    )
