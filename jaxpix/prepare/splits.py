"""Which image goes where: by image as in the paper, or by patient or lesion so that nothing leaks."""

from collections.abc import Sequence

import numpy as np

from .listing import Item, indices_of
from .sources.spelling import SPLITS

TEST_FRACTION = 0.2
_REFINING_PASSES = 2


def as_published(items: Sequence[Item]) -> dict[str, list[Item]]:
    """Each item in the split its publisher put it in."""
    return {name: [item for item in items if item.split == name] for name in SPLITS}


def by_image(items: Sequence[Item], seed: int) -> dict[str, list[Item]]:
    """8:2, every class (or, multi-label, as nearly as possible every label) in the same proportion.

    It depends on the set of image ids and the seed, not on the order of `items`.
    """
    items = sorted(items, key=lambda item: item.image_id)
    if any(isinstance(item.label, tuple) for item in items):
        return _by_unit(items, [item.image_id for item in items], seed)
    rng = np.random.default_rng(seed)
    labels = np.array([item.label for item in items])
    in_test = np.zeros(len(items), bool)
    for label in np.unique(labels):
        members = rng.permutation(np.flatnonzero(labels == label))
        wanted = round(TEST_FRACTION * len(members))
        # A class with two images is in both splits; one with a single image can only be trained on.
        in_test[members[: max(wanted, min(1, len(members) - 1))]] = True
    return _parts(items, in_test)


def by_group(items: Sequence[Item], seed: int) -> dict[str, list[Item]]:
    """8:2 with all images of a patient or lesion on one side, the classes as even as that allows.

    An item without a group is a group of its own.
    """
    items = sorted(items, key=lambda item: item.image_id)
    return _by_unit(items, [item.group or f"image {item.image_id}" for item in items], seed)


def _by_unit(items: list[Item], units: list[str], seed: int) -> dict[str, list[Item]]:
    """Deal shuffled units one by one, each to where it keeps all label counts nearest to 8:2; then refine.

    Dealing in random order, rather than large units first, keeps the sizes of units alike in both splits.
    """
    _, unit_of = np.unique(np.array(units), return_inverse=True)
    counts = _label_counts(items, unit_of)
    # Relative shortfalls, so that a rare label weighs as much as a common one.
    shares = counts / np.maximum(counts.sum(axis=0), 1.0)
    in_test = np.zeros(len(shares), bool)
    order = np.random.default_rng(seed).permutation(len(shares))
    balance = np.zeros(shares.shape[1])
    for unit in order:
        balance -= TEST_FRACTION * shares[unit]
        in_test[unit] = np.square(balance + shares[unit]).sum() < np.square(balance).sum()
        balance += in_test[unit] * shares[unit]
    for unit in np.tile(order, _REFINING_PASSES):
        moved = balance - shares[unit] if in_test[unit] else balance + shares[unit]
        if np.square(moved).sum() < np.square(balance).sum():
            in_test[unit], balance = not in_test[unit], moved
    return _parts(items, in_test[unit_of])


def _label_counts(items: list[Item], unit_of: np.ndarray) -> np.ndarray:
    """Images, images without a label, and labels of each unit, [units, 2 + labels]."""
    label_sets = [indices_of(item.label) for item in items]
    num_labels = 1 + max((max(labels, default=0) for labels in label_sets), default=0)
    counts = np.zeros((unit_of.max(initial=-1) + 1, 2 + num_labels))
    for unit, labels in zip(unit_of, label_sets, strict=True):
        counts[unit, 0] += 1
        counts[unit, 1] += not labels
        for label in labels:
            counts[unit, 2 + label] += 1
    return counts


def _parts(items: list[Item], in_test: np.ndarray) -> dict[str, list[Item]]:
    return {
        "train": [item for item, test in zip(items, in_test, strict=True) if not test],
        "test": [item for item, test in zip(items, in_test, strict=True) if test],
    }


def assign(items: Sequence[Item], scheme: str, seed: int, drawn: bool = False) -> dict[str, list[Item]]:
    """Items of each split by the scheme's name, sorted by image id; empty splits are left out.

    Args:
        drawn: phantoms come with their splits, whatever the scheme.
    """
    if drawn or scheme in ("public", "official", "folders", "column"):
        parts = as_published(items)
    elif scheme in ("lesion", "patient"):
        parts = by_group(items, seed)
    else:
        parts = by_image(items, seed)
    return {name: sorted(parts[name], key=lambda item: item.image_id) for name in SPLITS if parts.get(name)}
