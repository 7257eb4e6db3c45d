"""The shape of every search: propose candidates, learn from their fitness, and the bookkeeping that all share.

A strategy is written for one experiment; the engine vmaps it over slots and owns the evaluation between `propose`
and `select`. The first population is generation 0: it is proposed, evaluated and tested like every later one, so a
slot can start at any step. A strategy sees its key, what a `Guide` has learned of the image, if it wants one, and
fitness; it knows neither image nor model.
"""

from __future__ import annotations

import abc
import dataclasses
import functools
import zlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from ...config import TRAJECTORY_POINTS

if TYPE_CHECKING:
    from ..genome import Box


@dataclasses.dataclass(frozen=True)
class Search:
    """Settings of a search, all explicit; see `jaxpix.search.presets`.

    Attributes:
        kind: of strategy.
        population: P, candidates of a generation.
        generations: most of them after the first population.
        stop_fraction: stop when more than this part of a generation is adversarial.
    """

    kind: type[Strategy]
    population: int
    generations: int
    stop_fraction: float

    def point_of(self, generation: Any) -> Any:
        """Which point of the trajectory a generation belongs to, from 0; int, or int32 array."""
        stride = max(1, -(-self.generations // (TRAJECTORY_POINTS - 1)))
        return (generation + stride - 1) // stride

    def in_box(self, box: Box) -> Strategy:
        """The compiled pieces of this search in a box.

        Raises:
            InputError: there is none of these settings in such a box.
        """
        return self.kind(self, box)


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Progress:
    """State of one experiment.

    Attributes:
        key: seeds everything that follows.
        members: what the strategy itself remembers.
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
    best_genome: jax.Array
    best_fitness: jax.Array
    is_flat: jax.Array
    trajectory: jax.Array


class Strategy(abc.ABC):
    """The compiled pieces of one search: `start`, `propose`, `select`; a kind says how it begins, asks and learns.

    Args:
        search: its settings.
        box: where genomes live.

    Attributes:
        search: the settings, with no more generations than the search can fill.
    """

    wants_gradient: ClassVar[bool] = False
    """Whether it begins with a hint (`jaxpix.search.guide`)."""
    follows_fitness: ClassVar[bool] = True
    """Whether it has nothing to go by where fitness is the same for all candidates."""

    def __init__(self, search: Search, box: Box):
        self.search, self.box = search, box

    def begin(self, key: jax.Array, hint: Any) -> Any:
        """What the strategy remembers before anything is evaluated; default: nothing."""
        return ()

    @abc.abstractmethod
    def propose(self, progress: Progress) -> jax.Array:
        """Candidates [P, G] to evaluate next, inside the box."""

    def learn(self, progress: Progress, candidates: jax.Array, fitness: jax.Array) -> Any:
        """What the strategy remembers afterwards; default: what it did.

        Args:
            progress: the state `candidates` were proposed from.
            candidates: [P, G].
            fitness: [P], lower is better, no NaN; +inf: the evaluation failed.
        """
        return progress.members

    def start(self, key: jax.Array, hint: Any = ()) -> Progress:
        """A fresh experiment of which nothing is evaluated.

        Args:
            key: seeds the experiment.
            hint: what a guide has learned of the image.
        """
        nowhere, unknown = jnp.zeros(self.box.num_genes), jnp.float32(jnp.inf)
        return Progress(
            key=key,
            members=self.begin(key, hint),
            generation=jnp.int32(-1),
            stopped=jnp.bool_(False),
            queries_to_first_hit=jnp.int32(0),
            hits=jnp.int32(0),
            hit_genome=nowhere,
            hit_fitness=unknown,
            best_genome=nowhere,
            best_fitness=unknown,
            is_flat=jnp.bool_(False),
            trajectory=jnp.full(self.search.point_of(self.search.generations) + 1, unknown),
        )

    def select(
        self, progress: Progress, candidates: jax.Array, fitness: jax.Array, is_hit: jax.Array
    ) -> Progress:
        """Learn, keep the books, and apply the stop rule.

        Args:
            progress: the state `candidates` were proposed from.
            candidates: [P, G].
            fitness: [P], lower is better; NaN counts as +inf.
            is_hit: bool [P], which candidates are adversarial.
        """
        search = self.search
        fitness = jnp.where(jnp.isnan(fitness), jnp.inf, fitness)
        generation = progress.generation + 1
        best = jnp.argmin(fitness)
        # Where every evaluation fails, the first candidate is the one that is shown.
        is_better = (fitness[best] < progress.best_fitness) | (generation == 0)
        hit_fitness = jnp.where(is_hit, fitness, jnp.inf)
        fittest = jnp.argmin(hit_fitness)
        improves = hit_fitness[fittest] < progress.hit_fitness
        hits = jnp.sum(is_hit, dtype=jnp.int32)
        first = generation * search.population + jnp.argmax(is_hit).astype(jnp.int32) + 1
        is_first = (progress.queries_to_first_hit == 0) & (hits > 0)
        best_fitness = jnp.where(is_better, fitness[best], progress.best_fitness)
        # Every generation of a point writes it, so that the last one of an experiment is always in.
        is_now = jnp.arange(progress.trajectory.size) == search.point_of(generation)
        return dataclasses.replace(
            progress,
            members=self.learn(progress, candidates, fitness),
            generation=generation,
            stopped=(hits > search.stop_fraction * search.population) | (generation >= search.generations),
            queries_to_first_hit=jnp.where(is_first, first, progress.queries_to_first_hit),
            hits=hits,
            hit_genome=jnp.where(improves, candidates[fittest], progress.hit_genome),
            hit_fitness=jnp.where(improves, hit_fitness[fittest], progress.hit_fitness),
            best_genome=jnp.where(is_better, candidates[best], progress.best_genome),
            best_fitness=best_fitness,
            is_flat=jnp.where(generation == 0, self._is_flat(fitness) & (hits == 0), progress.is_flat),
            trajectory=jnp.where(is_now, best_fitness, progress.trajectory),
        )

    def _is_flat(self, fitness: jax.Array) -> jax.Array:
        # A single candidate says nothing of its neighbours.
        may_be = self.follows_fitness and self.search.population > 1
        return (fitness == fitness[0]).all() & may_be

    def refute(self, progress: Progress) -> Progress:
        """Forget the hit, because its saved image is not adversarial; go on while generations are left."""
        return dataclasses.replace(
            progress,
            stopped=progress.generation >= self.search.generations,
            queries_to_first_hit=jnp.int32(0),
            hit_fitness=jnp.float32(jnp.inf),
        )


def key_of(progress: Progress) -> jax.Array:
    """Random key of the generation that is proposed next."""
    return jax.random.fold_in(progress.key, progress.generation + 2)


def experiment_keys(seed: int, image_ids: Sequence[str]) -> jax.Array:
    """Random keys [B] of experiments: the seed with each image id folded in."""
    folded = np.array([zlib.crc32(name.encode("utf-8")) for name in image_ids], np.uint32)
    return _fold(jax.random.key(seed), folded)


@jax.jit
def _fold(key: jax.Array, numbers: jax.Array) -> jax.Array:
    return jax.vmap(functools.partial(jax.random.fold_in, key))(numbers)


def strongly_typed(tree: Any) -> Any:
    """A state of evosax, which starts from Python numbers; their weak types would compile every caller twice."""
    return jax.tree.map(lambda leaf: jax.lax.convert_element_type(leaf, jnp.result_type(leaf)), tree)
