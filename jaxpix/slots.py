"""The compiled side of the engine: S experiments advancing together.

Candidates are evaluated in batches of one fixed shape, whatever the number of slots, so that the backend's
arithmetic cannot make a result depend on it.
"""

import dataclasses
import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
from flax import struct

from .evolution import Evolution, Optimizer
from .fitness import FitnessFn, Goal, is_success
from .genome import Pixels, decode, paint
from .victim import Victim, Weights


@struct.dataclass
class Slots:
    """S experiments: their evolutions, images uint8 [S, H, W, C] and goals [S, N]."""

    evolution: Evolution
    images: jax.Array
    goals: Goal


class Candidate(NamedTuple):
    """What one slot would return now: its fittest hit, else its fittest candidate.

    `image` is uint8 [H, W, C], `pixels` [K]; the rest are scalars.
    """

    is_hit: jax.Array
    pixels: Pixels
    image: jax.Array
    fitness: jax.Array
    generation: jax.Array
    queries_to_first_hit: jax.Array


class SlotProgram:
    """Compiled functions over `Slots`; each compiles once.

    Args:
        victim: evaluates candidates.
        optimizer: the evolution in its box.
        fitness_fn: objective of one candidate.
        targeted: what counts as a hit.
        group: populations evaluated together.
    """

    def __init__(
        self, victim: Victim, optimizer: Optimizer, fitness_fn: FitnessFn, *, targeted: bool, group: int
    ):
        self._victim, self._optimizer, self._fitness_fn = victim, optimizer, fitness_fn
        self._targeted, self._group = targeted, group
        self._start = jax.jit(jax.vmap(optimizer.start))
        self.fill = jax.jit(self._fill, donate_argnums=0)
        self.refute = jax.jit(self._refute, donate_argnums=0)
        self.read = jax.jit(self._read)
        self.is_success = jax.jit(functools.partial(is_success, space=victim.space, targeted=targeted))
        self.advance = jax.jit(self._advance, donate_argnums=1)

    def empty(self, num_slots: int) -> Slots:
        """Slots that are all stopped, to be filled."""
        shape, count = self._victim.input_shape, len(self._victim.class_names)
        labels = (num_slots, count)
        keys = jax.random.split(jax.random.key(0), num_slots)
        evolution = self._start(keys)
        return Slots(
            evolution=evolution.replace(stopped=jnp.ones(num_slots, bool)),
            images=jnp.zeros((num_slots, *shape), jnp.uint8),
            goals=Goal(jnp.zeros(labels, bool), jnp.zeros(labels, bool)),
        )

    def _fill(self, slots: Slots, index: jax.Array, key: jax.Array, image: jax.Array, goal: Goal) -> Slots:
        fresh = Slots(evolution=self._optimizer.start(key), images=image, goals=goal)
        return jax.tree.map(lambda all_slots, one: all_slots.at[index].set(one), slots, fresh)

    def _refute(self, slots: Slots, index: jax.Array) -> Slots:
        one = jax.tree.map(lambda leaf: leaf[index], slots.evolution)
        evolution = jax.tree.map(
            lambda all_slots, new: all_slots.at[index].set(new), slots.evolution, self._optimizer.refute(one)
        )
        return dataclasses.replace(slots, evolution=evolution)

    def _read(self, slots: Slots, index: jax.Array) -> Candidate:
        """What a slot would return now: its fittest hit, else its fittest candidate."""
        one: Slots = jax.tree.map(lambda leaf: leaf[index], slots)
        evolution = one.evolution
        is_hit = jnp.isfinite(evolution.hit_fitness)
        genome = jnp.where(is_hit, evolution.hit_genome, evolution.best_genome)
        pixels = decode(genome, self._optimizer.box)
        return Candidate(
            is_hit=is_hit,
            pixels=pixels,
            image=paint(one.images, pixels),
            fitness=jnp.where(is_hit, evolution.hit_fitness, evolution.best_fitness),
            generation=evolution.generation,
            queries_to_first_hit=evolution.queries_to_first_hit,
        )

    def _advance(self, weights: Weights, slots: Slots, steps: jax.Array) -> tuple[Slots, jax.Array]:
        """Up to `steps` generations of every running slot; also the number of candidates evaluated."""

        def running(carry: tuple[jax.Array, jax.Array, Slots]) -> jax.Array:
            step, _, slots = carry
            return (step < steps) & ~jnp.all(slots.evolution.stopped)

        def generation(
            carry: tuple[jax.Array, jax.Array, Slots],
        ) -> tuple[jax.Array, jax.Array, Slots]:
            step, evaluated, slots = carry
            stopped = slots.evolution.stopped
            count = jnp.sum(~stopped, dtype=jnp.int32) * self._optimizer.search.population
            candidates = jax.vmap(self._optimizer.propose)(slots.evolution)
            fitness, is_hit = self._evaluate(weights, slots, candidates)
            after = jax.vmap(self._optimizer.select)(slots.evolution, candidates, fitness, is_hit)
            evolution = jax.tree.map(functools.partial(_keep_where, stopped), slots.evolution, after)
            return step + 1, evaluated + count, dataclasses.replace(slots, evolution=evolution)

        start = (jnp.int32(0), jnp.int32(0), slots)
        _, evaluated, slots = jax.lax.while_loop(running, generation, start)
        return slots, evaluated

    def _evaluate(self, weights: Weights, slots: Slots, candidates: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Fitness [S, P] and hits [S, P] of candidates [S, P, G], a group of slots at a time."""
        num_slots, population, _ = candidates.shape
        shape = self._victim.input_shape

        def dense(group: tuple[jax.Array, Slots, jax.Array]) -> tuple[jax.Array, jax.Array]:
            _, members, genomes = group
            painted = jax.vmap(paint)(members.images, decode(genomes, self._optimizer.box))
            logits = self._victim.dense_logits(weights, painted.reshape(-1, *shape))
            logits = logits.reshape(-1, population, logits.shape[-1])

            def judge_one(logits: jax.Array, goal: Goal) -> tuple[jax.Array, jax.Array]:
                hit = is_success(logits, goal, self._victim.space, self._targeted)
                return self._fitness_fn(logits, goal), hit

            return jax.vmap(jax.vmap(judge_one, (0, None)))(logits, members.goals)

        def skip(group: tuple[jax.Array, Slots, jax.Array]) -> tuple[jax.Array, jax.Array]:
            size = (self._group, population)
            return jnp.full(size, jnp.inf, jnp.float32), jnp.zeros(size, bool)

        def evaluate(group: tuple[jax.Array, Slots, jax.Array]) -> tuple[jax.Array, jax.Array]:
            return jax.lax.cond(jnp.all(group[0]), skip, dense, group)

        groups = jax.tree.map(
            lambda leaf: leaf.reshape(-1, self._group, *leaf.shape[1:]),
            (slots.evolution.stopped, slots, candidates),
        )
        fitness, is_hit = jax.lax.map(evaluate, groups)
        return fitness.reshape(num_slots, population), is_hit.reshape(num_slots, population)


def _keep_where(keep: jax.Array, old: jax.Array, new: jax.Array) -> jax.Array:
    return jnp.where(keep.reshape(-1, *[1] * (old.ndim - 1)), old, new)
