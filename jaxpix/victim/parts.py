"""What every framework's door hands to `Victim`: a pure function of normalised images, and where it came from."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..errors import InputError
from .classifier import Apply, Weights
from .normalisation import checked_normalisation


@dataclasses.dataclass(frozen=True)
class Parts:
    """A classifier of another framework.

    Attributes:
        apply: (weights, normalised images [B, H, W, C]) -> outputs [B, N], pure and jittable.
        weights: pytree of arrays.
        identity: arrays that differ where the weights differ.
        mark: bytes that differ where what is computed with them differs; none: it cannot.
        provenance: framework and module, JSON-able.
        name: what reports call it unless told otherwise.
    """

    apply: Apply
    weights: Weights
    identity: Sequence[np.ndarray]
    mark: bytes
    provenance: Mapping[str, Any]
    name: str


class Normalisation:
    """`(images - mean) / std` per channel, on the 0..255 scale; without both, images stay as they are.

    Raises:
        InputError: other than one number per channel, or numbers that no 8-bit images have.
    """

    def __init__(self, mean: Sequence[float] | None, std: Sequence[float] | None, channels: int):
        self._is_none = mean is None and std is None
        means = [0.0] * channels if mean is None else mean
        stds = [1.0] * channels if std is None else std
        self.mean, self.std = checked_normalisation(means, stds, channels)

    def __call__(self, images: Any) -> Any:
        """Images [B, H, W, C], normalised."""
        if self._is_none:
            return images
        return (images - self.mean[None, None, None]) / self.std[None, None, None]


def evaluated_outside(evaluate: Callable[[Any], np.ndarray], num_outputs: int) -> Apply:
    """A function (no weights, images) -> [B, N] that has them evaluated by another framework, outside of JAX."""

    def apply(_: Weights, images: jax.Array) -> jax.Array:
        given = jax.ShapeDtypeStruct((images.shape[0], num_outputs), jnp.float32)
        return jax.pure_callback(evaluate, given, images, vmap_method="sequential")

    return apply


def picked(output: Any, which: int | str | None, name: str) -> Any:
    """The part of a model's output that holds the class scores.

    Args:
        output: an array, or a tuple, list, mapping or object that holds several.
        which: number, key or attribute of the one that is meant; None: there is only one.
        name: of the model.

    Raises:
        InputError: there are several and none is named, or there is none of that name; says which there are.
    """
    several = isinstance(output, list | tuple | Mapping) or not hasattr(output, "shape")
    if which is None:
        if several:
            raise InputError(
                f"{name} returns {_listed(output)}: say by output= which of them holds the class scores"
            )
        return output
    try:
        if isinstance(which, str) and not isinstance(output, Mapping):
            return getattr(output, which)
        return output[which]
    except (AttributeError, KeyError, IndexError, TypeError):
        raise InputError(f"{name} has no output {which!r}: it returns {_listed(output)}") from None


def _listed(output: Any) -> str:
    kind = type(output).__name__
    if isinstance(output, Mapping):
        return f"a {kind} with the keys {', '.join(repr(key) for key in output)}"
    if isinstance(output, list | tuple):
        return f"a {kind} of {len(output)}, numbers 0 to {len(output) - 1}"
    return f"one array {list(output.shape)}" if hasattr(output, "shape") else f"a {kind}"
