"""Weights in torchvision's and timm's format, read into our models and written from them.

Nothing is unpickled but tensors: `.safetensors` needs no torch; `.pth` and `.pt` are read by
`torch.load(weights_only=True)` and need the `torch` extra.
"""

import logging
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
from flax import nnx

from ..config import ModelName
from ..errors import InputError
from .densenet import DenseNet

IMAGENET = "imagenet"
# On the 0..255 scale; a grey image is normalised by the averages over the colours.
IMAGENET_MEAN = (123.675, 116.28, 103.53)
IMAGENET_STD = (58.395, 57.12, 57.375)

# Where timm publishes torchvision's ImageNet weights.
PUBLISHED: dict[ModelName, str] = {
    "resnet18": "timm/resnet18.tv_in1k",
    "resnet34": "timm/resnet34.tv_in1k",
    "resnet50": "timm/resnet50.tv_in1k",
    "resnet101": "timm/resnet101.tv_in1k",
    "resnet152": "timm/resnet152.tv_in1k",
    "densenet121": "timm/densenet121.tv_in1k",
    "densenet169": "timm/densenet169.tv_in1k",
    "densenet201": "timm/densenet201.tv_in1k",
}
_PUBLISHED_FILE = "model.safetensors"
_WRAPPERS = ("state_dict", "model_state_dict", "model")
_LEAVES = {
    "kernel": "weight",
    "scale": "weight",
    "bias": "bias",
    "mean": "running_mean",
    "var": "running_var",
}
_COUNTER = "num_batches_tracked"


def load_torchvision(model: nnx.Module, state: Mapping[str, Any], *, adapt: bool = False) -> None:
    """Overwrite the weights and running statistics of `model` (in place) with torchvision's.

    Understood besides torchvision's keys: a `state_dict` wrapper, the `module.` prefix of
    DataParallel, and the `norm.1` style of old DenseNet files.

    Args:
        model: a `ResNet` or `DenseNet` of the same structure.
        state: torchvision's names to NumPy arrays or torch tensors, in torch's layout.
        adapt: fit other data: a colour first layer is summed over its colours for grey images (a grey
            image shown in all three channels gives the same activations), and a last layer for other
            classes is left as it is in `model`.

    Raises:
        InputError: keys are missing or left over, or a shape differs; names the key and both shapes.
    """
    given = _normalised(state)
    flat = list(nnx.to_flat_state(nnx.state(model, (nnx.Param, nnx.BatchStat))))
    expected = {_torch_name(path, model): path for path, _ in flat}
    _check_keys(given.keys(), expected.keys())
    first, last = _first_and_last(model)
    filled = []
    for path, variable in flat:
        key, shape = _torch_name(path, model), _torch_shape(variable.shape)
        array = _array(given[key], key)
        if adapt and key == first and array.shape[1:2] == (3,) and shape[1] == 1:
            array = array.sum(1, keepdims=True)
        if array.shape != shape:
            if adapt and key.rpartition(".")[0] == last:
                continue
            raise InputError(_mismatch(key, shape, array.shape, key == first, adapt))
        filled.append((path, variable.replace(jnp.asarray(_to_flax(array)))))
    nnx.update(model, nnx.from_flat_state(filled))


def _array(value: Any, key: str) -> np.ndarray:
    try:
        return np.asarray(value, np.float32)
    except (TypeError, ValueError) as error:
        raise InputError(f"weights {key}: expected numbers, got {type(value).__name__}: {error}") from None


def export_torchvision(model: nnx.Module) -> dict[str, np.ndarray]:
    """The weights of `model` under torchvision's names, in torch's layout; `load_state_dict` takes them."""
    exported = {}
    for path, variable in nnx.to_flat_state(nnx.state(model, (nnx.Param, nnx.BatchStat))):
        key = _torch_name(path, model)
        exported[key] = _to_torch(np.asarray(variable[...]))
        if path[-1] == "mean":
            exported[f"{key.rpartition('.')[0]}.{_COUNTER}"] = np.zeros((), np.int64)
    return exported


def read_weights(source: str | Path, *, architecture: ModelName | None = None) -> dict[str, np.ndarray]:
    """Read a state dict from a file, or fetch the published ImageNet weights of `architecture`.

    Args:
        source: path of a `.safetensors`, `.pth` or `.pt` file, or the word `imagenet`.
        architecture: needed for `imagenet` only.

    Raises:
        InputError: no such file, another format, a damaged file, torch is not installed (`.pth`), the
            file holds more than tensors, or the published weights cannot be fetched.
    """
    path = _fetch_published(architecture) if str(source) == IMAGENET else Path(source)
    if not path.is_file():
        raise InputError(f"weights not found: {path} (expected a file, or the word {IMAGENET})")
    if path.suffix == ".safetensors":
        return _read_safetensors(path)
    if path.suffix in (".pth", ".pt"):
        return _read_torch(path)
    raise InputError(
        f"{path}: expected weights as .safetensors, .pth or .pt, got {path.suffix or 'no suffix'}"
    )


