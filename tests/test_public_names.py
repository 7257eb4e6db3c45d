"""The face of the package: what it lists, and how its things look when a person prints them."""

from pathlib import Path

import pytest
from support.bars import prepare_two_classes

import jaxpix


def test_public_names_are_listed_and_there() -> None:
    assert dir(jaxpix) == jaxpix.__all__ == sorted(jaxpix.__all__)
    for name in jaxpix.__all__:
        assert getattr(jaxpix, name) is not None


@pytest.mark.parametrize(
    "text",
    [
        "AttackConfig()",
        "AttackConfig(num_pixels=3, target='mass', generations=20)",
        "EngineConfig(slots=4)",
        "TrainConfig(model='resnet14', epochs=2)",
        "PrepareConfig(image_size=32)",
    ],
)
def test_configurations_show_what_was_chosen(text: str) -> None:
    assert repr(eval(f"jaxpix.{text}")) == text


def test_a_data_set_shows_what_it_holds(tmp_path: Path) -> None:
    dataset = prepare_two_classes(tmp_path)
    assert repr(dataset) == "PreparedDataset('bars', 'folders', 72 train, 20 test images 32x32x1)"
