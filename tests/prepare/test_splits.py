"""Splits: in proportion, by seed, and leak-free where a patient is known."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxpix.prepare.listing import Item
from jaxpix.prepare.splits import assign


def items_of(labels: list, groups: list[str] | None = None) -> list[Item]:
    return [
        Item("", label, f"id{number:04}", groups[number] if groups else "")
        for number, label in enumerate(labels)
    ]


def ids(parts: dict) -> dict[str, list[str]]:
    return {name: [item.image_id for item in items] for name, items in parts.items()}


def test_by_image_is_exact_per_class():
    parts = assign(items_of([0] * 100 + [1] * 50 + [2] * 5 + [3] * 2 + [4]), "paper", 0)
    assert Counter(item.label for item in parts["test"]) == {0: 20, 1: 10, 2: 1, 3: 1}
    assert Counter(item.label for item in parts["train"]) == {0: 80, 1: 40, 2: 4, 3: 1, 4: 1}


def test_by_image_depends_on_the_seed_and_not_on_the_order():
    items = items_of([0, 1] * 40)
    assert ids(assign(items, "paper", 3)) == ids(assign(items[::-1], "paper", 3))
    assert ids(assign(items, "paper", 3)) != ids(assign(items, "paper", 4))


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 25)), min_size=1, max_size=120), st.integers(0, 9)
)
def test_no_group_is_ever_on_both_sides(pairs, seed):
    items = items_of([label for label, _ in pairs], [f"p{group}" for _, group in pairs])
    parts = assign(items, "patient", seed)
    train, test = ({item.group for item in parts.get(name, [])} for name in ("train", "test"))
    assert not train & test
    assert sorted(image_id for part in ids(parts).values() for image_id in part) == sorted(
        item.image_id for item in items
    )


def test_groups_are_stratified():
    rng = np.random.default_rng(0)
    labels = rng.choice(5, 2000, p=[0.5, 0.3, 0.15, 0.04, 0.01]).tolist()
    parts = assign(items_of(labels, [f"p{group}" for group in rng.integers(0, 700, 2000)]), "lesion", 1)
    tested, total = Counter(item.label for item in parts["test"]), Counter(labels)
    for label, count in total.items():
        assert tested[label] == pytest.approx(0.2 * count, abs=max(2.0, 0.02 * count))


def test_unknown_groups_are_dealt_one_by_one():
    parts = assign(items_of([0] * 50), "patient", 0)
    assert (len(parts["train"]), len(parts["test"])) == (40, 10)


def test_multilabel_keeps_every_label_near_its_share():
    sets = [(0,), (0, 1), (), (2,), (1, 2)] * 40
    parts = assign(items_of(sets), "random", 0)
    for label in range(3):
        share = sum(label in item.label for item in parts["test"]) / sum(label in s for s in sets)
        assert share == pytest.approx(0.2, abs=0.03)
    assert sum(not item.label for item in parts["test"]) in range(6, 11)


def test_published_splits_are_kept_in_order_of_ids():
    items = [Item("", 0, "b", split="train"), Item("", 0, "a", split="train"), Item("", 0, "c", split="test")]
    assert ids(assign(items, "official", 0)) == {"train": ["a", "b"], "test": ["c"]}
    assert ids(assign(items, "whatever", 0, drawn=True)) == {"train": ["a", "b"], "test": ["c"]}