def _read_safetensors(path: Path) -> dict[str, np.ndarray]:
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        return dict(load_file(path))
    # Types that NumPy lacks, and headers that make no sense, come out as other errors.
    except (
        SafetensorError,
        OSError,
        ValueError,
        KeyError,
        TypeError,
        OverflowError,
        AttributeError,
    ) as error:
        raise InputError(f"{path} is not a valid safetensors file of NumPy's types: {error}") from None


def _read_torch(path: Path) -> dict[str, np.ndarray]:
    try:
        import torch
    except ImportError:
        raise InputError(
            f"{path} needs torch to be read: install jaxpix with the extra `torch`, or convert the file to "
            ".safetensors, which needs nothing"
        ) from None
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise InputError(
            f"{path} cannot be read as a file of tensors alone (anything else is refused, since loading "
            f"it could run code); save the model's state_dict(). {reason}"
        ) from None
    if not isinstance(content, Mapping):
        raise InputError(f"{path}: expected a state dict, got {type(content).__name__}")
    try:
        return _normalised(content)
    except (TypeError, ValueError, RuntimeError, AttributeError) as error:
        raise InputError(f"{path}: expected names of layers and their tensors: {error}") from None


def _fetch_published(architecture: ModelName | None) -> Path:
    repository = PUBLISHED.get(architecture) if architecture else None
    if repository is None:
        having = ", ".join(PUBLISHED)
        raise InputError(f"no published {IMAGENET} weights for {architecture}; there are some for {having}")
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    # What goes wrong is said below, once; the library would say it at every try.
    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)
    try:
        return Path(hf_hub_download(repository, _PUBLISHED_FILE, local_files_only=True))
    except LocalEntryNotFoundError:
        pass
    try:
        return Path(hf_hub_download(repository, _PUBLISHED_FILE))
    except Exception as error:
        raise InputError(
            f"cannot fetch the published weights ({type(error).__name__}). Download {_PUBLISHED_FILE} of the "
            f"Hugging Face repository {repository} on a machine with network access, copy it here, and give "
            "its path instead (--init PATH; of a study: --set train.init=PATH), or start from weights drawn at "
            "random (--init random)"
        ) from error


def _normalised(state: Mapping[str, Any]) -> dict[str, Any]:
    for wrapper in _WRAPPERS:
        if isinstance(state.get(wrapper), Mapping):
            state = state[wrapper]
    arrays = {}
    for name, value in state.items():
        key = name.removeprefix("module.")
        key = re.sub(r"(denselayer\d+\.(?:norm|conv))\.(\d)", r"\1\2", key)
        if not key.endswith(_COUNTER):
            # Of parameters as well as tensors, and of types that NumPy lacks.
            arrays[key] = value.detach().float().numpy() if hasattr(value, "detach") else value
    return arrays


def _torch_name(path: tuple[Any, ...], model: nnx.Module) -> str:
    *modules, leaf = path
    if isinstance(model, DenseNet) and modules[0] != "classifier":
        if modules[0] == "denseblocks":
            block, layer = modules[1:3]
            modules[:3] = [f"denseblock{block + 1}", f"denselayer{layer + 1}"]
        elif modules[0] == "transitions":
            modules[:2] = [f"transition{modules[1] + 1}"]
        modules.insert(0, "features")
    return ".".join(map(str, [*modules, _LEAVES[leaf]]))


def _first_and_last(model: nnx.Module) -> tuple[str, str]:
    return ("features.conv0.weight", "classifier") if isinstance(model, DenseNet) else ("conv1.weight", "fc")


def _torch_shape(shape: tuple[int, ...]) -> tuple[int, ...]:
    if len(shape) == 4:
        height, width, num_in, num_out = shape
        return num_out, num_in, height, width
    return shape[::-1]


def _to_flax(array: np.ndarray) -> np.ndarray:
    return array.transpose(2, 3, 1, 0) if array.ndim == 4 else array.T


def _to_torch(array: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(array.transpose(3, 2, 0, 1) if array.ndim == 4 else array.T)


def _check_keys(given: Any, expected: Any) -> None:
    missing, extra = sorted(expected - given), sorted(given - expected)
    if missing or extra:
        raise InputError(
            f"the weights are of another architecture: {len(missing)} keys missing{_first_of(missing)}, "
            f"{len(extra)} unknown{_first_of(extra)}"
        )


def _first_of(names: list[str]) -> str:
    return f" (first: {names[0]})" if names else ""


def _mismatch(key: str, expected: tuple[int, ...], got: tuple[int, ...], is_first: bool, adapt: bool) -> str:
    message = f"weights {key}: expected shape {list(expected)}, got {list(got)}"
    if is_first and expected[1:2] != got[1:2] and adapt:
        return message + "; only weights for 3 channels can be fitted, to images of 1 channel"
    return message
