"""Networks of ours as victims: what is checked, and how images in 0..255 reach them."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

import jax
import numpy as np
from flax import nnx

from ..config import ModelName
from ..errors import InputError
from ..models.checkpoint_files import read_weights
from ..models.pretrained import load_torchvision
from ..models.zoo import build, check_image_size
from .classifier import Apply, SharedApply, Weights
from .normalisation import checked_normalisation


def check_network(
    architecture: ModelName, input_shape: tuple[int, int, int], mean: Sequence[float], std: Sequence[float]
) -> tuple[np.ndarray, np.ndarray]:
    """Mean and std as float32 [C], where a network of ours can be.

    Raises:
        InputError: an unknown architecture, images too small for it, or mean or std that 8-bit images cannot have.
    """
    if architecture not in get_args(ModelName):
        raise InputError(
            f"unknown architecture {architecture!r}; allowed: {', '.join(get_args(ModelName))}. A network of any "
            "other architecture is taken as a torch module: Victim.from_torch(module, …)"
        )
    check_image_size(architecture, min(input_shape[:2]))
    return checked_normalisation(mean, std, input_shape[2])


@functools.lru_cache(maxsize=8)
def normalising(graph: nnx.GraphDef[Any], means: tuple[float, ...], stds: tuple[float, ...]) -> Apply:
    """A network that takes 0..255; one and the same for every victim of this structure, mean and std."""
    mean, std = np.array(means, np.float32), np.array(stds, np.float32)

    def apply(weights: Weights, images: jax.Array) -> jax.Array:
        normalised = (images - mean[None, None, None]) / std[None, None, None]
        return nnx.merge(graph, weights, copy=True)(normalised)

    return SharedApply(apply)


def with_torch_weights(
    source: Mapping[str, Any] | str | Path, architecture: ModelName, num_classes: int, channels: int
) -> nnx.Module:
    """A network of ours with torchvision's or timm's weights.

    Raises:
        InputError: a whole module instead of its weights, or a key or shape that does not fit.
    """
    if not isinstance(source, Mapping | str | Path):
        raise InputError(
            f"from_torchvision takes a state dict or a file of one, got {type(source).__name__}: hand over "
            "module.state_dict(), or the module itself to Victim.from_torch(module, …)"
        )
    state = source if isinstance(source, Mapping) else read_weights(source)
    model = build(architecture, num_classes=num_classes, channels=channels, seed=0)
    load_torchvision(model, state)
    return model


@functools.lru_cache(maxsize=8)
def structure(architecture: ModelName, num_classes: int, channels: int) -> Any:
    """What `nnx.split` gives of a network without weights."""
    return nnx.split(
        nnx.eval_shape(lambda: build(architecture, num_classes=num_classes, channels=channels, seed=0))
    )
