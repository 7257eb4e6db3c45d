"""Adversarial training against few pixels: each image of a batch is replaced by the worst of some random changes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

if TYPE_CHECKING:
    from ..config import TrainConfig

_WHITE = 255.0


class Corners(NamedTuple):
    """How many random pixels of each image are tried, and the seed of their draw."""

    draws: int
    seed: int


def corners_of(config: TrainConfig) -> Corners | None:
    """What `corner-n` says; None: training as usual."""
    if config.adversarial is None:
        return None
    return Corners(int(config.adversarial.removeprefix("corner-")), config.seed)


def key_of(corners: Corners, optimizer_state: Any) -> jax.Array:
    """The key of a step: it depends on seed and number of the step alone, so that a resumed run draws the same."""
    return jax.random.fold_in(jax.random.key(corners.seed), optax.tree.get(optimizer_state, "count"))


def worst_corners(
    losses_fn: Callable[[jax.Array], jax.Array], images: jax.Array, key: jax.Array, count: int
) -> jax.Array:
    """Images with one pixel each at a corner of the colours, 0 or 255 in each channel: the worst of `count` draws.

    Args:
        losses_fn: float images [B, H, W, C] in 0..255 -> their losses [B], higher is worse.
        images: uint8 or float [B, H, W, C].
        key: of the draws.
        count: draws of each image; of equally bad ones the first is taken.

    Returns:
        float32 [B, H, W, C].
    """
    images = images.astype(jnp.float32)

    def try_one(worst: tuple[jax.Array, jax.Array], number: jax.Array) -> tuple[Any, None]:
        painted = with_corner(images, jax.random.fold_in(key, number))
        losses = losses_fn(painted)
        is_worse = losses > worst[0]
        kept = jnp.where(is_worse[:, None, None, None], painted, worst[1])
        return (jnp.where(is_worse, losses, worst[0]), kept), None

    # Where no loss is a number, the first draw's stands, and the step's own loss says so.
    first = with_corner(images, jax.random.fold_in(key, 0))
    begin = jnp.full(images.shape[0], -jnp.inf), first
    (_, kept), _ = jax.lax.scan(try_one, begin, jnp.arange(count))
    return kept


def with_corner(images: jax.Array, key: jax.Array) -> jax.Array:
    """Images float32 [B, H, W, C], one random pixel of each 0 or 255 in each channel."""
    batch, height, width, channels = images.shape
    key_row, key_column, key_value = jax.random.split(key, 3)
    row = jax.random.randint(key_row, (batch, 1, 1, 1), 0, height)
    column = jax.random.randint(key_column, (batch, 1, 1, 1), 0, width)
    value = _WHITE * jax.random.bernoulli(key_value, shape=(batch, 1, 1, channels)).astype(jnp.float32)
    rows = jnp.arange(height).reshape(1, height, 1, 1)
    columns = jnp.arange(width).reshape(1, 1, width, 1)
    return jnp.where((rows == row) & (columns == column), value, images)
