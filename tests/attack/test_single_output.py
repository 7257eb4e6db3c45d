"""A binary classifier with one sigmoid output is attacked as the same function with two softmax outputs is."""

import jax.numpy as jnp
import numpy as np
import pytest
from support.toys import toy_images, toy_victim

from jaxpix import AttackConfig, InputError, Victim, attack_images
from jaxpix.labels import LabelSpace
from jaxpix.search.presets import fitness_of

SHAPE = (12, 12, 1)
IMAGES, TOY = toy_images(16), toy_victim()


def one_output(weights, images):
    logits = TOY.apply(weights, images)
    return logits[:, :1] - logits[:, 1:2]


def two_outputs(weights, images):
    z = one_output(weights, images)
    return jnp.concatenate([jnp.zeros_like(z), z], 1)


@pytest.fixture(scope="module")
def single() -> Victim:
    return Victim.from_function(
        one_output, weights=TOY.weights, class_names=["ill"], input_shape=SHAPE, task="multilabel"
    )


@pytest.fixture(scope="module")
def double() -> Victim:
    names = {"class_names": ["well", "ill"], "normal_classes": ["well"]}
    return Victim.from_function(two_outputs, weights=TOY.weights, input_shape=SHAPE, **names)


@pytest.mark.parametrize(
    ("num_pixels", "fitness", "target"),
    [
        (2, None, None),
        (1, None, ("ill", "ill")),
        (1, None, ("Normal", "well")),
    ],
)
def test_one_sigmoid_is_attacked_as_two_softmax_outputs_are(single, double, num_pixels, fitness, target):
    found = []
    for position, victim in enumerate((single, double)):
        aim = target and target[position]
        config = AttackConfig(
            num_pixels=num_pixels, fitness=fitness, generations=8, target=aim, population=40
        )
        found.append(attack_images(victim, IMAGES, None, config))
    ones, twos = found
    assert len(ones) == len(twos) > 5
    assert [record.success for record in ones] == [record.success for record in twos]
    assert 0.2 < np.mean([record.success for record in ones]) <= 1
    same = [one.pixels == two.pixels for one, two in zip(ones, twos, strict=True)]
    # One minus a sigmoid and a softmax differ in their last bits, which may part a search.
    assert np.mean(same) > 0.8
    assert {record.fitness for record in ones} == {fitness or "confidence"}


def test_the_default_and_what_a_single_output_cannot_have(single):
    default = AttackConfig()
    assert fitness_of(default, LabelSpace("multilabel", ("ill",))) == "confidence"
    assert fitness_of(default, LabelSpace("multilabel", ("ill", "worse"))) == "cosine"
    assert fitness_of(default, LabelSpace("multiclass", ("well", "ill"))) == "confidence"
    with pytest.raises(
        InputError, match=r"of a single output \('ill'\) it is 1 or -1 .*: confidence, margin"
    ):
        attack_images(single, IMAGES, None, AttackConfig(fitness="cosine"))


def test_the_advice_about_one_output_is_true(double):
    """Each piece of advice that a message gives is followed here."""
    weights = TOY.weights
    two = {"class_names": ["well", "ill"], "input_shape": SHAPE, "weights": weights}
    one = {"class_names": ["ill"], "input_shape": SHAPE, "weights": weights}
    advice = (
        r"; one sigmoid output z is task='multilabel' with one class name, or two classes by jnp\.concatenate"
    )
    with pytest.raises(InputError, match=r"got \[6, 1\]" + advice + r"\(\[jnp.zeros_like\(z\), z\], 1\)"):
        Victim.from_function(one_output, **two)
    with pytest.raises(
        InputError, match=r"got \[6\]" + advice + r"\(\[jnp.zeros_like\(z\[:, None\]\), z\[:, N"
    ):
        Victim.from_function(lambda w, x: one_output(w, x)[:, 0], **two)
    with pytest.raises(InputError, match=r"expected outputs \[6, 1\] .*got \[6\]; return outputs\[:, None\]"):
        Victim.from_function(lambda w, x: one_output(w, x)[:, 0], task="multilabel", **one)
    with pytest.raises(
        InputError, match=r"at least 2 classes, got \['ill'\]; one sigmoid output is task='multilabel'"
    ):
        Victim.from_function(one_output, **one)

    def probability(weights, images):
        return 1 / (1 + jnp.exp(-one_output(weights, images)))

    with pytest.raises(InputError, match=r"looks like probabilities .*outputs=\"probabilities\""):
        Victim.from_function(probability, task="multilabel", **one)
    given = Victim.from_function(probability, task="multilabel", outputs="probabilities", **one)
    np.testing.assert_allclose(
        given.predict(IMAGES)[:, 0], double.predict(IMAGES)[:, 1], rtol=1e-4, atol=1e-5
    )
