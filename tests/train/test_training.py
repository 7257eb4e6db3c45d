"""Whole training runs on small real files: learning, resuming after a kill, devices, and refusals."""

import dataclasses
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest
from support.bars import prepare_label_sets, prepare_two_classes

from jaxpix.config import TrainConfig
from jaxpix.data.prepared import PreparedDataset, read_prepared
from jaxpix.errors import InputError
from jaxpix.train.parts import held_out, normalization, training_parts
from jaxpix.train.run import TrainingRun
from jaxpix.train.training import train_victim
from jaxpix.victim.victim import Victim

pytestmark = pytest.mark.usefixtures("kept_programs")

RECIPE = TrainConfig(model="resnet14", epochs=4, batch_size=16, learning_rate=0.02, stop_accuracy=1.0)
TIMES = ("seconds", "images_per_second")


@pytest.fixture(scope="module")
def two_classes(tmp_path_factory: pytest.TempPathFactory) -> PreparedDataset:
    return prepare_two_classes(tmp_path_factory.mktemp("classes"))


@pytest.fixture(scope="module")
def label_sets(tmp_path_factory: pytest.TempPathFactory) -> PreparedDataset:
    return prepare_label_sets(tmp_path_factory.mktemp("sets"))


@pytest.fixture(scope="module")
def trained(two_classes: PreparedDataset, tmp_path_factory: pytest.TempPathFactory) -> tuple[Victim, Path]:
    run = tmp_path_factory.mktemp("run") / "run"
    return train_victim(two_classes, RECIPE, run, quiet=True), run


def epochs(run: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


def without_times(run: Path) -> list[dict[str, Any]]:
    return [{key: value for key, value in line.items() if key not in TIMES} for line in epochs(run)]


def test_a_run_learns_and_explains_itself(trained: tuple[Victim, Path], two_classes: PreparedDataset) -> None:
    victim, run = trained
    lines = epochs(run)
    assert [line["epoch"] for line in lines] == [1, 2, 3, 4]
    assert lines[-1]["loss"] < 0.2 * lines[0]["loss"] or lines[-1]["loss"] < 0.05
    metrics = json.loads((run / "test_metrics.json").read_text())
    assert metrics["accuracy"] >= 0.9
    assert [entry["class"] for entry in metrics["classes"]] == ["left", "right"]
    assert sum(entry["count"] for entry in metrics["classes"]) == 20
    assert json.loads((run / "environment.json").read_text())["packages"]["jax"] == jax.__version__
    assert 'model = "resnet14"' in (run / "config.toml").read_text()
    loaded = Victim.load(run)
    assert loaded.victim_id == victim.victim_id
    images = np.stack([two_classes.source("test")[index]["image"] for index in range(20)])
    accuracy = np.mean(loaded.predict(images).argmax(1) == two_classes.labels("test"))
    assert accuracy == metrics["accuracy"]
    assert victim.provenance["fingerprint"] == two_classes.fingerprint


def test_a_finished_run_is_only_opened(trained: tuple[Victim, Path], two_classes: PreparedDataset) -> None:
    victim, run = trained
    before = epochs(run)
    assert train_victim(two_classes, RECIPE, run, quiet=True).victim_id == victim.victim_id
    assert epochs(run) == before


def in_subprocess(dataset: PreparedDataset, run: Path, **environment: str) -> subprocess.Popen:
    script = (
        "import sys; from pathlib import Path; from jaxpix.data.prepared import read_prepared\n"
        "from jaxpix.train.training import train_victim; from train.test_training import RECIPE\n"
        "train_victim(read_prepared(Path(sys.argv[1])), RECIPE, Path(sys.argv[2]), quiet=True)"
    )
    tests = Path(__file__).parents[1]
    path = os.pathsep.join([str(tests.parent), str(tests)])
    return subprocess.Popen(
        [sys.executable, "-c", script, str(dataset.path), str(run)],
        env={**os.environ, "PYTHONPATH": path, "JAX_PLATFORMS": "cpu", **environment},
    )


@pytest.mark.skipif(jax.default_backend() != "cpu", reason="bit-for-bit equality is promised on one machine")
def test_a_killed_run_ends_with_the_same_bits(
    trained: tuple[Victim, Path], two_classes: PreparedDataset, tmp_path: Path
) -> None:
    process = in_subprocess(two_classes, tmp_path / "run")
    try:
        deadline = time.monotonic() + 120
        while not (tmp_path / "run" / "metrics.jsonl").exists() or len(epochs(tmp_path / "run")) < 2:
            assert time.monotonic() < deadline, "no second epoch"
            assert process.poll() is None, "the run ended before it could be killed"
            time.sleep(0.002)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert not (tmp_path / "run" / "test_metrics.json").exists()
    victim = train_victim(two_classes, RECIPE, tmp_path / "run", quiet=True)
    undisturbed, run = trained
    assert victim.victim_id == undisturbed.victim_id
    for left, right in zip(
        jax.tree.leaves(victim.weights), jax.tree.leaves(undisturbed.weights), strict=True
    ):
        np.testing.assert_array_equal(left, right)
    assert without_times(tmp_path / "run") == without_times(run)


def test_a_line_without_its_checkpoint_is_dropped(
    trained: tuple[Victim, Path], two_classes: PreparedDataset, tmp_path: Path
) -> None:
    # What a kill between metrics and checkpoint leaves.
    run = tmp_path / "run"
    shutil.copytree(trained[1], run)
    (run / "test_metrics.json").unlink()
    with (run / "metrics.jsonl").open("a") as file:
        file.write(json.dumps({"epoch": 5, "best": True}) + "\n")
    train_victim(two_classes, RECIPE, run, quiet=True)
    assert [line["epoch"] for line in epochs(run)] == [1, 2, 3, 4]


def test_four_devices_train_as_one(
    trained: tuple[Victim, Path], two_classes: PreparedDataset, tmp_path: Path
) -> None:
    process = in_subprocess(
        two_classes, tmp_path / "run", XLA_FLAGS="--xla_force_host_platform_device_count=4"
    )
    assert process.wait(timeout=180) == 0
    assert len(json.loads((tmp_path / "run" / "environment.json").read_text())["devices"]) == 4
    ours, theirs = epochs(tmp_path / "run"), epochs(trained[1])
    assert ours[0]["loss"] == pytest.approx(theirs[0]["loss"], rel=0.02)
    images = np.stack([two_classes.source("test")[index]["image"] for index in range(20)])
    four = Victim.load(tmp_path / "run").predict(images)
    np.testing.assert_array_equal(four.argmax(1), trained[0].predict(images).argmax(1))


def test_a_batch_that_the_devices_cannot_share() -> None:
    script = (
        "from jaxpix.train.devices import Devices\n"
        "try: Devices(10)\n"
        "except ValueError as error: print(type(error).__name__, error)"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "JAX_PLATFORMS": "cpu"}
    environment["XLA_FLAGS"] = "--xla_force_host_platform_device_count=4"
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True)
    expected = "InputError batch_size 10 cannot be shared by 4 devices; choose a multiple of 4"
    assert done.stdout.strip() == expected


