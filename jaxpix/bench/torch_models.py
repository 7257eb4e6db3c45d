"""The victim's network in torch: torchvision's, with the victim's weights, behind a door that counts images.

Importing this needs torch; `jaxpix.bench.peers` imports it only when a peer is run.
"""

from __future__ import annotations

import contextlib
import dataclasses
import importlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.fx.experimental import optimization

from ..errors import InputError
from ..models.checkpoint_files import PUBLISHED
from ..models.pretrained import export_torchvision
from .options import INSTALL

if TYPE_CHECKING:
    from ..config import Precision
    from ..victim.victim import Victim

# Published by torchvision, that is; the others are of our own.
ARCHITECTURES = tuple(PUBLISHED)


@dataclasses.dataclass(frozen=True)
class Layout:
    """How torch holds and runs the model.

    Attributes:
        channels_last: model and images in `torch.channels_last` memory format, else contiguous NCHW.
        folded: batch normalisation is folded into the convolutions before it (`torch.fx`), exactly up to rounding.
        inference_mode: runs under `torch.inference_mode` and, on GPUs, lets cuDNN choose by measuring.
    """

    channels_last: bool
    folded: bool
    inference_mode: bool

    @property
    def memory_format(self) -> torch.memory_format:
        """Of the model's weights and of the images it is given."""
        return torch.channels_last if self.channels_last else torch.contiguous_format


LAYOUTS = {
    "shipped": Layout(channels_last=False, folded=False, inference_mode=False),
    "channels_last": Layout(channels_last=True, folded=False, inference_mode=True),
    "folded": Layout(channels_last=False, folded=True, inference_mode=True),
    "folded_channels_last": Layout(channels_last=True, folded=True, inference_mode=True),
}


