"""Gradient shortlist: a white-box search that ranks single pixels by the first-order change of the margin.

One backward pass of the victim gives g, the gradient of the margin (lower is nearer to success) with respect to the
image. A pixel of value v that becomes c changes the margin by about g · (c - v). Of all positions and corners of the
colour cube, those that should lower the margin most are evaluated, in that order. Where all corners fit into the
budget, values between them follow, of the coarsest grid that fills it.

For K > 1 the first generations do the same, a pixel at a time. Then come pairs of the positions that were measured to
be worst, each with its worst corner, ordered by the sum of their measured fitness; for K > 2 then triples, and so on.
That is greedy: a set of pixels that only works together is not looked for, so what is found is a lower bound of what
there is.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from ...pixels import MAX_INTENSITY
from ..genome import Box, even_colours
from .strategy import Progress, Search, Strategy


class Hint(NamedTuple):
    """What the gradient says of an image: single pixels int32 [L], by number, the most promising first.

    `is_blind`: the gradient is zero everywhere, so that the order is random.
    """

    order: jax.Array
    is_blind: jax.Array


class Measured(NamedTuple):
    """Single pixels int32 [L] in the order of the hint, and their fitness [L]; +inf where not evaluated."""

    order: jax.Array
    fitness: jax.Array


class Shortlist(Strategy):
    """A list of candidates, P of which are evaluated a generation; remembers what single pixels did (`Measured`)."""

    wants_gradient = True
    follows_fitness = False

    def __init__(self, search: Search, box: Box):
        height, width, channels = box.image_shape
        budget = search.population * (search.generations + 1)
        positions = height * width
        self._values = _grid(channels, positions, budget if box.num_pixels == 1 else 0)
        every = positions * len(self._values)
        if box.num_pixels == 1:
            # There are no more single pixels than these.
            search = dataclasses.replace(
                search, generations=min(search.generations, math.ceil(every / search.population) - 1)
            )
        super().__init__(search, box)
        self._parts = _parts(search.generations + 1, box.num_pixels, math.ceil(every / search.population))
        self._num_single = min(every, self._parts[0] * search.population)

    def hint(self, gradient: jax.Array, image: jax.Array) -> Hint:
        """Rank single pixels.

        Args:
            gradient: [H, W, C], of the margin; what is not finite counts as 0.
            image: uint8 [H, W, C].
        """
        gradient = jnp.nan_to_num(gradient, nan=0.0, posinf=0.0, neginf=0.0)
        height, width, _ = self.box.image_shape
        before = image.astype(jnp.float32).reshape(height * width, 1, -1)
        change = jnp.asarray(self._values, jnp.float32)[None] - before
        expected = jnp.sum(gradient.reshape(before.shape) * change, -1).reshape(-1)
        stays = jnp.all(change == 0, -1).reshape(-1)
        is_corner = np.tile(((self._values == 0) | (self._values == MAX_INTENSITY)).all(-1), height * width)
        # Of what promises the same, in some order that has nothing to do with where a pixel lies.
        noise = np.random.default_rng(0).permutation(len(is_corner))
        order = jnp.lexsort((noise, expected, jnp.where(stays, 2, jnp.asarray(1 - is_corner))))
        return Hint(order[: self._num_single].astype(jnp.int32), ~jnp.any(gradient))

    def begin(self, key: jax.Array, hint: Hint) -> Measured:
        """The hint's order, of which nothing is evaluated."""
        return Measured(hint.order, jnp.full(self._num_single, jnp.inf))

    def propose(self, progress: Progress) -> jax.Array:
        """The next P of the list; at the end of a part whose list is shorter, it begins anew."""
        generation, population = progress.generation + 1, self.search.population
        rows, begun = jnp.arange(population), 0
        candidates = jnp.zeros((population, self.box.num_genes))
        for size, part in enumerate(self._parts, 1):
            numbers = (generation - begun) * population + rows
            is_now = (generation >= begun) & (generation < begun + part)
            if part:
                pixels = self._sets(progress.members, size, part * population, numbers)
                candidates = jnp.where(is_now, self._genomes(pixels), candidates)
            begun += part
        return candidates

    def learn(self, progress: Progress, candidates: jax.Array, fitness: jax.Array) -> Measured:
        """What single pixels did."""
        numbers = (progress.generation + 1) * self.search.population + jnp.arange(self.search.population)
        measured = progress.members.fitness.at[numbers].set(fitness, mode="drop")
        return Measured(progress.members.order, measured)

    def _sets(self, measured: Measured, size: int, count: int, numbers: jax.Array) -> jax.Array:
        """Single pixels int32 [P, size] of the sets of that size with these numbers [P] in their list."""
        if size == 1:
            return measured.order[numbers % self._num_single][:, None]
        height, width, _ = self.box.image_shape
        chosen = _subsets(size, count, min(height * width, self._num_single))
        subsets, most = jnp.asarray(chosen), int(chosen.max()) + 1
        worst, fitness = self._worst(measured, most)
        order = jnp.argsort(jnp.sum(fitness[subsets], -1))
        return worst[subsets[order[numbers % len(subsets)]]]

    def _worst(self, measured: Measured, count: int) -> tuple[jax.Array, jax.Array]:
        """The single pixels [count] that were measured to be worst, of a position one, and their fitness [count]."""
        height, width, _ = self.box.image_shape
        by_fitness = jnp.argsort(measured.fitness)
        pixels = measured.order[by_fitness]
        ranks = jnp.arange(self._num_single)
        position = pixels // len(self._values)
        first = jnp.full(height * width, self._num_single).at[position].min(ranks)
        chosen = jnp.argsort(first[position] != ranks)[:count]
        return pixels[chosen], measured.fitness[by_fitness][chosen]

    def _genomes(self, pixels: jax.Array) -> jax.Array:
        """Genomes [P, G] of sets of single pixels [P, size]; the last one fills what is left of the K."""
        width = self.box.image_shape[1]
        position, value = pixels // len(self._values), pixels % len(self._values)
        where = jnp.stack([position % width, position // width], -1).astype(jnp.float32)
        blocks = jnp.concatenate([where, jnp.asarray(self._values, jnp.float32)[value]], -1)
        missing = self.box.num_pixels - pixels.shape[1]
        blocks = jnp.concatenate([blocks, jnp.repeat(blocks[:, -1:], missing, 1)], 1)
        return blocks.reshape(len(pixels), -1)


@functools.cache
def _grid(channels: int, positions: int, budget: int) -> np.ndarray:
    """Values int [V, C]: the coarsest even grid of the colour cube that gives `budget` single pixels."""
    levels = 2
    while levels <= MAX_INTENSITY and positions * levels**channels < budget:
        levels += 1
    return even_colours(levels, channels).astype(np.int32)


def _parts(generations: int, num_pixels: int, most: int) -> list[int]:
    """Generations for sets of one pixel, two, …, K: an equal share each, but for single ones no more than `most`."""
    if num_pixels == 1:
        return [generations]
    single = min(most, max(1, generations // num_pixels))
    rest, others = generations - single, num_pixels - 1
    return [single, *(rest // others + (number >= others - rest % others) for number in range(others))]


@functools.cache
def _subsets(size: int, count: int, most: int) -> np.ndarray:
    """Sets int32 [N, size] of the fewest ranks, at most `most`, of which there are `count` sets."""
    ranks = min(most, size)
    while ranks < most and math.comb(ranks, size) < count:
        ranks += 1
    subsets = itertools.combinations(range(ranks), min(size, ranks))
    return np.array(sorted(subsets, key=sum), np.int32)
