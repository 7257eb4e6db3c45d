"""Weights from elsewhere: every format, adaptation to other data, and refusals that name the key."""

import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from flax import nnx
from safetensors.numpy import save_file

from jaxpix.errors import InputError
from jaxpix.models.checkpoint_files import read_weights
from jaxpix.models.densenet import DenseNet
from jaxpix.models.pretrained import export_torchvision, load_torchvision
from jaxpix.models.zoo import build


def small(num_classes: int = 3, channels: int = 3, seed: int = 0) -> nnx.Module:
    model = build("resnet14", num_classes=num_classes, channels=channels, seed=seed)
    model.eval()
    return model


def images(channels: int) -> np.ndarray:
    grey = np.random.default_rng(0).normal(size=(2, 32, 32, 1)).astype(np.float32)
    return np.repeat(grey, channels, axis=-1)


@pytest.fixture(scope="module")
def weights() -> dict[str, np.ndarray]:
    return export_torchvision(small())


def test_safetensors_round_trip_is_exact(weights: dict[str, np.ndarray], tmp_path: Path) -> None:
    save_file(weights, tmp_path / "w.safetensors")
    model = small(seed=1)
    load_torchvision(model, read_weights(tmp_path / "w.safetensors"))
    for key, value in export_torchvision(model).items():
        np.testing.assert_array_equal(value, weights[key])


@pytest.mark.parametrize("wrapper", ["plain", "module", "state_dict"])
def test_common_wrappings_are_understood(weights: dict[str, np.ndarray], wrapper: str) -> None:
    state = {
        "plain": weights,
        "module": {f"module.{key}": value for key, value in weights.items()},
        "state_dict": {"epoch": 3, "state_dict": weights},
    }[wrapper]
    model = small(seed=1)
    load_torchvision(model, state)
    np.testing.assert_array_equal(model(images(3)), small()(images(3)))


def test_old_densenet_keys_are_understood() -> None:
    source, model = (DenseNet((1, 2), num_classes=2, channels=1, rngs=nnx.Rngs(seed)) for seed in (0, 1))
    exported = export_torchvision(source)
    old = {
        (
            key.replace(".norm1.", ".norm.1.").replace(".conv2.", ".conv.2.") if "denselayer" in key else key
        ): value
        for key, value in exported.items()
    }
    assert "features.denseblock2.denselayer2.conv.2.weight" in old
    load_torchvision(model, old)
    for key, value in export_torchvision(model).items():
        np.testing.assert_array_equal(value, exported[key])


def test_colour_weights_fit_grey_images_and_other_classes(weights: dict[str, np.ndarray]) -> None:
    grey = small(num_classes=3, channels=1, seed=1)
    load_torchvision(grey, weights, adapt=True)
    np.testing.assert_allclose(grey(images(1)), small()(images(3)), rtol=1e-4, atol=1e-5)
    other = small(num_classes=4, channels=3, seed=1)
    kept = np.asarray(other.fc.kernel[...])
    load_torchvision(other, weights, adapt=True)
    np.testing.assert_array_equal(other.fc.kernel[...], kept)
    np.testing.assert_array_equal(other.conv1.kernel[...], small().conv1.kernel[...])


