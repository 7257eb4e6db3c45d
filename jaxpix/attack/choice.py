"""Which images of a data set are wanted, as a person says it."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from ..data.prepared import PreparedDataset
from ..labels import LabelSpace


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

    def wanted(self, space: LabelSpace, dataset: PreparedDataset) -> list[np.ndarray] | None:
        """Label vectors [N] whose images are taken; None: every label that occurs.

        Raises:
            InputError: a class is unknown.
        """
        if self.per_class is None and not self.classes:
            return None
        every = np.concatenate([space.from_stored(dataset.labels(name)) for name in dataset.num_examples])
        return wanted_labels(space, every, self.classes, self.num_label_sets)


def wanted_labels(
    space: LabelSpace, all_labels: np.ndarray, classes: Sequence[str], num_label_sets: int
) -> list[np.ndarray]:
    """Label vectors [N] whose images are attacked.

    Args:
        space: the victim's.
        all_labels: bool [B, N] of the whole data set, all splits; ranks label sets by frequency (4.4 (5)).
        classes: `class`, `class|class` or `Normal` each; empty: all classes, or the commonest label sets.
        num_label_sets: multi-label: how many of the commonest sets.

    Raises:
        InputError: a class is unknown.
    """
    if classes:
        return [space.parse(text) for text in classes]
    if space.task == "multiclass":
        return list(np.eye(len(space.class_names), dtype=bool))
    sets, counts = np.unique(all_labels, axis=0, return_counts=True)
    commonest = np.argsort(-counts, kind="stable")[:num_label_sets]
    return [sets[position] for position in commonest]
