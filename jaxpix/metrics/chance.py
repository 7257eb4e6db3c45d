"""Whether a classifier knows more than chance does: rates of attacks against one that does not mean nothing.

What guessing gives is that of a classifier whose answers were dealt to the images at random: its mean and variance
are known exactly (Hoeffding's combinatorial central limit theorem), ties and the correlation of labels included.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, NotRequired

import numpy as np
from pydantic import ConfigDict, Field, with_config
from typing_extensions import TypedDict

from ..errors import InputError
from ..records.attacked import AT_THE_TARGET, MISCLASSIFIED
from ..storage.documents import checked

if TYPE_CHECKING:
    from ..config import Task
    from ..records.attacked import PassedOver, Selection
    from ..records.record import Record

# Of the normal distribution, two-sided 95 %.
_Z = 1.959963984540054
# Fewer images that happened to be looked at say nothing.
_FEWEST = 10
_LOW_EXACT_MATCH = 1 / 3


@dataclasses.dataclass(frozen=True)
class Skill:
    """A measure beside what guessing gives; all in 0..1.

    Attributes:
        name: of the measure.
        value: what the classifier has.
        low, high: the central 95 % of what guessing gives.
    """

    name: str
    value: float
    low: float
    high: float

    def doubt(self, images: str) -> str | None:
        """The sentence on a classifier that is not better than chance; None: it is. `images`: measured on these."""
        if self.value > self.high + 1e-9:
            return None
        kind = "at chance" if self.value >= self.low - 1e-9 else "worse than chance"
        order = "" if kind == "at chance" else "; are its classes in the order of the data's?"
        return (
            f"the victim is {kind}: {self.name} {_percent(self.value)} on {images}, where guessing gives "
            f"{_percent(self.low)} to {_percent(self.high)} (95 %): rates of attacks against it mean nothing{order}"
        )


def balanced_accuracy(true: Sequence[int], predicted: Sequence[int], correct: Sequence[int]) -> Skill | None:
    """Mean recall of the classes that have images.

    Args:
        true, predicted, correct: how many images of each class there are, are called so, and both.

    Returns:
        None where fewer than two classes have images.
    """
    sizes, said, hits = (np.asarray(counts, float) for counts in (true, predicted, correct))
    there, total = sizes > 0, sizes.sum()
    if there.sum() < 2:
        return None
    weights = np.divide(1.0, there.sum() * sizes, out=np.zeros_like(sizes), where=there)
    # What an image of class k adds when it is dealt the answer l, less its mean over images and over answers.
    added = np.diag(weights)
    rows, columns = added @ said / total, sizes @ added / total
    centred = added - rows[:, None] - columns[None] + rows @ sizes / total
    variance = float(sizes @ centred**2 @ said) / (total - 1)
    mean = float(rows @ sizes / total) * float(total)
    return _beside("balanced accuracy", float(hits @ weights), mean, variance)


def macro_auroc_variance(labels: np.ndarray, scores: np.ndarray) -> float:
    """Variance of the macro AUROC of a classifier whose scores were dealt at random.

    Args:
        labels: 0/1 [B, N]; labels that all images have, or none, do not count.
        scores: [B, N], higher means rather present.
    """
    from scipy.stats import rankdata

    positives = labels.sum(0)
    there = (positives > 0) & (positives < len(labels))
    if not there.any():
        return 0.0
    present, ranks = labels[:, there].astype(float), rankdata(scores[:, there], axis=0)
    pairs = positives[there] * (len(labels) - positives[there])
    weights = 1.0 / (pairs * there.sum())
    present, ranks = present - present.mean(0), ranks - ranks.mean(0)
    together = (present.T @ present) * (ranks.T @ ranks)
    return float(weights @ together @ weights) / (len(labels) - 1)


def _beside(name: str, value: float, mean: float, variance: float) -> Skill:
    reach = _Z * math.sqrt(max(variance, 0.0))
    return Skill(name, value, max(0.0, mean - reach), min(1.0, mean + reach))


_Count = Annotated[int, Field(ge=0, lt=2**40)]
_Share = Annotated[float, Field(ge=0, le=1)]


@with_config(ConfigDict(strict=True))
class _Label(TypedDict):
    count: _Count
    auroc: _Share | None


@with_config(ConfigDict(strict=True))
class _Tested(TypedDict):
    """What of a training's test metrics is read here; older ones have no `macro_auroc_variance`."""

    count: _Count
    confusion: NotRequired[list[list[_Count]]]
    exact_match: NotRequired[_Share]
    macro_auroc: NotRequired[_Share | None]
    macro_auroc_variance: NotRequired[Annotated[float, Field(ge=0, allow_inf_nan=False)]]
    labels: NotRequired[list[_Label]]


