import json

import numpy as np
import pytest
from support.toys import Source, toy_images, toy_victim

from jaxpix.attack.experiments import Attack
from jaxpix.attack.selection import eligible, select, select_all, wanted_labels
from jaxpix.config import AttackConfig
from jaxpix.errors import InputError
from jaxpix.labels import LabelSpace
from jaxpix.records.attacked import Selection

IMAGES = toy_images(150, seed=4)


@pytest.fixture(scope="module")
def attack():
    return Attack(toy_victim(), AttackConfig())


@pytest.fixture(scope="module")
def labels(attack):
    """True labels; every fifth image is classified wrongly."""
    predicted = attack.victim.predict(IMAGES).argmax(1)
    predicted[::5] = (predicted[::5] + 1) % 3
    return np.eye(3, dtype=bool)[predicted]


def test_only_correctly_classified_images_and_as_many_as_asked(attack, labels):
    selection = select(attack, Source(IMAGES), labels, None, 10, seed=0)
    assert [len(group.indices) for group in selection.groups] == [10, 10, 10]
    for group in selection.groups:
        for index in group.indices:
            assert index % 5 != 0
            assert attack.victim.space.names(labels[index]) == group.label
    assert len({index for group in selection.groups for index in group.indices}) == 30


def test_seed_decides_and_a_larger_number_keeps_the_smaller_choice(attack, labels):
    small, again, large = (select(attack, Source(IMAGES), labels, None, n, seed=0) for n in (5, 5, 12))
    assert small == again
    for few, many in zip(small.groups, large.groups, strict=True):
        assert many.indices[:5] == few.indices
    assert select(attack, Source(IMAGES), labels, None, 5, seed=1) != small


def test_all_takes_every_correct_image_and_judges_it_when_its_turn_comes(attack, labels):
    source, passed_over = Source(IMAGES), []
    selection = select_all(attack, labels, None, seed=0)
    assert not selection.screened
    assert not source.read
    turns = selection.turns(seed=0)
    assert sorted(turns) == sorted(selection.indices) == list(range(150))
    assert turns == selection.turns(seed=0) != selection.turns(seed=1)
    chunks = [turns[:64], turns[64:128], turns[128:]]
    found = []
    for index, example in eligible(attack, source, labels, chunks, passed_over.extend):
        found.append(index)
        assert example["image_id"] == str(index)
        assert len(source.read) <= 64 * (1 + turns.index(index) // 64)
    assert found == [index for index in turns if index % 5]
    assert {one.reason for one in passed_over} == {"misclassified"}
    assert sorted(int(one.image_id) for one in passed_over) == list(range(0, 150, 5))


def test_all_of_a_class_that_has_no_image(attack, labels):
    with pytest.raises(InputError, match=r"no image can be attacked: .*class 1: 0 of 0"):
        select_all(attack, labels[:0], [np.eye(3, dtype=bool)[1]], seed=0)


def test_fewer_than_asked_are_reported(attack, labels):
    selection = select(attack, Source(IMAGES), labels, None, 100, seed=0)
    for group in selection.groups:
        assert len(group.indices) < 100
        assert group.examined == group.available == labels[:, int(group.label[0][-1])].sum()


def test_no_more_images_are_read_than_needed(attack, labels):
    source = Source(np.concatenate([IMAGES] * 4))
    select(attack, source, np.concatenate([labels] * 4), None, 5, seed=0)
    assert len(source.read) <= 3 * 64


def test_targeted_leaves_out_the_target_class(labels):
    attack = Attack(toy_victim(), AttackConfig(target="class 2"))
    selection = select(attack, Source(IMAGES), labels, list(np.eye(3, dtype=bool)), 5, seed=0)
    assert [group.label for group in selection.groups] == [("class 0",), ("class 1",)]


def test_nothing_to_attack(attack, labels):
    wrong = np.roll(np.eye(3, dtype=bool)[attack.victim.predict(IMAGES).argmax(1)], 1, axis=1)
    with pytest.raises(InputError, match=r"no image can be attacked: .*class 0: 0 of \d+"):
        select(attack, Source(IMAGES), wrong, None, 5, seed=0)


def test_normal_that_a_victim_never_answers_names_the_way_out():
    victim = toy_victim("multilabel")
    attack, labels = Attack(victim, AttackConfig()), np.zeros((150, 3), bool)
    ill = np.flatnonzero(victim.space.labels(victim.predict(IMAGES)).any(1))
    source = Source(IMAGES[ill])
    with pytest.raises(InputError, match=r"Normal: 0 of \d+\)\. .*train it anew with --include-normal"):
        select(attack, source, labels[ill], list(np.zeros((1, 3), bool)), 5, seed=0)
    wrong = np.ones((150, 3), bool)
    wrong[:, 0] = ~np.asarray(victim.space.labels(victim.predict(IMAGES)))[:, 0]
    with pytest.raises(InputError, match=r"none of the wanted images correctly \([^)]*\)$"):
        select(attack, Source(IMAGES), wrong, list(np.ones((1, 3), bool)), 5, seed=0)


def test_wanted_labels():
    classes = LabelSpace("multiclass", ("a", "b"))
    np.testing.assert_array_equal(wanted_labels(classes, np.zeros((0, 2), bool), (), 5), np.eye(2))
    np.testing.assert_array_equal(wanted_labels(classes, np.zeros((0, 2), bool), ("b",), 5), [[0, 1]])
    sets = LabelSpace("multilabel", ("a", "b"))
    stored = np.array([[0, 0]] * 3 + [[1, 1]] * 5 + [[0, 1]], bool)
    np.testing.assert_array_equal(wanted_labels(sets, stored, (), 2), [[1, 1], [0, 0]])
    np.testing.assert_array_equal(wanted_labels(sets, stored, ("Normal", "a|b"), 2), [[0, 0], [1, 1]])
    with pytest.raises(InputError, match="unknown class 'c'"):
        wanted_labels(sets, stored, ("c",), 2)


def test_a_selection_survives_its_file(attack, labels, tmp_path):
    for selection in (
        select(attack, Source(IMAGES), labels, None, 3, seed=0),
        select_all(attack, labels, None, seed=0),
    ):
        selection.save(tmp_path)
        assert Selection.load(tmp_path) == selection
    path = tmp_path / "selection.json"
    older = json.loads(path.read_text())
    del older["screened"]
    path.write_text(json.dumps(older))
    assert Selection.load(tmp_path).screened
