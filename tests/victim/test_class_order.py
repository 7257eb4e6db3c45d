"""Victims whose classes stand in another order, or are spelled otherwise, than those of a data set."""

import dataclasses

import jax.numpy as jnp
import numpy as np
import pytest
from support.small_networks import MEAN, SMALL, STD, noise_images
from support.toys import toy_images, toy_victim

from jaxpix import AttackConfig, Victim, attack_images
from jaxpix.errors import InputError
from jaxpix.victim.class_order import matched_to, order_of

ORDER = [2, 0, 3, 1]


def network(kind, order):
    """One and the same network, made with its classes in some order."""
    model = SMALL[kind]()
    head = model.fc if kind == "resnet" else model.classifier
    head.kernel.set_value(head.kernel.get_value()[:, np.array(order)])
    head.bias.set_value(head.bias.get_value()[np.array(order)])
    return Victim.from_model(
        model,
        architecture="resnet50" if kind == "resnet" else "densenet121",
        task="multiclass",
        class_names=[f"class {number}" for number in order],
        normal_classes=["class 1"],
        input_shape=(32, 32, 1),
        mean=[MEAN],
        std=[STD],
    )


@pytest.mark.parametrize("kind", SMALL)
def test_a_network_is_the_same_as_if_made_in_that_order(kind):
    victim, shuffled = network(kind, range(4)), network(kind, ORDER)
    matched, said = matched_to(shuffled, victim.class_names, "mine")
    assert matched.victim_id == victim.victim_id != shuffled.victim_id
    assert matched.class_names == victim.class_names
    assert matched.space.normal_classes == ("class 1",)
    # What can be saved and evaluated layer by layer still can.
    assert type(matched.frozen) is type(victim.frozen) is not type(None)
    assert "stand in another order (class 2, class 0, class 3, class 1) than those of mine" in said
    assert matched.provenance["classes"] == said
    images = noise_images(3, 32)
    np.testing.assert_array_equal(matched.predict(images), victim.predict(images))


@pytest.mark.parametrize(("task", "fitness"), [("multiclass", "confidence"), ("multilabel", "cosine")])
def test_records_of_a_reordered_function_are_those_of_the_ordered_one(task, fitness):
    victim, images = toy_victim(task), toy_images(6)
    order = np.array([1, 2, 0])
    shuffled = Victim.from_function(
        lambda weights, images: victim.apply(weights, images)[:, order],
        weights=victim.weights,
        class_names=[victim.class_names[place] for place in order],
        normal_classes=victim.space.normal_classes,
        input_shape=victim.input_shape,
        task=task,
        name="toy",
    )
    matched, said = matched_to(shuffled, victim.class_names, "mine")
    assert said
    assert matched.victim_id not in (victim.victim_id, shuffled.victim_id)
    config = AttackConfig(fitness=fitness, generations=6)
    records = [attack_images(one, images, config=config) for one in (victim, matched)]
    assert any(record.success for record in records[0])
    plain = [
        [dataclasses.replace(record, seconds=0.0, victim_id="") for record in attacked]
        for attacked in records
    ]
    assert plain[0] == plain[1]


@pytest.mark.parametrize(
    ("names", "wanted", "order"),
    [
        (("a", "b", "c"), ("c", "a", "b"), [2, 0, 1]),
        (("Pleural Thickening", "NORMAL"), ("normal", "Pleural_Thickening"), [1, 0]),
        (("covid_19 ", "no  finding"), ("COVID 19", "No Finding"), [0, 1]),
        (("a", "A"), ("A", "a"), [1, 0]),
        (("a", "A"), ("a", "b"), None),
        (("A ", "A", "b"), ("a", "b", "c"), None),
        (("1", "0"), ("-1", "0"), None),
        (("a", "b"), ("a", "b", "c"), None),
        (("a", "b", "c"), ("a", "b"), None),
        (("a_b", "c"), ("ab", "c"), None),
    ],
)
def test_names_are_matched_only_where_that_is_one_to_one(names, wanted, order):
    assert order_of(names, wanted) == order


def test_names_that_differ_in_case_are_said_and_change_nothing_else():
    victim = toy_victim()
    names = [name.replace(" ", "_").upper() for name in victim.class_names]
    matched, said = matched_to(victim, names, "mine")
    assert said.startswith("the victim spells classes otherwise than mine (class 0 is CLASS_0, ")
    assert "order" not in said
    assert matched.space.normal_classes == ("CLASS_0",)
    np.testing.assert_array_equal(matched.predict(toy_images(4)), victim.predict(toy_images(4)))


def test_equal_names_are_the_victim_itself():
    victim = toy_victim()
    assert matched_to(victim, victim.class_names, "mine") == (victim, "")


def test_other_names_are_refused_with_what_is_alike():
    victim = Victim.from_function(
        lambda images: jnp.stack([images.mean((1, 2, 3)), -images.mean((1, 2, 3))], 1) - 100,
        class_names=["Pnuemonia", "normal"],
        input_shape=(8, 8, 1),
    )
    with pytest.raises(
        InputError, match=r"are not those of the victim .*did the victim mean 'Pnuemonia' for 'Pneumonia'"
    ):
        matched_to(victim, ["normal", "Pneumonia"], "mine")
    with pytest.raises(InputError, match=r"not those of the victim \['Pnuemonia', 'normal'\]$"):
        matched_to(victim, ["normal", "xyz"], "mine")
