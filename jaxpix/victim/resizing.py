"""A victim for images of another size, or of other colours, than its network takes: fitting them is part of it."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np

from ..errors import InputError
from .probe import identify

if TYPE_CHECKING:
    from .classifier import Weights
    from .frameworks import OtherFrameworks

# Neither a network of ours, nor behind a defence of its own, nor what a file makes.
_FUNCTION: dict[str, Any] = dict.fromkeys(("description", "graph", "reference", "before", "told_apart"))
# ITU-R 601, as Pillow's mode L.
_LUMINANCE = (0.299, 0.587, 0.114)


Fitted = TypeVar("Fitted", bound="OtherFrameworks")


def fitted(victim: Fitted, shape: tuple[int, int, int]) -> Fitted:
    """The victim for images [H, W, C] of `shape`, which it resizes (bilinear, antialiased) and turns grey or colour.

    Grey is repeated in all colours; colours become grey by their luminance. An attacked pixel is one of `shape`.

    Raises:
        InputError: sides below 1, channels that are neither equal nor 1 and 3, or a defence that runs on the host.
    """
    height, width, channels = victim.input_shape
    if shape == victim.input_shape:
        return victim
    if min(shape[:2]) < 1 or (shape[2] != channels and {shape[2], channels} != {1, 3}):
        raise InputError(
            f"victim {victim.name!r} takes images {list(victim.input_shape)}: expected others of 1 or 3 channels and "
            f"of at least one pixel, got {list(shape)}"
        )

    if victim.judged is not None:
        raise InputError(
            f"victim {victim.name!r} is judged on the host: fit the victim first, then defend it"
        )

    def fit(images: jax.Array) -> jax.Array:
        if shape[2] > channels:
            luminance = jnp.asarray(_LUMINANCE, images.dtype)[:, None]
            images = jnp.matmul(images, luminance, precision="highest")
        if shape[:2] != (height, width):
            size = (images.shape[0], height, width, images.shape[3])
            images = jax.image.resize(images, size, "bilinear", antialias=True, precision="highest")
        return jnp.repeat(images, channels, axis=3) if shape[2] < channels else images

    def apply(weights: Weights, images: jax.Array) -> jax.Array:
        return victim.apply(weights, fit(images))

    said = f"{victim.name} for {shape[0]}x{shape[1]}x{shape[2]}"
    mark = np.frombuffer(f"{victim.victim_id} {shape}".encode(), np.uint8)
    return dataclasses.replace(
        victim,
        apply=apply,
        input_shape=shape,
        name=said,
        victim_id=identify(victim.space, [mark]),
        provenance={**victim.provenance, "fits": f"images {list(shape)} to {list(victim.input_shape)}"},
        **_FUNCTION,
    )
