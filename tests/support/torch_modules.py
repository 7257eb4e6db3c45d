"""torch modules for tests: torchvision's with statistics of batches that they have seen, and some of our own."""

from __future__ import annotations

import warnings
from typing import Any

import torch
from torch import nn

with warnings.catch_warnings():
    # torch's own modules use what torch has deprecated.
    warnings.simplefilter("ignore")
    from jaxpix.bench.torch_models import import_torchvision


def lived_in(module: nn.Module, size: int, channels: int = 3) -> nn.Module:
    """The module in evaluation mode, with batch statistics of noise and no layer that is all zeros."""
    torch.manual_seed(0)
    module.train()
    for part in module.modules():
        if isinstance(part, nn.modules.batchnorm._BatchNorm):
            part.momentum = None
            nn.init.uniform_(part.weight, 0.5, 1.5)
            nn.init.uniform_(part.bias, -0.3, 0.3)
        if isinstance(part, nn.Linear) and not part.weight.any():
            nn.init.normal_(part.weight, 0, 0.05)
    with torch.no_grad():
        module(torch.randn(4, channels, size, size))
    return module.eval()


def torchvision_model(name: str, size: int, num_classes: int = 5) -> nn.Module:
    """A network of torchvision's zoo with random weights, lived in."""
    torch.manual_seed(0)
    options: dict[str, Any] = {"init_weights": False} if name in ("googlenet", "inception_v3") else {}
    if name.startswith("vit"):
        options["image_size"] = size
    network = getattr(import_torchvision().models, name)(num_classes=num_classes, **options)
    return lived_in(network, size)


class SmallNetwork(nn.Module):
    """A convolution, a normalisation and a mean; quick to export and to compile."""

    def __init__(self, num_classes: int = 3, channels: int = 3):
        super().__init__()
        torch.manual_seed(0)
        self.stem = nn.Conv2d(channels, 8, 3, stride=2, padding=1)
        self.norm = nn.BatchNorm2d(8)
        self.head = nn.Linear(8, num_classes)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Normalised images [B, C, H, W] to [B, N]."""
        return self.head(torch.relu(self.norm(self.stem(images))).mean((2, 3)))


class ManyOutputs(SmallNetwork):
    """Gives several things: a tuple, a dictionary or an object."""

    def __init__(self, kind: str):
        super().__init__()
        self.kind = kind

    def forward(self, images: torch.Tensor) -> Any:
        """Logits and something else."""
        logits, features = super().forward(images), images.mean((1, 2, 3))
        if self.kind == "tuple":
            return logits, features
        return {"features": features, "logits": logits}


class Sorting(SmallNetwork):
    """Sorts, which has no translation; else as any other network."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Normalised images [B, C, H, W] to [B, N]."""
        features = torch.relu(self.norm(self.stem(images))).flatten(2)
        return self.head(features.sort(-1).values[..., -5:].mean(-1))