class Door(torch.nn.Module):
    """A network that normalises its images itself and counts them.

    Args:
        network: normalised images [B, C, H, W] to logits [B, N]; in evaluation mode.
        mean, std: per channel, on the 0..255 scale.
        layout: how it is held and run.
        device: `cpu` or `cuda`; images from elsewhere are moved there.
        precision: `bfloat16` runs under autocast, with the weights of convolutions cast once.
        white: the value of intensity 255 in the images it is given.

    Attributes:
        images: how many images have come through; set it to 0 to count afresh.
    """

    mean: torch.Tensor
    std: torch.Tensor

    def __init__(
        self,
        network: torch.nn.Module,
        mean: np.ndarray,
        std: np.ndarray,
        *,
        layout: Layout = LAYOUTS["shipped"],
        device: str = "cpu",
        precision: Precision = "float32",
        white: float = 255.0,
    ):
        super().__init__()
        network = optimization.fuse(network) if layout.folded else network
        if precision == "bfloat16":
            for module in network.modules():
                if isinstance(module, torch.nn.Conv2d):
                    module.to(torch.bfloat16)
        # torch's own annotations know no `to(memory_format=…)`.
        held: Any = network.to(device)
        self.network = held.to(memory_format=layout.memory_format)
        self.layout, self.device, self.precision, self.white = layout, device, precision, white
        self.register_buffer("mean", _per_channel(mean * (white / 255.0)).to(device))
        self.register_buffer("std", _per_channel(std * (white / 255.0)).to(device))
        self.images = 0
        self.eval()

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Images [B, C, H, W] of any dtype in 0..`white` to float32 logits [B, N]."""
        self.images += len(images)
        with torch.inference_mode() if self.layout.inference_mode else contextlib.nullcontext():
            images = images.to(self.device).float().contiguous(memory_format=self.layout.memory_format)
            with torch.autocast(self.device, torch.bfloat16, enabled=self.precision == "bfloat16"):
                return self.network((images - self.mean) / self.std).float()

    def synchronize(self) -> None:
        """Wait until the device has finished."""
        if self.device == "cuda":
            torch.cuda.synchronize()


def _per_channel(values: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.asarray(values, np.float32)).reshape(1, -1, 1, 1)


def torch_model(
    victim: Victim,
    *,
    layout: Layout = LAYOUTS["shipped"],
    device: str = "cpu",
    precision: Precision = "float32",
    white: float = 255.0,
) -> Door:
    """The victim's network in torchvision's code, with its weights and its normalisation.

    Args:
        victim: a ResNet or DenseNet of torchvision's, by `Victim.from_model`, `from_torchvision` or `load`.
        layout, device, precision, white: as for `Door`.

    Raises:
        InputError: torchvision is missing, the victim is of another architecture or a function, or there is
            no such device.
    """
    architecture = (victim.description or {}).get("architecture", "a function")
    if victim.description is None or architecture not in ARCHITECTURES:
        raise InputError(
            f"victim {victim.name!r} has no counterpart in torchvision: expected one of "
            f"{', '.join(ARCHITECTURES)}, got {architecture}"
        )
    if device not in ("cpu", "cuda"):
        raise InputError(f"unknown torch device {device!r}; allowed: cpu, cuda")
    if device == "cuda" and not torch.cuda.is_available():
        raise InputError("torch sees no GPU here; allowed: cpu")
    channels, num_classes = victim.input_shape[2], len(victim.class_names)
    models = import_torchvision().models
    # Without storage until the weights come, so that nothing is initialised in vain.
    with torch.device("meta"):
        network = getattr(models, architecture)(num_classes=num_classes)
        if channels != 3:
            name = "conv1" if hasattr(network, "conv1") else "features.conv0"
            network.set_submodule(name, torch.nn.Conv2d(channels, 64, 7, stride=2, padding=3, bias=False))
    model = victim.model()
    assert model is not None, "only networks of ours have torch counterparts"
    state = {key: torch.tensor(value) for key, value in export_torchvision(model).items()}
    network.load_state_dict(state, assign=True)
    mean, std = (np.asarray(victim.description[key]) for key in ("mean", "std"))
    return Door(
        network.eval(), mean, std, layout=layout, device=device, precision=precision, white=white
    ).requires_grad_(False)


def import_torchvision() -> Any:
    """The module torchvision, also where its compiled operators are missing.

    On machines without a GPU it is installed without them; its models do not need them.

    Raises:
        InputError: it is not installed.
    """
    with _tolerating_absent_operators():
        try:
            importlib.import_module("torchvision.models")
            return importlib.import_module("torchvision")
        except ImportError as error:
            raise InputError(f"comparing needs torchvision ({error}): {INSTALL}") from None


@contextlib.contextmanager
def _tolerating_absent_operators() -> Iterator[None]:
    register = torch.library.register_fake

    def tolerant(name: Any, *arguments: Any, **options: Any) -> Callable[..., Any]:
        if not str(name).startswith("torchvision::"):
            return register(name, *arguments, **options)

        def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
            try:
                return register(name, *arguments, **options)(function)
            except RuntimeError:
                return function

        return decorate

    torch.library.register_fake = tolerant
    try:
        yield
    finally:
        torch.library.register_fake = register


@contextlib.contextmanager
def cudnn_set(name: str, value: bool) -> Iterator[None]:
    """Set one of `torch.backends.cudnn`'s switches for a while."""
    before = getattr(torch.backends.cudnn, name)
    setattr(torch.backends.cudnn, name, value)
    try:
        yield
    finally:
        setattr(torch.backends.cudnn, name, before)


def logit_agreement(victim: Victim, door: Door, images: np.ndarray) -> float:
    """Largest difference between the two frameworks' logits, over the largest logit of the victim.

    Args:
        victim: what `door` was made of.
        door: from `torch_model`. Its float32 convolutions run here in full float32, never in TF32.
        images: uint8 [B, H, W, C].
    """
    expected = np.asarray(victim.logits(images))
    given = torch.from_numpy(images.transpose(0, 3, 1, 2).astype(np.float32) * (door.white / 255.0))
    with cudnn_set("allow_tf32", False), torch.no_grad():
        logits = door(given).cpu().numpy()
    return float(np.abs(logits - expected).max() / np.abs(expected).max())
