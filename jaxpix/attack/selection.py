"""Which images are attacked: correctly classified ones, some of each class, by seed (paper 4, 5); or all of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..errors import InputError
from ..labels import NORMAL, label_text
from ..records.attacked import Group, PassedOver, Selection
from ..victim.probe import check_finite

if TYPE_CHECKING:
    from ..data.prepared import Example
    from ..labels import LabelSpace
    from .experiments import Attack
    from .given import Attackable

CHUNK = 64
"""Images that are judged together."""


class NothingToAttackError(InputError):
    """The victim classifies none of the wanted images correctly."""


@dataclasses.dataclass(frozen=True)
class Choice:
    """Which images are attacked.

    Attributes:
        subset: part of the data set.
        classes: labels to attack, as text; empty: every class, or the commonest label sets.
        per_class: images per label; None: all.
        num_label_sets: multi-label: how many of the commonest sets, where `classes` is empty.
        with_target: of all images, judge those of the target's label as well, so that each has a record or a reason.
        only: of all images, those of these names; None: any.
    """

    subset: str = "test"
    classes: tuple[str, ...] = ()
    per_class: int | None = 100
    num_label_sets: int = 5
    with_target: bool = False
    only: frozenset[str] | None = None

    def wanted(self, space: LabelSpace, dataset: Attackable) -> list[np.ndarray] | None:
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


def select(
    attack: Attack,
    source: Sequence[Example],
    labels: np.ndarray,
    wanted: Sequence[np.ndarray] | None,
    per_class: int,
    seed: int,
    on_examined: Callable[[int], None] | None = None,
) -> Selection:
    """Choose images label by label, in a seeded order, until `per_class` are correctly classified.

    Args:
        attack: decides which images are eligible.
        source: the subset's examples; only those that are looked at are read.
        labels: bool [B, N] of the subset.
        wanted: label vectors [N]; None: every label that occurs.
        per_class: images per label.
        seed: of the order.
        on_examined: told how many more images the victim was shown.

    Raises:
        NothingToAttackError: no image at all can be attacked.
        InputError: the victim's logits of an image are not finite.
    """
    groups: list[Group] = []
    passed_over: list[PassedOver] = []
    for vector, order in _candidates(attack, labels, wanted, seed):
        chosen: list[int] = []
        examined = 0
        while examined < len(order) and len(chosen) < per_class:
            chunk = order[examined : examined + CHUNK].tolist()
            chosen += [index for index, _ in eligible(attack, source, labels, [chunk], passed_over.extend)]
            examined += len(chunk)
            if on_examined:
                on_examined(len(chunk))
        names = attack.victim.space.names(vector)
        groups.append(Group(names, chosen[:per_class], examined, len(order), len(chosen)))
    selection = Selection(groups, per_class, passed_over=passed_over)
    if selection.total == 0:
        raise NothingToAttackError(nothing_to_attack(groups))
    return selection


def select_all(
    attack: Attack,
    labels: np.ndarray,
    wanted: Sequence[np.ndarray] | None,
    seed: int,
    *,
    with_target: bool = False,
    among: np.ndarray | None = None,
) -> Selection:
    """All images of the wanted labels, judged when their turn comes (`eligible`): nothing to wait for at the start.

    Args:
        attack: what will be done to them.
        labels: bool [B, N] of the subset.
        wanted: label vectors [N]; None: every label that occurs.
        seed: of the order.
        with_target: take images of the target's label, too: they are judged, and passed over with that reason.
        among: bool [B], which images may be taken; None: any.

    Raises:
        NothingToAttackError: there is no such image.
    """
    names, groups = attack.victim.space.names, []
    for vector, order in _candidates(attack, labels, wanted, seed, with_target):
        taken = order if among is None else order[among[order]]
        groups.append(Group(names(vector), taken.tolist(), 0, len(taken)))
    selection = Selection(groups, None, screened=False)
    if selection.total == 0:
        raise NothingToAttackError(nothing_to_attack(groups))
    return selection


def nothing_to_attack(groups: Sequence[Group]) -> str:
    """What to say where the victim classifies no image of any group correctly."""
    found = "; ".join(f"{label_text(group.label)}: 0 of {group.available}" for group in groups)
    message = f"no image can be attacked: the victim classifies none of the wanted images correctly ({found})"
    if any(not group.label and group.available for group in groups):
        message += (
            f". Unless trained with --include-normal, a multi-label victim has seen no image without a label and "
            f"hardly ever answers {NORMAL}: train it anew with --include-normal in another --run, or leave {NORMAL} "
            "out of --classes"
        )
    return message


def eligible(
    attack: Attack,
    source: Sequence[Example],
    labels: np.ndarray,
    chunks: Iterable[Sequence[int]],
    on_passed_over: Callable[[list[PassedOver]], None],
) -> Iterator[tuple[int, Example]]:
    """Those of the images that may be attacked, judged a chunk at a time as they are drawn.

    Args:
        attack: decides.
        source: the subset's examples.
        labels: bool [B, N] of the subset.
        chunks: positions in the subset, as many at a time as are judged together.
        on_passed_over: told of a chunk's other images.

    Raises:
        InputError: the victim's logits of an image are not finite.
    """
    for chunk in chunks:
        examples = [source[index] for index in chunk]
        names = [example["image_id"] for example in examples]
        logits = attack.victim.predict(np.stack([example["image"] for example in examples]))
        check_finite(logits, names, attack.victim.name)
        verdicts = attack.judge(logits, labels[chunk], names)
        passed_over = [verdict for verdict in verdicts if verdict is not None]
        if passed_over:
            on_passed_over(passed_over)
        for index, example, verdict in zip(chunk, examples, verdicts, strict=True):
            if verdict is None:
                yield index, example


def _candidates(
    attack: Attack,
    labels: np.ndarray,
    wanted: Sequence[np.ndarray] | None,
    seed: int,
    with_target: bool = False,
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Each label vector but the target, and the positions of its images in a seeded order."""
    for vector in np.unique(labels, axis=0)[::-1] if wanted is None else wanted:
        if attack.target is not None and (vector == attack.target).all() and not with_target:
            continue
        yield vector, in_seeded_order(labels, vector, seed)


def in_seeded_order(labels: np.ndarray, vector: np.ndarray, seed: int) -> np.ndarray:
    """Positions of the images whose label, of bool [B, N], is `vector`, in an order that seed and label decide."""
    members = np.flatnonzero((labels == vector).all(axis=1))
    return np.random.Generator(np.random.PCG64([seed, *vector.astype(int)])).permutation(members)
