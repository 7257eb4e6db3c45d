"""Words of messages: what may be meant, and what pydantic found."""

import pytest

from jaxpix import AttackConfig, EngineConfig, PrepareConfig, TrainConfig
from jaxpix.errors import InputError, did_you_mean
from jaxpix.labels import LabelSpace


@pytest.mark.parametrize(
    ("given", "allowed", "said"),
    [
        ("cosin", ["confidence", "cosine"], " (did you mean cosine?)"),
        ("MEL", ["mel", "nv"], " (did you mean mel?)"),
        ("covid-19", ["normal", "COVID-19"], " (did you mean COVID-19?)"),
        ("something", ["mel", "nv"], ""),
        ("", ["a"], ""),
        ("x" * 10_000, ["x" * 9_999], ""),
        (3, ["3"], ""),
        ("a", [], ""),
    ],
)
def test_did_you_mean(given: object, allowed: list[str], said: str) -> None:
    assert did_you_mean(given, allowed) == said


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: AttackConfig(population=3),
            "AttackConfig: population: Input should be greater than or equal to 4, got 3",
        ),
        (
            lambda: AttackConfig(fitness="margn"),
            "fitness: Input should be 'confidence', 'margin' or 'cosine', got 'margn'$",
        ),
        (lambda: TrainConfig(model="resnet51"), "TrainConfig: model: .*, got 'resnet51'$"),
        (
            lambda: PrepareConfig(image_size="large"),
            "PrepareConfig: image_size: Input should be a valid integer",
        ),
        (lambda: EngineConfig(slot=3), "EngineConfig: slot: Unexpected keyword argument"),
    ],
)
def test_a_wrong_configuration_in_python_is_explained(make, message: str) -> None:
    with pytest.raises(ValueError, match=message) as said:
        make()
    assert "pydantic" not in str(said.value)


def test_classes_that_may_be_meant() -> None:
    skin = LabelSpace("multiclass", ("mel", "nv"))
    chest = LabelSpace("multilabel", ("Mass", "Edema"))
    with pytest.raises(InputError, match=r"unknown class 'Mel' \(did you mean mel\?\); allowed: mel, nv$"):
        skin.parse("Mel")
    with pytest.raises(
        InputError, match=r"unknown class 'edma' \(did you mean Edema\?\); allowed: Mass, Edema, Normal"
    ):
        chest.parse("Mass|edma")
    with pytest.raises(InputError, match=r"unknown class 'normal' \(did you mean Normal\?\)"):
        chest.parse("normal")
