"""Built-in victims: drawn, trained and kept on first use."""

import dataclasses
from pathlib import Path

import pytest

from jaxpix.errors import InputError
from jaxpix.prepare.phantoms import drawing
from jaxpix.train.builtin import BUILT_IN, built_in_victim, open_or_draw


def test_a_built_in_victim_is_made_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    recipe = BUILT_IN["multilabel"]
    short = dataclasses.replace(
        recipe,
        prepare=dataclasses.replace(recipe.prepare, num_images=120, image_size=32),
        train=dataclasses.replace(recipe.train, epochs=1, batch_size=16),
    )
    monkeypatch.setitem(BUILT_IN, "multilabel", short)
    places = {"data_dir": tmp_path / "data", "runs": tmp_path / "runs"}
    victim = built_in_victim("multilabel", **places)
    assert "training the built-in multilabel victim on phantom-chest" in capsys.readouterr().out
    assert victim.task == "multilabel"
    assert victim.input_shape == (32, 32, 1)
    assert victim.provenance["synthetic"]
    assert built_in_victim("multilabel", **places).victim_id == victim.victim_id
    assert "training" not in capsys.readouterr().out
    assert (tmp_path / "runs" / "built-in-phantom-chest" / "victim" / "victim.json").exists()


def test_each_task_has_a_victim_of_its_task() -> None:
    assert set(BUILT_IN) == {"multiclass", "multilabel"}
    assert {recipe.train.model for recipe in BUILT_IN.values()} == {"resnet14"}


def test_a_phantom_is_drawn_when_it_is_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setattr(drawing, "DEFAULT_NUM_IMAGES", 24)
    dataset = open_or_draw("phantom-xray", tmp_path, image_size=32)
    assert "phantom-xray is drawn first" in capsys.readouterr().out
    assert open_or_draw("phantom-xray", tmp_path) == dataset
    assert "drawn first" not in capsys.readouterr().out


def test_other_data_sets_are_not_drawn(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"Run: python -m jaxpix.prepare pneumonia"):
        open_or_draw("pneumonia", tmp_path)
