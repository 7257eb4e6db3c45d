"""What weights look like: every architecture of ours by its own, and what is near to one."""

import pytest
from flax import nnx

from jaxpix.models.recognition import describe_weights
from jaxpix.models.sizes import SIZES
from jaxpix.models.torch_names import torch_shapes
from jaxpix.models.zoo import build


def shapes_of(name: str, num_classes: int, channels: int) -> dict[str, tuple[int, ...]]:
    make = lambda: build(name, num_classes=num_classes, channels=channels, seed=0)  # noqa: E731
    return torch_shapes(nnx.eval_shape(make))


@pytest.mark.parametrize("name", ["resnet14", "resnet18", "resnet34", "resnet50", "densenet121"])
def test_ours_are_recognised_behind_any_prefix(name: str) -> None:
    shapes = shapes_of(name, 14, 1)
    assert describe_weights(shapes) == f"{name} (grey, 14 classes)"
    behind = {f"module.a1.{key}": shape for key, shape in shapes.items()}
    assert describe_weights(behind) == f"{name} (grey, 14 classes)"
    headless = {key: shape for key, shape in shapes.items() if len(shape) == 4}
    assert describe_weights(headless) == f"{name} (grey, without a last layer)"


def test_what_is_near_and_what_is_not() -> None:
    shapes = shapes_of("resnet50", 2, 3)
    wide = {
        key: (128, *shape[1:]) if key == "layer1.0.conv1.weight" else shape for key, shape in shapes.items()
    }
    assert describe_weights(wide) == "no network of ours, nearest to resnet50 (colour, 2 classes)"
    fewer = {key: shape for key, shape in shapes.items() if not key.startswith("layer3.5.")}
    assert describe_weights(fewer) == "no network of ours, nearest to resnet50 (colour, 2 classes)"
    odd = {key: (64, 4, 7, 7) if key == "conv1.weight" else shape for key, shape in shapes.items()}
    assert describe_weights(odd) == "resnet50 (4 channels, 2 classes)"
    assert describe_weights({}) == f"none of {', '.join(SIZES)}"
    assert describe_weights({"conv1.weight": (6, 3, 5, 5), "fc1.weight": (9, 9)}).startswith(
        "none of resnet18"
    )
