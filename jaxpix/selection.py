"""Which images are attacked: correctly classified ones, some of each class, by seed (paper 4, 5)."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .data.prepared import Example
from .errors import InputError
from .experiments import Attack
from .labels import LabelSpace
from .probe import check_finite

_CHUNK = 64


class NothingToAttackError(InputError):
    """The victim classifies none of the wanted images correctly."""


@dataclasses.dataclass(frozen=True)
class Group:
    """Images of one label that were chosen.

    Attributes:
        label: class names; empty is Normal.
        indices: positions in the subset, in the order they will be attacked.
        examined: how many images of this label the victim was shown.
        available: how many there are in the subset.
    """

    label: tuple[str, ...]
    indices: list[int]
    examined: int
    available: int


@dataclasses.dataclass(frozen=True)
class Selection:
    """All chosen images; `asked` per label, None for every one."""

    groups: list[Group]
    asked: int | None

    @property
    def total(self) -> int:
        """Number of experiments."""
        return sum(len(group.indices) for group in self.groups)

    def to_plain(self) -> dict[str, Any]:
        """JSON-able values."""
        return dataclasses.asdict(self)

    @classmethod
    def from_plain(cls, plain: dict[str, Any]) -> "Selection":
        """What `to_plain` gave.

        Raises:
            InputError: something else.
        """
        try:
            groups = [Group(**{**group, "label": tuple(group["label"])}) for group in plain["groups"]]
            return cls(groups, plain["asked"])
        except (KeyError, TypeError) as error:
            raise InputError(f"the stored selection of images is damaged: {error!r}") from None


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


def select(
    attack: Attack,
    source: Sequence[Example],
    labels: np.ndarray,
    wanted: Sequence[np.ndarray] | None,
    per_class: int | None,
    seed: int,
    on_examined: Callable[[int], None] | None = None,
) -> Selection:
    """Choose images label by label, in a seeded order, until `per_class` are correctly classified.

    Args:
        attack: decides which images are eligible.
        source: the subset's examples; only those that are looked at are read.
        labels: bool [B, N] of the subset.
        wanted: label vectors [N]; None: every label that occurs.
        per_class: images per label; None: all.
        seed: of the order.
        on_examined: told how many more images the victim was shown.

    Raises:
        NothingToAttackError: no image at all can be attacked.
        InputError: the victim's logits of an image are not finite.
    """
    space = attack.victim.space
    vectors = np.unique(labels, axis=0)[::-1] if wanted is None else wanted
    groups = []
    for vector in vectors:
        members = np.flatnonzero((labels == vector).all(axis=1))
        if attack.target is not None and (vector == attack.target).all():
            continue
        order = np.random.Generator(np.random.PCG64([seed, *vector.astype(int)])).permutation(members)
        chosen: list[int] = []
        examined = 0
        while examined < len(order) and (per_class is None or len(chosen) < per_class):
            chunk = order[examined : examined + _CHUNK]
            examples = [source[int(index)] for index in chunk]
            logits = attack.victim.predict(np.stack([example["image"] for example in examples]))
            check_finite(logits, [example["image_id"] for example in examples], attack.victim.name)
            eligible = attack.eligible(logits, labels[chunk])
            chosen += [int(index) for index in chunk[eligible]]
            examined += len(chunk)
            if on_examined:
                on_examined(len(chunk))
        limit = len(chosen) if per_class is None else per_class
        groups.append(Group(space.names(vector), chosen[:limit], examined, len(members)))
    selection = Selection(groups, per_class)
    if selection.total == 0:
        raise NothingToAttackError(
            "no image can be attacked: the victim classifies none of the wanted images correctly ("
            + "; ".join(f"{space.text(group.label)}: 0 of {group.available}" for group in groups)
            + ")"
        )
    return selection
