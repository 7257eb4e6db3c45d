"""The train door: options in, run folder and test table out."""

import dataclasses
import json
import tomllib
from pathlib import Path

import pytest
from safetensors.numpy import save_file
from support.bars import prepare_two_classes

from jaxpix.config import TrainConfig
from jaxpix.errors import InputError
from jaxpix.models.pretrained import export_torchvision
from jaxpix.models.zoo import build
from jaxpix.train.__main__ import TrainOptions, main
from jaxpix.victim.victim import Victim

pytestmark = pytest.mark.usefixtures("kept_programs")


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("train")
    prepare_two_classes(root)
    return root / "data"


def test_the_defaults_are_the_papers() -> None:
    recipe = TrainOptions().config
    assert (recipe.model, recipe.epochs, recipe.batch_size) == ("resnet50", 100, 64)
    assert (recipe.learning_rate, recipe.momentum, recipe.stop_accuracy) == (0.001, 0.9, 0.95)
    assert recipe == TrainConfig()
    assert not recipe.include_normal


def test_train_prints_the_test_table_and_leaves_a_victim(
    data_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    weights = build("resnet14", num_classes=5, channels=3, seed=3)
    wrapped = {f"backbone.{key}": value for key, value in export_torchvision(weights).items()}
    save_file(wrapped, tmp_path / "w.safetensors")
    flags = ["--model", "resnet14", "--epochs", "2", "--batch-size", "16", "--stop-accuracy", "1"]
    run = tmp_path / "run"
    places = ["--data-dir", str(data_dir), "--run", str(run), "--init", str(tmp_path / "w.safetensors")]
    main(["bars", *flags, *places])
    printed = capsys.readouterr().out
    assert "weights: the prefix 'backbone.' is removed" in printed
    assert "precision" in printed
    assert "images/s" in printed
    assert "left" in printed
    assert "of 2 trained" in printed
    assert "stopped before" not in printed
    assert Victim.load(run).class_names == ("left", "right")
    resolved = tomllib.loads((run / "config.toml").read_text())["train"]
    assert (resolved["dataset"], resolved["epochs"], resolved["image_size"]) == ("bars", 2, 32)
    described = json.loads((run / "victim" / "victim.json").read_text())
    assert described["mean"][0] == pytest.approx(114.495, abs=0.01) or len(described["mean"]) == 3
    # The resolved configuration is a configuration: the finished run is found again.
    main(["--config", str(run / "config.toml"), "--data-dir", str(data_dir), "--run", str(run)])
    assert "of 2 trained" in capsys.readouterr().out


def test_training_that_stops_early_says_why_and_how_to_go_on(
    data_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    flags = ["--model", "resnet14", "--epochs", "9", "--batch-size", "16", "--stop-accuracy", "0.01"]
    main(["bars", *flags, "--data-dir", str(data_dir), "--run", str(tmp_path / "run")])
    printed = capsys.readouterr().out
    assert "best epoch: 1 of 1 trained" in printed
    metrics = json.loads((tmp_path / "run" / "metrics.jsonl").read_text())
    reached = f"validation accuracy reached {metrics['validation_accuracy']:.1%}"
    assert f"stopped before epoch 9: {reached}, and --stop-accuracy is 1%; to train on, give" in printed
    assert "--stop-accuracy 1 and another --run" in printed
    # A finished run is only opened, and says what its test says.
    test = json.loads((tmp_path / "run" / "test_metrics.json").read_text())
    for confusion, said in (([[10, 0], [0, 10]], False), ([[10, 0], [10, 0]], True)):
        (tmp_path / "run" / "test_metrics.json").write_text(json.dumps({**test, "confusion": confusion}))
        main(["bars", *flags, "--data-dir", str(data_dir), "--run", str(tmp_path / "run")])
        words = "warning: the victim is at chance: balanced accuracy 50.0 % on 20 test images"
        assert (words in capsys.readouterr().out) == said


def test_a_data_set_that_is_not_prepared_says_the_command(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"Run: python -m jaxpix.prepare derma"):
        main(["derma", "--data-dir", str(tmp_path)])


def test_init_that_does_not_exist(data_dir: Path, tmp_path: Path) -> None:
    places = ["--data-dir", str(data_dir), "--run", str(tmp_path / "run"), "--init", "nowhere.pth"]
    with pytest.raises(InputError, match=r"weights not found: nowhere.pth"):
        main(["bars", "--model", "resnet14", *places])


def test_a_training_that_was_refused_is_corrected_and_goes_on(
    data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("words.txt").write_text("no weights")
    common = ["bars", "--model", "resnet14", "--data-dir", str(data_dir), "--epochs", "1"]
    for wrong, message in (
        (["--batch-size", "4000"], "batch_size 4000 is more than"),
        (["--batch-size", "16", "--init", "nowhere.pth"], "weights not found"),
        (["--batch-size", "16", "--init", "words.txt"], "words.txt"),
        (["--batch-size", "16", "--validation-fraction", "0.999"], "cannot be divided"),
        (["--batch-size", "16", "--learning-rate", "1e30"], r"the loss is nan at epoch 1.* now 1e\+30$"),
    ):
        with pytest.raises(InputError, match=message):
            main([*common, *wrong])
    main([*common, "--batch-size", "16"])
    assert Victim.load(Path("runs/bars-resnet14-32")).class_names == ("left", "right")
    with pytest.raises(InputError, match="holds another training"):
        main([*common, "--batch-size", "8"])


def test_options_have_one_name_each() -> None:
    names = [field.name for field in dataclasses.fields(TrainOptions)]
    assert not set(names) & {field.name for field in dataclasses.fields(TrainConfig)}
