"""Any of evosax's algorithms in a box, by its name: ask, repair, evaluate, tell what was evaluated.

The box is scaled to [-2, 2] for every gene, so that an algorithm's usual first step of 1 is a quarter of it. Those
that keep a distribution begin in its middle, those that keep a population with a uniform one. Candidates outside are
brought back, and told as they were evaluated. A failed evaluation is told as the worst of its generation.
"""

from __future__ import annotations

import contextlib
import dataclasses
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
from evosax.algorithms import algorithms
from evosax.algorithms.population_based.base import PopulationBasedAlgorithm

from ...errors import InputError, did_you_mean
from ..genome import Box, repair, uniform_population
from .strategy import Progress, Search, Strategy, key_of, strongly_typed

if TYPE_CHECKING:
    from ...config import Bounds

LEFT_OUT = {
    "LM_MA_ES": "what it remembers is no longer a number after some generations in a box",
    "DifferentialEvolution": "the presets are differential evolution, with the paper's rules",
    "RandomSearch": "it needs a sampler of one's own; --search random draws from the box",
    "SV_CMA_ES": "it moves several populations, whose number it must be told",
    "SV_Open_ES": "it moves several populations, whose number it must be told",
}
ALGORITHMS: tuple[str, ...] = tuple(sorted(set(algorithms) - set(LEFT_OUT)))
_REACH = 2.0


@dataclasses.dataclass(frozen=True)
class AlgorithmSearch(Search):
    """Settings of an algorithm of evosax; what it has besides is as evosax ships it."""

    algorithm: str
    bounds: Bounds


def check_algorithm(name: str) -> None:
    """Refuse what evosax does not have, or what cannot search a box.

    Raises:
        InputError: it says why, and what there is.
    """
    if name in ALGORITHMS:
        return
    allowed = f"allowed: {', '.join(ALGORITHMS)}"
    if name in LEFT_OUT:
        raise InputError(f"algorithm {name} is not for this: {LEFT_OUT[name]}; {allowed}")
    raise InputError(f"unknown algorithm {name!r}{did_you_mean(name, ALGORITHMS)}; {allowed}")


class Algorithm(Strategy):
    """An algorithm of evosax; remembers its state.

    Raises:
        InputError: it cannot have such a population.
    """

    search: AlgorithmSearch

    def __init__(self, search: AlgorithmSearch, box: Box):
        super().__init__(search, box)
        kind: Any = algorithms[search.algorithm]
        self._has_population = issubclass(kind, PopulationBasedAlgorithm)
        try:
            with _broadcasting():
                self._algorithm = kind(population_size=search.population, solution=jnp.zeros(box.num_genes))
                self._params = self._algorithm.default_params
            asked = jax.eval_shape(self._ask, jax.eval_shape(self.start, jax.random.key(0)))[0].shape
        except (AssertionError, TypeError, ValueError, ZeroDivisionError) as error:
            raise self._refusal(f": {error}" if str(error) else "") from error
        if asked != (search.population, box.num_genes):
            raise self._refusal(f": it makes {asked[0]} candidates of them")

    def _refusal(self, reason: str) -> InputError:
        return InputError(
            f"algorithm {self.search.algorithm} cannot have a population of {self.search.population} for "
            f"{self.box.num_pixels} pixel(s){reason}; choose another --population, such as 100"
        )

    def begin(self, key: jax.Array, hint: Any) -> Any:
        """The algorithm's state before anything is evaluated."""
        population = self._first(key)
        if self._has_population:
            return self._of(population, jnp.zeros(len(population)), key)
        with _broadcasting():
            return strongly_typed(self._algorithm.init(key, jnp.zeros(self.box.num_genes), self._params))

    def _first(self, key: jax.Array) -> jax.Array:
        return uniform_population(jax.random.fold_in(key, 0), self.box, self.search.population)

    def _of(self, population: jax.Array, fitness: jax.Array, key: jax.Array) -> Any:
        """State of an evaluated first population."""
        key, scaled = jax.random.fold_in(key, 1), self._scaled(population)
        with _broadcasting():
            return strongly_typed(self._algorithm.init(key, scaled, fitness, self._params))

    def propose(self, progress: Progress) -> jax.Array:
        """What the algorithm asks for, brought back into the box."""
        scaled, _ = self._ask(progress)
        asked = self._genes(scaled)
        drawn = uniform_population(jax.random.fold_in(key_of(progress), 1), self.box, len(asked))
        # What is not a number has no nearest bound.
        asked = jnp.where(jnp.isnan(asked), drawn, asked)
        candidates = repair(jax.random.fold_in(key_of(progress), 2), asked, self.box, self.search.bounds)
        if not self._has_population:
            return candidates
        return jnp.where(progress.generation < 0, self._first(progress.key), candidates)

    def learn(self, progress: Progress, candidates: jax.Array, fitness: jax.Array) -> Any:
        """Tell the algorithm."""
        failed = ~jnp.isfinite(fitness)
        worst = jnp.max(jnp.where(failed, -jnp.inf, fitness))
        told = jnp.where(failed, jnp.where(jnp.isfinite(worst), worst, 0.0), fitness)
        # The state behind asking, asked with the same key again: the engine carries candidates only.
        _, asked = self._ask(progress)
        key = jax.random.fold_in(key_of(progress), 3)
        with _broadcasting():
            after, _ = self._algorithm.tell(key, self._scaled(candidates), told, asked, self._params)
        if not self._has_population:
            return strongly_typed(after)
        first = self._of(candidates, told, progress.key)
        return jax.tree.map(lambda new, old: jnp.where(progress.generation < 0, new, old), first, after)

    def _ask(self, progress: Progress) -> tuple[jax.Array, Any]:
        key = jax.random.fold_in(key_of(progress), 0)
        with _broadcasting():
            return self._algorithm.ask(key, progress.members, self._params)

    def _genes(self, scaled: jax.Array) -> jax.Array:
        lower, upper = jnp.asarray(self.box.lower[None]), jnp.asarray(self.box.upper[None])
        return lower + (scaled + _REACH) / (2 * _REACH) * (upper - lower)

    def _scaled(self, genes: jax.Array) -> jax.Array:
        lower, upper = jnp.asarray(self.box.lower[None]), jnp.asarray(self.box.upper[None])
        return (genes - lower) / (upper - lower) * (2 * _REACH) - _REACH


def _broadcasting() -> contextlib.AbstractContextManager[None]:
    """Within this context vectors meet matrices as evosax means it, even where JAX was told to refuse that."""
    return jax.numpy_rank_promotion("allow")
