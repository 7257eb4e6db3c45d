"""evosax's algorithms in a box. `tests/long/algorithms.py` holds all of them to what is asked of a few here."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from support.generations import populations

from jaxpix import AttackConfig
from jaxpix.errors import InputError
from jaxpix.search.genome import Box
from jaxpix.search.presets import search_of, settings_name
from jaxpix.search.strategies.algorithms import ALGORITHMS, LEFT_OUT

BOX = Box((20, 30, 1), 1)
MIDDLE = jnp.array([11.0, 7.0, 99.0])
# Those that keep a distribution, and one that keeps a population.
SOME = ("CMA_ES", "PSO", "SNES")


def strategy_of(name, box=BOX, **settings):
    return search_of(AttackConfig(algorithm=name, num_pixels=box.num_pixels, **settings)).in_box(box)


def sphere(candidates):
    return jnp.sum(((candidates - MIDDLE[None]) / jnp.asarray(BOX.upper - BOX.lower)[None]) ** 2, axis=1)


def partly_failing(candidates):
    number = jnp.arange(len(candidates))
    return jnp.where(number % 3 == 0, jnp.nan, jnp.where(number % 3 == 1, jnp.inf, sphere(candidates)))


@pytest.mark.filterwarnings("ignore:optax.global_norm is deprecated:DeprecationWarning")
@pytest.mark.parametrize("name", ALGORITHMS)
def test_every_algorithm_goes_through_a_loop_as_it_came(name):
    """Shapes and types of its state are the same after a generation as before, which a compiled loop asks."""
    strategy = strategy_of(name, generations=3, population=20)

    def generation(progress):
        candidates = strategy.propose(progress)
        return candidates, strategy.select(progress, candidates, candidates[:, 0], candidates[:, 0] > 1e9)

    before = jax.eval_shape(strategy.start, jax.random.key(0))
    candidates, after = jax.eval_shape(generation, before)
    assert candidates.shape == (20, BOX.num_genes)
    weak = [leaf.weak_type for leaf in jax.tree.leaves(after)]
    assert jax.tree.map(lambda leaf: (leaf.shape, leaf.dtype), before) == jax.tree.map(
        lambda leaf: (leaf.shape, leaf.dtype), after
    )
    assert not any(weak)


@pytest.mark.parametrize("name", SOME)
def test_candidates_stay_in_the_box_and_failures_mislead_nobody(name):
    strategy = strategy_of(name, generations=30, population=20)
    for candidates, progress in populations(strategy, partly_failing, 31):
        assert (candidates >= BOX.lower).all()
        assert (candidates <= BOX.upper).all()
        assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(progress.members))
    assert float(progress.best_fitness) < 2e-3
    assert bool(progress.stopped)


def test_where_everything_fails_it_goes_on():
    strategy = strategy_of("CMA_ES", generations=3, population=6)
    last = [progress for _, progress in populations(strategy, lambda c: jnp.full(len(c), jnp.nan), 4)][-1]
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(last.members))
    assert not np.isfinite(last.best_fitness)


def test_the_first_population_is_told_as_it_was_evaluated():
    """PSO remembers each member's own best: of a first generation, itself."""
    strategy = strategy_of("PSO", generations=3, population=8)
    first, progress = next(populations(strategy, sphere, 1))
    np.testing.assert_allclose(strategy._genes(progress.members.population_best), first, atol=1e-3)
    np.testing.assert_allclose(progress.members.fitness_best, sphere(jnp.asarray(first)), rtol=1e-6)


def test_another_key_searches_otherwise_and_the_same_one_alike():
    strategy = strategy_of("CMA_ES", generations=3, population=6)
    runs = [[one.tobytes() for one, _ in populations(strategy, sphere, 3, seed)] for seed in (0, 1, 0)]
    assert runs[0] == runs[2]
    assert len({*runs[0], *runs[1]}) == 6


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"algorithm": "CMAES"}, r"unknown algorithm 'CMAES' \(did you mean CMA_ES\?\); allowed: ARS, "),
        ({"algorithm": "RandomSearch"}, "algorithm RandomSearch is not for this: it needs a sampler"),
        (
            {"algorithm": "PSO", "strategy": "best1"},
            "algorithm PSO goes with no strategy .got 'best1'.*allowed: bounds",
        ),
        ({"algorithm": "PSO", "search": "random"}, "algorithm PSO goes with no search .got 'random'."),
        ({"algorithm": "PSO", "preset": "su2019"}, "algorithm PSO goes with no preset .got 'su2019'."),
    ],
)
def test_what_cannot_be_is_refused(settings, message):
    with pytest.raises(InputError, match=message):
        search_of(AttackConfig(**settings))


def test_a_population_that_an_algorithm_cannot_have_is_refused():
    with pytest.raises(InputError, match=r"algorithm Open_ES cannot have a population of 5 .*choose another"):
        strategy_of("Open_ES", population=5)


def test_settings_are_kept_and_named():
    config = AttackConfig(algorithm="CMA_ES", bounds="reflect", stop_fraction=0.1)
    search = search_of(config)
    assert (search.algorithm, search.bounds, search.stop_fraction, search.population) == (
        "CMA_ES",
        "reflect",
        0.1,
        100,
    )
    assert settings_name(config) == "CMA_ES"
    assert dataclasses.replace(config, algorithm=None) == AttackConfig(bounds="reflect", stop_fraction=0.1)
    assert not set(LEFT_OUT) & set(ALGORITHMS)
