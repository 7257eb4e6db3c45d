"""Files that torch refuses: what is in the way, and two lines that save a clean one, which are run here."""

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from jaxpix.errors import InputError
from jaxpix.models.checkpoint_files import read_weights
from jaxpix.models.pretrained import export_torchvision, load_torchvision
from jaxpix.models.zoo import build

pytestmark = pytest.mark.torch
torch = pytest.importorskip("torch", reason="reads files that torch writes")


@pytest.fixture(scope="module")
def weights() -> dict[str, np.ndarray]:
    return export_torchvision(build("resnet14", num_classes=2, channels=1, seed=1))


class OwnNet(torch.nn.Module):
    """A module of somebody's own script, whose weights have torchvision's names."""

    def __init__(self, weights: dict[str, np.ndarray]):
        super().__init__()
        for name, value in weights.items():
            owner: torch.nn.Module = self
            *path, leaf = name.split(".")
            for part in path:
                if not hasattr(owner, part):
                    owner.add_module(part, torch.nn.Module())
                owner = getattr(owner, part)
            owner.register_buffer(leaf, torch.tensor(value))


def refused(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        read_weights(path)
    return str(caught.value)


def follow(message: str) -> None:
    """Run the two lines of Python that a message offers."""
    lines = [line.strip() for line in message.splitlines() if line.startswith("  ")]
    assert len(lines) == 2
    exec("\n".join(lines), {})


KINDS: dict[str, tuple[Any, str]] = {
    "numpy": (lambda state: {"state_dict": state, "best": np.float64(0.9)}, "a NumPy scalar (numpy"),
    "flat": (lambda state: {**state, "best": np.float64(0.9)}, "a NumPy scalar (numpy"),
    "arguments": (
        lambda state: {"model": state, "args": argparse.Namespace(lr=0.1)},
        "the arguments of a script (argparse.Namespace)",
    ),
    "path": (lambda state: {"net": state, "where": Path("x")}, "pathlib.PosixPath"),
}


@pytest.mark.parametrize(("make", "what"), KINDS.values(), ids=KINDS)
@pytest.mark.parametrize("suffix", ["pth", "ckpt", "pth.tar"])
def test_what_is_in_the_way_and_the_way_out(
    weights: dict[str, np.ndarray], tmp_path: Path, make: Any, what: str, suffix: str
) -> None:
    path = tmp_path / f"best.{suffix}"
    torch.save(make({key: torch.tensor(value) for key, value in weights.items()}), path)
    message = refused(path)
    assert f"{path} holds more than tensors: {what}" in message
    assert "\x1b" not in message
    assert "weights_only=False" in message
    follow(message)
    model = build("resnet14", num_classes=2, channels=1, seed=2)
    load_torchvision(model, read_weights(tmp_path / "best-clean.pth"))
    np.testing.assert_array_equal(export_torchvision(model)["fc.weight"], weights["fc.weight"])


@pytest.mark.parametrize("wrapped", [False, True])
def test_a_whole_module(weights: dict[str, np.ndarray], tmp_path: Path, wrapped: bool) -> None:
    module = OwnNet(weights)
    torch.save({"epoch": 3, "model": module} if wrapped else module, tmp_path / "whole.pt")
    message = refused(tmp_path / "whole.pt")
    assert "holds more than tensors: a whole module (" in message
    follow(message)
    model = build("resnet14", num_classes=2, channels=1, seed=2)
    load_torchvision(model, read_weights(tmp_path / "whole-clean.pth"))
    np.testing.assert_array_equal(export_torchvision(model)["fc.weight"], weights["fc.weight"])


def test_damaged_files_say_so_in_one_line(weights: dict[str, np.ndarray], tmp_path: Path) -> None:
    path = tmp_path / "w.bin"
    torch.save({key: torch.tensor(value) for key, value in weights.items()}, path)
    whole = path.read_bytes()
    for content in (whole[: len(whole) // 2], b"PK\x03\x04 nonsense", b"\x80\x02}q\x00.nonsense", whole[:-9]):
        path.write_bytes(content)
        message = refused(path)
        assert message.startswith(f"{path} cannot be read as a file of tensors alone: ")
        assert "\n" not in message
        assert "\x1b" not in message
