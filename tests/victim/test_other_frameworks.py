"""Victims made of Flax and Keras models, in evaluation mode."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen, nnx

from jaxpix import Victim
from jaxpix.errors import InputError

MEANING = {"class_names": ["a", "b", "c"], "input_shape": (8, 8, 3)}
MEAN, STD = [100.0, 110.0, 120.0], [50.0, 60.0, 70.0]


def noise(count):
    return np.random.default_rng(0).integers(0, 256, (count, 8, 8, 3)).astype(np.uint8)


def normalised(images):
    return jnp.asarray((images - np.float32(MEAN)) / np.float32(STD))


class Linen(linen.Module):
    flag: str = "train"

    @linen.compact
    def __call__(self, images, train: bool = True):
        maps = linen.BatchNorm(use_running_average=not train)(linen.Conv(4, (3, 3))(images))
        maps = linen.Dropout(0.5, deterministic=not train)(maps)
        return linen.Dense(3)(linen.relu(maps).mean((1, 2)))


class UnknownMode(linen.Module):
    @linen.compact
    def __call__(self, images, mode: str = "learning"):
        maps = linen.BatchNorm(use_running_average=mode != "learning")(images)
        return linen.Dense(3)(maps.mean((1, 2)))


class Nnx(nnx.Module):
    def __init__(self):
        rngs = nnx.Rngs(0)
        self.stem = nnx.Conv(3, 4, (3, 3), rngs=rngs)
        self.norm = nnx.BatchNorm(4, rngs=rngs)
        self.dropout = nnx.Dropout(0.5, rngs=rngs)
        self.head = nnx.Linear(4, 3, rngs=rngs)

    def __call__(self, images):
        maps = self.dropout(nnx.relu(self.norm(self.stem(images))).mean((1, 2)))
        return self.head(maps), maps


def test_linen_is_evaluated_without_training():
    module = Linen()
    variables = module.init(jax.random.key(0), jnp.zeros((1, 8, 8, 3)), train=False)
    victim = Victim.from_flax(module, variables, mean=MEAN, std=STD, **MEANING)
    expected = module.apply(variables, normalised(noise(3)), train=False)
    np.testing.assert_allclose(victim.logits(noise(3)), expected, atol=1e-5)
    assert victim.provenance["framework"] == "flax.linen"


def test_nnx_is_evaluated_as_a_copy_and_one_output_is_named():
    module = Nnx()
    module.train()
    victim = Victim.from_flax(module, output=0, mean=MEAN, std=STD, **MEANING)
    assert not module.norm.use_running_average, "the user's own stays in training mode"
    module.eval()
    np.testing.assert_allclose(victim.logits(noise(3)), module(normalised(noise(3)))[0], atol=1e-5)
    module.head.bias[...] += 1.0
    changed = Victim.from_flax(module, output=0, mean=MEAN, std=STD, **MEANING)
    assert changed.victim_id != victim.victim_id
    with pytest.raises(InputError, match="Nnx returns a tuple of 2, numbers 0 to 1: say by output="):
        Victim.from_flax(module, **MEANING)


def test_refusals():
    variables = Linen().init(jax.random.key(0), jnp.zeros((1, 8, 8, 3)), train=False)
    with pytest.raises(InputError, match="needs its variables"):
        Victim.from_flax(Linen(), **MEANING)
    with pytest.raises(InputError, match="holds its variables: leave `variables` out"):
        Victim.from_flax(Nnx(), variables, **MEANING)
    with pytest.raises(InputError, match=r"a module of flax\.linen or flax\.nnx, got function"):
        Victim.from_flax(noise, **MEANING)
    unknown = UnknownMode()
    variables = unknown.init(jax.random.key(0), jnp.zeros((1, 8, 8, 3)), mode="judging")
    with pytest.raises(
        InputError, match=r"UnknownMode does not evaluate without changing its state .*from_function"
    ):
        Victim.from_flax(unknown, variables, **MEANING)


def test_training_modes_in_functions_say_what_to_do():
    module = Nnx()
    module.train()
    with pytest.raises(InputError, match=r"is it an nnx module in training mode\? Call its eval\(\)"):
        Victim.from_function(lambda images: module(images)[0], **MEANING)
    variables = Linen().init(jax.random.key(0), jnp.zeros((1, 8, 8, 3)), train=False)
    with pytest.raises(InputError, match="is it a linen module in training mode"):
        Victim.from_function(lambda images: Linen().apply(variables, images), **MEANING)

    def with_mutable(images):
        return Linen().apply(variables, images, train=False, mutable=["batch_stats"])

    with pytest.raises(
        InputError, match=r"got a tuple of 2; return the scores alone.*`mutable`: leave that out"
    ):
        Victim.from_function(with_mutable, **MEANING)


def test_an_unknown_architecture_names_those_there_are():
    with pytest.raises(
        InputError, match=r"unknown architecture 'efficientnet_b0'; allowed: resnet18, .*resnet50.*from_torch"
    ):
        Victim.from_torchvision(
            {}, architecture="efficientnet_b0", class_names=["a", "b"], input_shape=(64, 64, 3)
        )


@pytest.mark.torch
def test_keras_models_evaluate_without_training(monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    keras = pytest.importorskip("keras", reason="Keras is not installed")
    layers = keras.layers
    model = keras.Sequential(
        [
            layers.Input((8, 8, 3)),
            layers.Conv2D(4, 3),
            layers.BatchNormalization(),
            layers.Dropout(0.5),
            layers.Flatten(),
            layers.Dense(3),
        ]
    )
    # Keras itself broadcasts a bias.
    with jax.numpy_rank_promotion("allow"):
        victim = Victim.from_keras(model, mean=MEAN, std=STD, **MEANING)
        expected = np.asarray(model(normalised(noise(3)), training=False))
        np.testing.assert_allclose(victim.logits(noise(3)), expected, atol=1e-4)
        model.add(layers.Softmax())
        with pytest.raises(InputError, match="looks like probabilities"):
            Victim.from_keras(model, **MEANING)
    with pytest.raises(InputError, match=r"takes a keras\.Model, got str"):
        Victim.from_keras("model.keras", **MEANING)
    with pytest.raises(InputError, match="has no weights yet"):
        Victim.from_keras(keras.Sequential([layers.Dense(3)]), **MEANING)


def test_repr_is_one_line():
    victim = Victim.from_flax(Nnx(), output=0, **MEANING)
    text = repr(victim)
    pattern = r"<Victim 'Nnx': multiclass, 3 classes \(a, b, c\), images 8×8×3, .*Nnx, id [0-9a-f]{16}>"
    assert re.fullmatch(pattern, text), text
    assert len(text) < 200