def test_multilabel_leaves_normal_images_out_of_training_only(
    label_sets: PreparedDataset, tmp_path: Path
) -> None:
    train, validation = training_parts(label_sets, RECIPE)
    assert train.labels.any(1).all()
    assert validation.labels.any(1).all()
    num_train, num_test = label_sets.num_examples["train"], label_sets.num_examples["test"]
    everything = dataclasses.replace(RECIPE, include_normal=True)
    with_normal, more = training_parts(label_sets, everything)
    assert len(with_normal) + len(more) == num_train > len(train) + len(validation)
    recipe = dataclasses.replace(RECIPE, epochs=16, class_weights="balanced")
    train_victim(label_sets, recipe, tmp_path / "run", quiet=True)
    metrics = json.loads((tmp_path / "run" / "test_metrics.json").read_text())
    assert metrics["count"] == num_test
    assert metrics["macro_auroc"] > 0.8
    assert epochs(tmp_path / "run")[-1]["validation_macro_auroc"] > 0.9


def test_of_a_single_label_normal_images_are_always_trained_on(tmp_path: Path) -> None:
    single = prepare_label_sets(tmp_path, ("left",))
    assert (single.info.task, single.info.class_names) == ("multilabel", ("left",))
    train, validation = training_parts(single, RECIPE)
    assert len(train) + len(validation) == single.num_examples["train"]
    assert not train.labels.any(1).all()


def test_the_stop_ends_training_early(two_classes: PreparedDataset, tmp_path: Path) -> None:
    recipe = dataclasses.replace(RECIPE, epochs=50, stop_accuracy=0.6)
    train_victim(two_classes, recipe, tmp_path / "run", quiet=True)
    scores = [line["validation_accuracy"] for line in epochs(tmp_path / "run")]
    assert scores[-1] >= 0.6 > max([0, *scores[:-1]])