def doubts_of_test(metrics: Mapping[str, Any] | None) -> list[str]:
    """Sentences on what a training's test says against its victim; none where it was not tested by jaxpix."""
    try:
        tested = checked(_Tested, dict(metrics or {}), "")
    except InputError:
        return []
    images = f"{tested['count']:,} test images"
    skill = _tested_skill(tested)
    doubt = skill.doubt(images) if skill else None
    if doubt is not None:
        return [doubt]
    exact, area = tested.get("exact_match"), tested.get("macro_auroc")
    if exact is None or exact >= _LOW_EXACT_MATCH:
        return []
    although = "" if area is None else f", although macro AUROC is {_percent(area)}"
    return [
        f"the victim names exactly the labels of an image for {_percent(exact)} of {images}{although}: only such "
        "images are attacked, and rates speak for them alone"
    ]


def _tested_skill(tested: _Tested) -> Skill | None:
    confusion = tested.get("confusion")
    if confusion:
        if any(len(row) != len(confusion) for row in confusion):
            return None
        counts = np.array(confusion, float)
        return balanced_accuracy(counts.sum(1).tolist(), counts.sum(0).tolist(), np.diag(counts).tolist())
    value = tested.get("macro_auroc")
    if value is None:
        return None
    variance = tested.get("macro_auroc_variance")
    if variance is None:
        variance = _variance_of_counts(tested)
    return _beside("macro AUROC", value, 0.5, variance)


def _variance_of_counts(tested: _Tested) -> float:
    """Of labels that have nothing to do with one another, and scores without ties."""
    total = tested["count"]
    sizes = [label["count"] for label in tested.get("labels", []) if 0 < label["count"] < total]
    if not sizes:
        return 0.0
    return sum((total + 1) / (12 * size * (total - size)) for size in sizes) / len(sizes) ** 2


def doubts_of_judged(
    selection: Selection,
    task: Task,
    class_names: Sequence[str],
    records: Sequence[Record] = (),
    passed_over: Sequence[PassedOver] = (),
) -> list[str]:
    """Sentences on what the images that an attack looked at say against its victim.

    Args:
        selection: the images that were chosen, and those looked at for it.
        task: of the victim; of label sets nothing is said, and nothing where not every class was looked at.
        class_names: its classes.
        records: finished experiments, where the images are judged one by one as their turn comes.
        passed_over: images that were judged and not attacked, likewise.
    """
    places: dict[tuple[str, ...], int] = {(name,): number for number, name in enumerate(class_names)}
    if task == "multilabel" or {group.label for group in selection.groups} != set(places):
        return []
    true, predicted, correct = ([0] * len(places) for _ in range(3))
    if not selection.screened and len(records) + len(passed_over) < selection.total:
        return []
    attacked = [tuple(record.label_before) for record in records]
    attacked += [tuple(one.label_said) for one in passed_over if one.reason == AT_THE_TARGET]
    for group in selection.groups:
        found = group.correct if selection.screened else attacked.count(group.label)
        if found is None:
            return []
        number = places[group.label]
        true[number] = group.examined if selection.screened else len(group.indices)
        predicted[number] = correct[number] = found
    for one in selection.passed_over if selection.screened else passed_over:
        if one.reason == MISCLASSIFIED and tuple(one.label_said) in places:
            predicted[places[tuple(one.label_said)]] += 1
    if sum(true) < _FEWEST or sum(true) != sum(predicted):
        return []
    skill = balanced_accuracy(true, predicted, correct)
    doubt = skill.doubt(f"the {sum(true):,} images that were looked at") if skill else None
    return [doubt] if doubt else []


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
