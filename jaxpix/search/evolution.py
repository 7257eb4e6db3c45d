"""Differential evolution over any fitness in a box, one step at a time (paper 3.2, 4.1).

Written for one experiment; the engine vmaps it over slots and owns the evaluation between `propose` and
`select`. Knows no image. The initial population is generation 0: it is proposed, evaluated and tested like
every later one, so a slot can start at any step.
"""

import dataclasses
import functools
import zlib
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from evosax.algorithms import DifferentialEvolution

from ..config import Bounds
from .genome import Box, gaussian_population, repair, uniform_population


MOST_POINTS = 128
"""Best values that are kept of an experiment's way, however many generations it may have."""


@dataclasses.dataclass(frozen=True)
class Search:
    """Settings of one differential evolution, all explicit; see `jaxpix.search.presets`.

    `differential_weight` is (low, high): equal values are a constant F, else F is drawn per generation.
    """

    population: int
    generations: int
    strategy: str
    crossover_rate: float
    differential_weight: tuple[float, float]
    initialisation: str
    bounds: Bounds
    stop_fraction: float

    def point_of(self, generation: Any) -> Any:
        """Which point of the trajectory a generation is in: 0, 1 and so on; int or int32 array."""
        stride = max(1, -(-self.generations // (MOST_POINTS - 1)))
        return (generation + stride - 1) // stride


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Evolution:
    """State of one experiment.

    Attributes:
        key: seeds everything that follows.
        members: evosax's state: population [P, G], fitness [P].
        generation: int32, the last evaluated generation; -1 before the first.
        stopped: bool, nothing more to do.
        queries_to_first_hit: int32, candidates evaluated up to the first adversarial one; 0: none yet.
        hits: int32, adversarial candidates of the last generation.
        hit_genome [G], hit_fitness: the fittest adversarial candidate of all generations; +inf: none.
        best_genome [G], best_fitness: the fittest candidate of all generations.
        is_flat: bool, all candidates of the first population had the same fitness, and none was a hit.
        trajectory: [T], the best fitness after the last generation of each point; +inf: not reached.
    """

    key: jax.Array
    members: Any
    generation: jax.Array
    stopped: jax.Array
    queries_to_first_hit: jax.Array
    hits: jax.Array
    hit_genome: jax.Array
    hit_fitness: jax.Array
    is_flat: jax.Array
    trajectory: jax.Array

    @property
    def best_genome(self) -> jax.Array:
        """Fittest candidate [G] so far."""
        return self.members.best_solution

    @property
    def best_fitness(self) -> jax.Array:
        """Its fitness."""
        return self.members.best_fitness


def experiment_keys(seed: int, image_ids: Sequence[str]) -> jax.Array:
    """Random keys [B] of experiments: the seed with each image id folded in."""
    folded = np.array([zlib.crc32(name.encode("utf-8")) for name in image_ids], np.uint32)
    return _fold(jax.random.key(seed), folded)


@jax.jit
def _fold(key: jax.Array, numbers: jax.Array) -> jax.Array:
    return jax.vmap(functools.partial(jax.random.fold_in, key))(numbers)


class _PairwiseDE(DifferentialEvolution):
    """evosax's DE with the paper's tie rule: a trial replaces its parent only when it is strictly better."""

    def _tell(self, key: jax.Array, population: Any, fitness: Any, state: Any, params: Any) -> Any:
        wins = fitness < state.fitness
        return state.replace(
            population=jnp.where(wins[:, None], population, state.population),
            fitness=jnp.where(wins, fitness, state.fitness),
        )


class Evolver:
    """The compiled pieces of one differential evolution: `start`, `propose`, `select`."""

    def __init__(self, search: Search, box: Box):
        self.search = search
        self.box = box
        self._de = _PairwiseDE(population_size=search.population, solution=jnp.zeros(box.num_genes))
        low, high = search.differential_weight
        self._params = self._de.default_params.replace(
            elitism=search.strategy == "best1",
            crossover_rate=search.crossover_rate,
            differential_weight=low,
            differential_weight_min=low,
            differential_weight_max=high,
        )

    def start(self, key: jax.Array) -> Evolution:
        """A fresh experiment with its first population drawn, repaired and not yet evaluated."""
        key_draw, key_repair, key_init = jax.random.split(jax.random.fold_in(key, 0), 3)
        draw = {"uniform": uniform_population, "gaussian": gaussian_population}[self.search.initialisation]
        population = draw(key_draw, self.box, self.search.population)
        population = repair(key_repair, population, self.box, self.search.bounds)
        unknown = jnp.full(self.search.population, jnp.inf)
        return Evolution(
            key=key,
            members=jax.tree.map(_strongly_typed, self._de.init(key_init, population, unknown, self._params)),
            generation=jnp.int32(-1),
            stopped=jnp.bool_(False),
            queries_to_first_hit=jnp.int32(0),
            hits=jnp.int32(0),
            hit_genome=population[0],
            hit_fitness=jnp.float32(jnp.inf),
            is_flat=jnp.bool_(False),
            trajectory=jnp.full(self.search.point_of(self.search.generations) + 1, jnp.inf, jnp.float32),
        )

    def propose(self, evolution: Evolution) -> jax.Array:
        """Candidates [P, G] to evaluate next, inside the box."""
        key = jax.random.fold_in(evolution.key, evolution.generation + 2)
        key_ask, key_repair = jax.random.split(key)
        trials, _ = self._de.ask(key_ask, evolution.members, self._params)
        trials = repair(key_repair, trials, self.box, self.search.bounds)
        return jnp.where(evolution.generation < 0, evolution.members.population, trials)

    def select(
        self, evolution: Evolution, candidates: jax.Array, fitness: jax.Array, is_hit: jax.Array
    ) -> Evolution:
        """Parents against trials, bookkeeping, and the stop rule.

        Args:
            evolution: the state `candidates` were proposed from.
            candidates: [P, G].
            fitness: [P], lower is better; NaN counts as +inf.
            is_hit: bool [P], which candidates are adversarial.
        """
        search = self.search
        fitness = jnp.where(jnp.isnan(fitness), jnp.inf, fitness)
        generation = evolution.generation + 1
        members, _ = self._de.tell(evolution.key, candidates, fitness, evolution.members, self._params)
        hit_fitness = jnp.where(is_hit, fitness, jnp.inf)
        fittest = jnp.argmin(hit_fitness)
        improves = hit_fitness[fittest] < evolution.hit_fitness
        hits = jnp.sum(is_hit, dtype=jnp.int32)
        first = generation * search.population + jnp.argmax(is_hit).astype(jnp.int32) + 1
        is_first = (evolution.queries_to_first_hit == 0) & (hits > 0)
        # Every generation of a point writes it, so that the last one of an experiment is always in.
        is_now = jnp.arange(evolution.trajectory.shape[0]) == search.point_of(generation)
        return dataclasses.replace(
            evolution,
            members=members,
            generation=generation,
            stopped=(hits > search.stop_fraction * search.population) | (generation >= search.generations),
            queries_to_first_hit=jnp.where(is_first, first, evolution.queries_to_first_hit),
            hits=hits,
            hit_genome=jnp.where(improves, candidates[fittest], evolution.hit_genome),
            hit_fitness=jnp.where(improves, hit_fitness[fittest], evolution.hit_fitness),
            is_flat=jnp.where(
                generation == 0, (fitness == fitness[0]).all() & (hits == 0), evolution.is_flat
            ),
            trajectory=jnp.where(is_now, members.best_fitness, evolution.trajectory),
        )

    def refute(self, evolution: Evolution) -> Evolution:
        """Forget the hit, because its saved image is not adversarial; go on while generations are left."""
        return dataclasses.replace(
            evolution,
            stopped=evolution.generation >= self.search.generations,
            queries_to_first_hit=jnp.int32(0),
            hit_fitness=jnp.float32(jnp.inf),
        )


def _strongly_typed(leaf: jax.Array) -> jax.Array:
    # evosax starts from Python numbers; their weak types would compile every caller twice.
    return jax.lax.convert_element_type(leaf, jnp.result_type(leaf))
