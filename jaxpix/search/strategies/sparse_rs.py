"""Sparse-RS with an L0 budget of pixels (Croce, Andriushchenko, Singh, Flammarion, Hein, AAAI 2022).

It evaluates one candidate a step.

A candidate is a set of K pixels with values at corners of the colour cube. A step takes the best one so far, replaces
max(1, round(alpha K)) of its pixels, drawn uniformly, by as many drawn outside the set, with corners drawn anew, and
keeps the result if its loss is lower. alpha falls as the queries are spent: 0.3 times a factor that goes through 1/2,
1/4, 1/5, 1/6, 1/8, 1/10, 1/12, 1/15, 1/20 at 0, 0.5, 2, 5, 10, 20, 40, 60 and 80 % of the budget.

Written from the paper; where it differs: the loss is the attack's own fitness, by default the margin against the
log-sum-exp of the other logits, where the paper takes the largest of them; and the first candidate counts as a step.
With K = 1 every step replaces the only pixel, so that it is a random search over positions and corners; the paper has
many more pixels in mind.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from ...errors import InputError
from ...pixels import MAX_INTENSITY
from ..genome import Box
from .strategy import Progress, Search, Strategy, key_of

_ALPHA = 0.3
_SPENT = (0.005, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8)
_DIVISORS = (2, 4, 5, 6, 8, 10, 12, 15, 20)


class Kept(NamedTuple):
    """The best candidate: positions int32 [K], distinct, y W + x; channels at 255 or 0, bool [K, C]; fitness."""

    positions: jax.Array
    is_high: jax.Array
    fitness: jax.Array


class SparseRS(Strategy):
    """Random search over sets of K pixels, one a generation; remembers the best one (`Kept`).

    Raises:
        InputError: the image has fewer than 2 K pixels.
    """

    def __init__(self, search: Search, box: Box):
        super().__init__(search, box)
        height, width, _ = box.image_shape
        self._num_positions = height * width
        if 2 * box.num_pixels > self._num_positions:
            raise InputError(
                f"search sparse_rs exchanges pixels of the image: expected num_pixels of at most "
                f"{self._num_positions // 2}, half of the image's, got {box.num_pixels}"
            )

    def begin(self, key: jax.Array, hint: Any) -> Kept:
        """K pixels at random, not yet evaluated."""
        key_where, key_values = jax.random.split(jax.random.fold_in(key, 0))
        nothing = jnp.full(self.box.num_pixels, 2 * self._num_positions, jnp.int32)
        return Kept(self._drawn(key_where, nothing), self._corners(key_values), jnp.float32(jnp.inf))

    def propose(self, progress: Progress) -> jax.Array:
        """The first candidate; then the best one with some pixels exchanged."""
        kept: Kept = progress.members
        key_which, key_where, key_values = jax.random.split(key_of(progress), 3)
        rank = jax.random.permutation(key_which, self.box.num_pixels)
        goes = (rank < self._exchanged(progress.generation + 1)) & (progress.generation >= 0)
        positions = jnp.where(goes, self._drawn(key_where, kept.positions), kept.positions)
        is_high = jnp.where(goes[:, None], self._corners(key_values), kept.is_high)
        width = self.box.image_shape[1]
        where = jnp.stack([positions % width, positions // width], -1).astype(jnp.float32)
        values = jnp.where(is_high, jnp.float32(MAX_INTENSITY), jnp.float32(0))
        return jnp.concatenate([where, values], -1).reshape(1, -1)

    def learn(self, progress: Progress, candidates: jax.Array, fitness: jax.Array) -> Kept:
        """Keep the candidate if it is better, or the first."""
        kept: Kept = progress.members
        blocks = candidates.reshape(self.box.num_pixels, -1)
        positions = (blocks[:, 1] * self.box.image_shape[1] + blocks[:, 0]).astype(jnp.int32)
        is_better = fitness[0] < kept.fitness
        tried = Kept(positions, blocks[:, 2:] > 0, fitness[0])
        return jax.tree.map(lambda new, old: jnp.where(is_better, new, old), tried, kept)

    def _exchanged(self, step: jax.Array) -> jax.Array:
        """How many pixels are exchanged in a step, of 1, 2, … generations."""
        spent = step / (self.search.generations + 1)
        stage = jnp.searchsorted(jnp.asarray(_SPENT, jnp.float32), spent, side="right")
        alpha = _ALPHA / jnp.asarray(_DIVISORS, jnp.float32)[stage]
        return jnp.maximum(1, jnp.round(alpha * self.box.num_pixels).astype(jnp.int32))

    def _drawn(self, key: jax.Array, taken: jax.Array) -> jax.Array:
        """K positions, distinct and none of `taken` [K], uniformly; one of twice the last takes no place."""
        count = self.box.num_pixels
        num_taken = jnp.sum(taken < self._num_positions)
        draws = jax.random.uniform(key, (count,))
        for number in range(count):
            free = self._num_positions - num_taken - number
            rank = jnp.minimum((draws[number] * free).astype(jnp.int32), free - 1)
            # The free one of this rank stands behind as many taken ones as have fewer free ones before them.
            free_before = jnp.sort(taken) - jnp.arange(len(taken))
            place = rank + jnp.sum(free_before <= rank, dtype=jnp.int32)
            taken = jnp.append(taken, place)
        return taken[-count:]

    def _corners(self, key: jax.Array) -> jax.Array:
        return jax.random.bernoulli(key, shape=(self.box.num_pixels, self.box.image_shape[2]))