@pytest.mark.parametrize(
    ("num_classes", "channels", "adapt", "message"),
    [
        (3, 1, False, r"conv1.weight: expected shape \[24, 1, 7, 7\], got \[24, 3, 7, 7\]"),
        (4, 3, False, r"fc.bias: expected shape \[4\], got \[3\]"),
    ],
)
def test_an_exact_load_names_key_and_shapes(
    weights: dict[str, np.ndarray], num_classes: int, channels: int, adapt: bool, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        load_torchvision(small(num_classes, channels), weights, adapt=adapt)


def test_grey_weights_never_fit_colour_images() -> None:
    weights = export_torchvision(small(channels=1))
    with pytest.raises(
        InputError, match=r"conv1.weight: expected .*; only weights for 3 channels can be fitted"
    ):
        load_torchvision(small(channels=3), weights, adapt=True)


def test_another_architecture_is_named(weights: dict[str, np.ndarray]) -> None:
    fewer = {key: value for key, value in weights.items() if not key.startswith("layer3")}
    with pytest.raises(
        InputError, match=r"20 keys missing \(first: layer3.0.bn1.bias\), 1 unknown \(first: head"
    ):
        load_torchvision(small(), {**fewer, "head.weight": np.zeros((1, 9))})


def test_weights_that_are_no_numbers(weights: dict[str, np.ndarray]) -> None:
    with pytest.raises(InputError, match=r"weights fc\.bias: expected numbers, got ndarray"):
        load_torchvision(small(), weights | {"fc.bias": np.asarray(["a", "b", "c"])})
    with pytest.raises(InputError, match=r"1 keys missing \(first: fc\.bias\)"):
        load_torchvision(small(), weights | {"fc.bias": {"step": 1}})
    narrow = weights | {"conv1.weight": np.zeros((24, 3, 5, 5), np.float32)}
    with pytest.raises(InputError, match=r"conv1\.weight: expected shape .*, got \[24, 3, 5, 5\]$"):
        load_torchvision(small(), narrow, adapt=True)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("nowhere.safetensors", None, "weights not found: .*nowhere.safetensors"),
        ("w.safetensors", b"nonsense", "w.safetensors is not a valid safetensors file"),
        ("w.npz", b"", r"expected weights as .safetensors, .pth, .pt, .ckpt, .pth.tar, .bin, got .npz"),
        ("w.pth", b"", "w.pth is empty"),
        ("w.ckpt", b"<!DOCTYPE html>", "w.ckpt is a web page"),
        ("w.safetensors", b"version https://git-lfs.github.com/spec/v1", "is a git-lfs pointer"),
    ],
)
def test_files_that_cannot_be_read(tmp_path: Path, name: str, content: bytes | None, message: str) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=message):
        read_weights(tmp_path / name)


def test_torch_files(weights: dict[str, np.ndarray], tmp_path: Path) -> None:
    torch = pytest.importorskip("torch", reason="needs the torch extra")
    tensors = {key: torch.tensor(value) for key, value in weights.items()}
    torch.save({"epoch": 1, "state_dict": tensors}, tmp_path / "w.pth")
    model = small(seed=1)
    load_torchvision(model, read_weights(tmp_path / "w.pth"))
    np.testing.assert_array_equal(model.fc.kernel[...], weights["fc.weight"].T)
    load_torchvision(small(seed=1), tensors)


def test_torch_files_of_parameters_of_short_floats(weights: dict[str, np.ndarray], tmp_path: Path) -> None:
    torch = pytest.importorskip("torch", reason="needs the torch extra")
    parameters = {key: torch.nn.Parameter(torch.tensor(value).bfloat16()) for key, value in weights.items()}
    torch.save(parameters, tmp_path / "w.pth")
    model = small(seed=1)
    load_torchvision(model, read_weights(tmp_path / "w.pth"))
    np.testing.assert_allclose(model.fc.kernel[...], weights["fc.weight"].T, rtol=1e-2)
    torch.save([torch.zeros(1)], tmp_path / "w.pth")
    with pytest.raises(InputError, match="expected a state dict, got list"):
        read_weights(tmp_path / "w.pth")


def test_a_pickled_object_is_refused_and_never_run(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="needs the torch extra")

    class Trap:
        def __reduce__(self) -> tuple:
            return os.mkdir, (str(tmp_path / "ran"),)

    (tmp_path / "w.pth").write_bytes(pickle.dumps({"fc.weight": Trap()}, protocol=2))
    with pytest.raises(InputError, match=r"holds more than tensors: posix\.mkdir"):
        read_weights(tmp_path / "w.pth")
    assert not (tmp_path / "ran").exists()


def test_torch_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    (tmp_path / "w.pth").write_bytes(b"PK")
    with pytest.raises(InputError, match="needs torch to be read: install jaxpix with the extra `torch`"):
        read_weights(tmp_path / "w.pth")


def test_imagenet_has_no_small_model() -> None:
    with pytest.raises(
        InputError, match=r"no published imagenet weights for resnet14; .* resnet18, .*, densenet201$"
    ):
        read_weights("imagenet", architecture="resnet14")


def test_imagenet_offline_says_what_to_download(tmp_path: Path) -> None:
    script = (
        "from jaxpix.models.checkpoint_files import read_weights\n"
        "try: read_weights('imagenet', architecture='resnet50')\n"
        "except ValueError as error: print(type(error).__name__, error)"
    )
    environment = {
        **os.environ,
        "HF_HUB_OFFLINE": "1",
        "HF_HOME": str(tmp_path),
        "JAX_PLATFORMS": "cpu",
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True)
    assert done.stdout.startswith("InputError cannot fetch the published weights")
    assert "Download model.safetensors of the Hugging Face repository timm/resnet50.tv_in1k" in done.stdout
    assert "--init PATH" in done.stdout
