import json
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from support.toys import toy_victim

from jaxpix import Victim
from jaxpix.errors import InputError
from jaxpix.models.zoo import build

NAMES = ["a", "b", "c"]


def matrix_victim(fn, **changes):
    meaning = {"class_names": NAMES, "input_shape": (4, 4, 1), **changes}
    return Victim.from_function(fn, **meaning)


def linear(images):
    return images.reshape(len(images), -1)[:, :3] - 100.0


def test_logits_take_8_bit_images_and_give_float32():
    victim = matrix_victim(linear)
    images = np.full((2, 4, 4, 1), 130, np.uint8)
    logits = victim.logits(images)
    assert logits.dtype == jnp.float32
    np.testing.assert_array_equal(logits, np.full((2, 3), 30.0))


def test_predict_pads_without_changing_anything():
    victim = toy_victim()
    images = np.random.Generator(np.random.PCG64(0)).integers(0, 256, (70, 12, 12, 1)).astype(np.uint8)
    np.testing.assert_allclose(victim.predict(images), victim.logits(images), atol=1e-4)
    assert victim.predict(images[:0]).shape == (0, 3)


def test_the_id_changes_with_weights_and_meaning_only():
    same = matrix_victim(linear).victim_id
    assert matrix_victim(linear, name="other").victim_id == same
    assert matrix_victim(lambda images: linear(images) * 2).victim_id != same
    assert matrix_victim(linear, class_names=["x", "y", "z"]).victim_id != same


@pytest.mark.parametrize(
    ("fn", "changes", "message"),
    [
        (
            lambda x: linear(x)[:, :2],
            {},
            r"expected outputs \[6, 3\] for 6 images and 3 classes, got \[6, 2\]",
        ),
        (lambda x: jnp.log(linear(x) * 0 - 1), {}, "not all finite"),
        (lambda x: jax.nn.softmax(linear(x)), {}, "expected logits, got what looks like probabilities"),
        (lambda x: jax.nn.sigmoid(linear(x)), {"task": "multilabel"}, "looks like probabilities"),
        (
            lambda x: linear(x) - linear(x).mean(0, keepdims=True),
            {},
            "changes with the other images of its batch",
        ),
        (linear, {"class_names": ["a", "a", "b"]}, "must be distinct"),
        (linear, {"normal_classes": ["z"]}, "normal class 'z'"),
    ],
)
def test_the_probe_refuses(fn, changes, message):
    with pytest.raises(InputError, match=message):
        matrix_victim(fn, **changes)


@pytest.mark.parametrize("task", ["multiclass", "multilabel"])
def test_probabilities_can_be_declared(task):
    squash = jax.nn.softmax if task == "multiclass" else jax.nn.sigmoid
    plain = matrix_victim(lambda x: linear(x) / 50, task=task, outputs="logits")
    declared = matrix_victim(lambda x: squash(linear(x) / 50), task=task, outputs="probabilities")
    image = np.arange(16, dtype=np.uint8).reshape(1, 4, 4, 1) * 16
    np.testing.assert_allclose(
        plain.space.confidences(plain.logits(image)),
        declared.space.confidences(declared.logits(image)),
        atol=1e-6,
    )


def test_wrong_image_shape():
    with pytest.raises(InputError, match=r"expects images \[B, 4, 4, 1\], got \[1, 4, 5, 1\]"):
        matrix_victim(linear).logits(np.zeros((1, 4, 5, 1), np.uint8))


@pytest.fixture(scope="module")
def trained():
    model = build("resnet14", num_classes=3, channels=1, seed=0)
    return Victim.from_model(
        model,
        architecture="resnet14",
        task="multiclass",
        class_names=NAMES,
        normal_classes=["a"],
        input_shape=(32, 32, 1),
        mean=[100.0],
        std=[50.0],
        provenance={"dataset": "none"},
    )


def test_save_and_load_give_the_same_victim(trained, tmp_path):
    trained.save(tmp_path / "victim")
    trained.save(tmp_path / "victim")
    again = Victim.load(tmp_path / "victim")
    image = np.arange(32 * 32, dtype=np.uint8).reshape(1, 32, 32, 1)
    np.testing.assert_array_equal(again.logits(image), trained.logits(image))
    assert (again.victim_id, again.space, again.provenance) == (
        trained.victim_id,
        trained.space,
        trained.provenance,
    )
    assert Victim.load(tmp_path).victim_id == trained.victim_id, "a run folder leads to its victim"
    assert [path.name for path in tmp_path.iterdir()] == ["victim"]


def test_load_errors(trained, tmp_path):
    with pytest.raises(InputError, match=r"no victim in .*nowhere"):
        Victim.load(tmp_path / "nowhere")
    trained.save(tmp_path / "victim")
    text = (tmp_path / "victim" / "victim.json").read_text()
    (tmp_path / "victim" / "victim.json").write_text(text.replace('"threshold": 0.5', '"threshold": 0.6'))
    with pytest.raises(InputError, match=r"the weights are not those that victim\.json describes"):
        Victim.load(tmp_path / "victim")
    (tmp_path / "victim" / "victim.json").write_text(text.replace('"format": 1', '"format": 9'))
    with pytest.raises(InputError, match="expected format 1, got 9"):
        Victim.load(tmp_path / "victim")
    (tmp_path / "victim" / "victim.json").write_text(text[:50])
    with pytest.raises(InputError, match="is damaged"):
        Victim.load(tmp_path / "victim")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"mean": [1, 2]}, "expected 1 values of mean and of std"),
        ({"std": [0.0]}, r"std\.0: Input should be greater than 0"),
        ({"input_shape": [32, 32]}, "input_shape: List should have at least 3 items"),
        (
            {"input_shape": [100_000, 100_000, 1]},
            r"input_shape\.0: Input should be less than or equal to 4096",
        ),
        ({"input_shape": [4, 4, 1]}, "resnet14 needs images of at least 8 pixels, got 4"),
        ({"class_names": "abc"}, "class_names: Input should be a valid list"),
        ({"class_names": ["a", "a", "b"]}, "class names must be distinct"),
        ({"architecture": ["resnet14"]}, "architecture: Input should be 'resnet18'"),
        ({"threshold": "0.5"}, "threshold: Input should be a valid number"),
        ({"provenance": {"dataset": 3}}, r"provenance\.dataset: Input should be a valid string"),
    ],
)
def test_a_description_that_is_none_names_its_folder(trained, tmp_path, change, message):
    trained.save(tmp_path / "victim")
    path = tmp_path / "victim" / "victim.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(InputError, match=rf"{re.escape(str(tmp_path / 'victim'))}.*{message}"):
        Victim.load(tmp_path / "victim")


def test_a_function_cannot_be_saved(tmp_path):
    with pytest.raises(InputError, match="is a Python function and cannot be saved"):
        matrix_victim(linear).save(tmp_path)


def test_normalisation_counts_must_fit_the_channels():
    with pytest.raises(InputError, match="mean needs 1 values for images of 1 channels"):
        Victim.from_torchvision({}, architecture="resnet50", class_names=NAMES, input_shape=(64, 64, 1))
