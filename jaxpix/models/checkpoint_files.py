"""Files of weights, as they are saved and published; what they hold is for `pretrained` to understand.

Nothing is unpickled but tensors: `.safetensors` needs no torch; what torch saves is read by
`torch.load(weights_only=True)` and needs the `torch` extra.
"""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..config import ModelName
from ..errors import InputError
from .unsafe_files import explain_refusal

IMAGENET = "imagenet"
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
_OF_TORCH = (".pth", ".pt", ".ckpt", ".pth.tar", ".bin")


def read_weights(source: str | Path, *, architecture: ModelName | None = None) -> Mapping[Any, Any]:
    """Read a checkpoint from a file, or fetch the published ImageNet weights of `architecture`.

    Args:
        source: path of a `.safetensors` file or of one that torch saved (`.pth`, `.pt`, `.ckpt`, `.pth.tar`,
            `.bin`), or the word `imagenet`.
        architecture: needed for `imagenet` only.

    Returns:
        Whatever the file holds: names to arrays or torch tensors, perhaps nested and beside other things.

    Raises:
        InputError: no such file, another format, a damaged file, torch is not installed, the file holds more than
            tensors, or the published weights cannot be fetched.
    """
    path = _fetch_published(architecture) if str(source) == IMAGENET else Path(source)
    if not path.is_file():
        raise InputError(f"weights not found: {path} (expected a file, or the word {IMAGENET})")
    name = path.name.lower()
    if name.endswith((".safetensors", *_OF_TORCH)):
        _refuse_texts(path)
        return _read_safetensors(path) if name.endswith(".safetensors") else _read_torch(path)
    raise InputError(
        f"{path}: expected weights as .safetensors, {', '.join(_OF_TORCH)}, got {path.suffix or 'no suffix'}"
    )


def _refuse_texts(path: Path) -> None:
    with path.open("rb") as file:
        start = file.read(64).lstrip()
    if start.startswith(b"version https://git-lfs"):
        raise InputError(
            f"{path} is a git-lfs pointer, not the weights: run git lfs pull where it comes from"
        )
    if start[:1] == b"<":
        raise InputError(f"{path} is a web page, not weights: the download has failed")
    if not start:
        raise InputError(f"{path} is empty")


def _read_safetensors(path: Path) -> Mapping[Any, Any]:
    from safetensors.numpy import load_file

    try:
        return load_file(path)
    # Types that NumPy lacks, and headers that make no sense, come out as errors of any type.
    except Exception as error:
        raise InputError(f"{path} is not a valid safetensors file of NumPy's types: {error}") from None


def _read_torch(path: Path) -> Mapping[Any, Any]:
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
        raise InputError(explain_refusal(path, str(error) or type(error).__name__)) from None
    if not isinstance(content, Mapping):
        raise InputError(f"{path}: expected a state dict, got {type(content).__name__}")
    return content


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
