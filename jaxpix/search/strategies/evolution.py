"""Differential evolution over any fitness in a box, one step at a time (paper 3.2, 4.1)."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
from evosax.algorithms import DifferentialEvolution

from ..genome import Box, gaussian_population, repair, uniform_population
from .strategy import Progress, Search, Strategy, key_of, strongly_typed

if TYPE_CHECKING:
    from ...config import Bounds


@dataclasses.dataclass(frozen=True)
class EvolutionSearch(Search):
    """Settings of one differential evolution.

    `differential_weight` is (low, high): equal values are a constant F, else F is drawn per generation.
    """

    strategy: str
    crossover_rate: float
    differential_weight: tuple[float, float]
    initialisation: str
    bounds: Bounds


class _PairwiseDE(DifferentialEvolution):
    """evosax's DE with the paper's tie rule: a trial replaces its parent only when it is strictly better."""

    def _tell(self, key: jax.Array, population: Any, fitness: Any, state: Any, params: Any) -> Any:
        wins = fitness < state.fitness
        return state.replace(
            population=jnp.where(wins[:, None], population, state.population),
            fitness=jnp.where(wins, fitness, state.fitness),
        )


class Evolver(Strategy):
    """Differential evolution; remembers evosax's state: population [P, G], fitness [P]."""

    search: EvolutionSearch

    def __init__(self, search: EvolutionSearch, box: Box):
        super().__init__(search, box)
        self._de = _PairwiseDE(population_size=search.population, solution=jnp.zeros(box.num_genes))
        low, high = search.differential_weight
        self._params = self._de.default_params.replace(
            elitism=search.strategy == "best1",
            crossover_rate=search.crossover_rate,
            differential_weight=low,
            differential_weight_min=low,
            differential_weight_max=high,
        )

    def begin(self, key: jax.Array, hint: Any) -> Any:
        """The first population, drawn, repaired and not yet evaluated."""
        key_draw, key_repair, key_init = jax.random.split(jax.random.fold_in(key, 0), 3)
        draw = {"uniform": uniform_population, "gaussian": gaussian_population}[self.search.initialisation]
        population = draw(key_draw, self.box, self.search.population)
        population = repair(key_repair, population, self.box, self.search.bounds)
        unknown = jnp.full(self.search.population, jnp.inf)
        return strongly_typed(self._de.init(key_init, population, unknown, self._params))

    def propose(self, progress: Progress) -> jax.Array:
        """The first population; then a trial for each parent, repaired."""
        key_ask, key_repair = jax.random.split(key_of(progress))
        trials, _ = self._de.ask(key_ask, progress.members, self._params)
        trials = repair(key_repair, trials, self.box, self.search.bounds)
        return jnp.where(progress.generation < 0, progress.members.population, trials)

    def learn(self, progress: Progress, candidates: jax.Array, fitness: jax.Array) -> Any:
        """Parents against trials."""
        return self._de.tell(progress.key, candidates, fitness, progress.members, self._params)[0]
