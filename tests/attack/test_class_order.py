"""A victim in another order than the data set: the same images, the same records, and a word on it."""

import dataclasses

import jax.numpy as jnp
import pytest
from support.bars import prepare_two_classes

from jaxpix import AttackConfig, Victim, attack_dataset
from jaxpix.errors import InputError

QUICK = AttackConfig(generations=3, population=12)


def victim(names, sign, task="multiclass"):
    def logits(images):
        halves = images[:, :, :16].mean((1, 2, 3)) - images[:, :, 16:].mean((1, 2, 3))
        return sign * jnp.stack([halves, -halves], 1) / 100

    return Victim.from_function(logits, class_names=names, input_shape=(32, 32, 1), task=task, name="halves")


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return prepare_two_classes(tmp_path_factory.mktemp("bars"))


def test_records_are_those_of_the_victim_in_the_data_sets_order(dataset, tmp_path, capsys):
    victims = [
        victim(["left", "right"], 1.0),
        victim(["RIGHT", "Left "], -1.0),
    ]
    found = []
    for number, one in enumerate(victims):
        records = attack_dataset(one, dataset, QUICK, per_class=2, run=tmp_path / str(number))
        said = "matched by name" in " ".join(capsys.readouterr().out.split())
        assert said == (number > 0)
        found.append([dataclasses.replace(record, seconds=0.0, victim_id="") for record in records])
    assert {label for record in found[0] for label in record.label_before} == {"left", "right"}
    assert found[0] == found[1]


def test_another_task_or_other_names_are_refused(dataset):
    with pytest.raises(InputError, match="bars is multiclass, the victim 'halves' is multilabel"):
        attack_dataset(victim(["left", "right"], 1.0, "multilabel"), dataset, QUICK)
    with pytest.raises(InputError, match="did the victim mean 'lefty' for 'left'"):
        attack_dataset(victim(["right", "lefty"], 1.0), dataset, QUICK)
