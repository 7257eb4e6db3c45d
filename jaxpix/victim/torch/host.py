"""The host route: torch evaluates the images itself, called from within JAX's programs."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import torch

from ..classifier import Apply
from ..parts import evaluated_outside


def evaluated_by_torch(module: torch.nn.Module, num_outputs: int) -> Apply:
    """A function (no weights, normalised images [B, C, H, W]) -> [B, N] that asks a copy of the module.

    The copy stays on the device of its parameters. Images reach torch without being copied where both are on the CPU.
    """
    module = copy.deepcopy(module)
    device = next(module.parameters(), torch.zeros(0)).device

    def ask(images: Any) -> np.ndarray:
        with torch.inference_mode():
            return module(_as_tensor(images).to(device)).float().cpu().numpy()

    return evaluated_outside(ask, num_outputs)


def _as_tensor(images: Any) -> torch.Tensor:
    try:
        return torch.from_dlpack(images)
    except (BufferError, RuntimeError, TypeError):
        return torch.from_numpy(np.array(images, np.float32))