def test_a_loss_that_is_not_finite_stops_the_run(two_classes: PreparedDataset, tmp_path: Path) -> None:
    recipe = dataclasses.replace(RECIPE, learning_rate=1e30)
    with pytest.raises(InputError, match=r"the loss is \w+ at epoch 1, step \d of \d.*smaller learning_rate"):
        train_victim(two_classes, recipe, tmp_path / "run", quiet=True)
    assert not (tmp_path / "run" / "checkpoints" / "last").exists()


def test_another_recipe_or_data_is_refused(
    trained: tuple[Victim, Path], two_classes: PreparedDataset
) -> None:
    other = dataclasses.replace(RECIPE, learning_rate=0.5)
    with pytest.raises(InputError, match=r"another training \(learning_rate: it has 0.02, now asked 0.5\)"):
        train_victim(two_classes, other, trained[1], quiet=True)
    changed = dataclasses.replace(two_classes, fingerprint="0" * 64)
    with pytest.raises(InputError, match=r"another training \(fingerprint: it has '"):
        train_victim(changed, RECIPE, trained[1], quiet=True)


def test_a_run_folder_that_cannot_be_made(two_classes: PreparedDataset, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot write to the run folder"):
        train_victim(two_classes, RECIPE, tmp_path / "file" / "run", quiet=True)


def test_a_batch_larger_than_the_training_set(two_classes: PreparedDataset, tmp_path: Path) -> None:
    recipe = dataclasses.replace(RECIPE, batch_size=66)
    with pytest.raises(InputError, match="batch_size 66 is more than the 65 images to train on"):
        train_victim(two_classes, recipe, tmp_path / "run", quiet=True)


def test_a_refused_training_does_not_bind_its_folder(two_classes: PreparedDataset, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="batch_size 66 is more than"):
        train_victim(two_classes, dataclasses.replace(RECIPE, batch_size=66), tmp_path, quiet=True)
    with TrainingRun(tmp_path).open(two_classes, RECIPE):
        assert (
            tomllib.loads((tmp_path / "config.toml").read_text())["train"]["batch_size"] == RECIPE.batch_size
        )


def test_images_too_small_for_the_model(two_classes: PreparedDataset, tmp_path: Path) -> None:
    small = dataclasses.replace(two_classes, image_size=28)
    recipe = dataclasses.replace(RECIPE, model="densenet121")
    with pytest.raises(InputError, match="densenet121 needs images of at least 29 pixels, got 28"):
        train_victim(small, recipe, tmp_path / "run", quiet=True)


def test_normalisation_is_that_of_the_training_pixels(two_classes: PreparedDataset) -> None:
    train, _ = training_parts(two_classes, RECIPE)
    mean, std = normalization(two_classes, train, RECIPE)
    pixels = np.stack([train.source[int(index)]["image"] for index in train.indices]).astype(float)
    np.testing.assert_allclose(mean, pixels.mean((0, 1, 2)), rtol=1e-6)
    np.testing.assert_allclose(std, pixels.std((0, 1, 2)), rtol=1e-6)
    given = dataclasses.replace(RECIPE, init="imagenet")
    colours = len(mean)
    mean, _ = normalization(two_classes, train, given)
    assert mean[0] == pytest.approx(123.675 if colours == 3 else 114.495)


def test_held_out_images_never_divide_a_group() -> None:
    groups = np.array([f"patient{index // 5}" for index in range(100)])
    held = held_out(groups, 0.1, seed=0)
    assert held.sum() == 10
    assert not set(groups[held]) & set(groups[~held])
    np.testing.assert_array_equal(held, held_out(groups, 0.1, seed=0))
    assert not np.array_equal(held, held_out(groups, 0.1, seed=1))
    unknown = held_out(np.full(100, ""), 0.1, seed=0)
    assert unknown.sum() == 10
    assert held_out(np.full(5, ""), 0.01, seed=0).sum() == 1


def test_one_group_cannot_be_divided(two_classes: PreparedDataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PreparedDataset, "groups", lambda self, split: np.full(len(self.labels(split)), "p"))
    with pytest.raises(InputError, match=r"in 1 group\(s\) cannot be divided .* validation_fraction to 0"):
        training_parts(two_classes, RECIPE)
    train, validation = training_parts(two_classes, dataclasses.replace(RECIPE, validation_fraction=0.0))
    np.testing.assert_array_equal(train.indices, validation.indices)


def test_reading_the_data_again_gives_the_same(two_classes: PreparedDataset) -> None:
    assert read_prepared(two_classes.path) == two_classes
