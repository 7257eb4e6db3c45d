"""What attacked images become: class transformation (6)-(7), and the way between disease and Normal."""

import collections
import dataclasses
from collections.abc import Mapping, Sequence

from ..records.record import Record
from .rates import Rate, average_confidence, by_original, grouped, wilson

Label = tuple[str, ...]
"""Names of the classes present: one of them for multiclass, any number for label sets."""

Transformations = Mapping[Label, Mapping[Label, int]]
"""Successes by the label before the attack, then by the one after it."""


def transformation_counts(records: Sequence[Record]) -> dict[Label, dict[Label, int]]:
    """n(o, a): successes by label before and after (Tables 7 and 16).

    Every label that was attacked is a key, one that never changed with an empty mapping. A targeted attack
    may change a label and fail all the same: it does not count.
    """
    return {
        label: dict(collections.Counter(tuple(record.label_after) for record in members if record.success))
        for label, members in by_original(records).items()
    }


def transformation_ratios(counts: Transformations) -> dict[Label, float]:
    """T(a): mean share of each resulting label among the successes of an original label (6)-(7).

    Args:
        counts: what `transformation_counts` gives. Labels without any success do not enter the mean (the
            paper's F).

    Returns:
        Shares in 0..1 that sum to 1, by resulting label; empty without any success.
    """
    totals = {label: sum(after.values()) for label, after in counts.items()}
    num_labels = sum(total > 0 for total in totals.values())
    ratios: dict[Label, float] = {}
    for label, after in counts.items():
        for result, count in after.items():
            ratios[result] = ratios.get(result, 0.0) + count / totals[label] / num_labels
    return ratios


def knows_normal(records: Sequence[Record]) -> bool:
    """Whether the records tell disease from Normal: label sets do, multiclass where normal classes are named."""
    return bool(records) and all(record.task == "multilabel" or record.normal_classes for record in records)


def is_normal(label: Sequence[str], record: Record) -> bool:
    """Whether a label of this record is no disease: the empty label set, or one of its normal classes.

    Never true for a multiclass record that names no normal class; ask `knows_normal` first.
    """
    return not label if record.task == "multilabel" else label[0] in record.normal_classes


def is_dangerous(record: Record) -> bool:
    """A success that calls a diseased image normal; never true where nobody knows which classes are normal."""
    return (
        record.success
        and knows_normal([record])
        and not is_normal(record.label_before, record)
        and is_normal(record.label_after, record)
    )


@dataclasses.dataclass(frozen=True)
class Conversions:
    """Successes that crossed between disease and Normal (Table 9).

    Attributes:
        disease_to_normal, normal_to_disease: how many. Their shares refer to the sum of both.
    """

    disease_to_normal: int
    normal_to_disease: int

    @property
    def share_to_normal(self) -> Rate:
        """Disease to Normal over both."""
        return wilson(self.disease_to_normal, self.disease_to_normal + self.normal_to_disease)

    @property
    def share_to_disease(self) -> Rate:
        """Normal to Disease over both."""
        return wilson(self.normal_to_disease, self.disease_to_normal + self.normal_to_disease)


def conversions(records: Sequence[Record]) -> Conversions:
    """How many successes crossed between disease and Normal; changes within either do not count."""
    ways = collections.Counter(
        (is_normal(record.label_before, record), is_normal(record.label_after, record))
        for record in records
        if record.success
    )
    return Conversions(disease_to_normal=ways[False, True], normal_to_disease=ways[True, False])


def dangerous_rate(records: Sequence[Record]) -> Rate:
    """Disease that became Normal, over all experiments that began with a disease (6.2).

    The only outcome that the paper's physician calls dangerous: a patient is sent home.
    """
    ill = [record for record in records if not is_normal(record.label_before, record)]
    return wilson(sum(record.success and is_normal(record.label_after, record) for record in ill), len(ill))


@dataclasses.dataclass(frozen=True)
class Resulting:
    """A label that successes ended in (Table 13).

    Attributes:
        label: the one after the attack.
        share: of the successes.
        average_confidence: AvgCL (8) over the successes that ended here; None for label sets.
    """

    label: Label
    share: Rate
    average_confidence: float | None


def resulting_labels(records: Sequence[Record]) -> list[Resulting]:
    """Which labels the successes ended in, the commonest first."""
    successes = [record for record in records if record.success]
    groups = grouped(successes, lambda record: tuple(record.label_after))
    found = [
        Resulting(label, wilson(len(members), len(successes)), average_confidence(members))
        for label, members in groups.items()
    ]
    return sorted(found, key=lambda one: (-one.share.successes, one.label))


def resulting_diseases(records: Sequence[Record]) -> tuple[dict[int, int], dict[str, int]]:
    """How many diseases the resulting label sets hold, and which (Figure 10), over the successes.

    Returns:
        Successes by number of diseases, ascending, and by disease, the commonest first; a success counts
        once for each of its diseases. Normal classes of a multiclass victim are no disease.
    """
    numbers: collections.Counter[int] = collections.Counter()
    kinds: collections.Counter[str] = collections.Counter()
    for record in records:
        if record.success:
            diseases = [name for name in record.label_after if name not in record.normal_classes]
            numbers[len(diseases)] += 1
            kinds.update(diseases)
    return dict(sorted(numbers.items())), dict(sorted(kinds.items(), key=lambda item: (-item[1], item[0])))
