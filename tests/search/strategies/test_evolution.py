import dataclasses
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxpix.config import AttackConfig
from jaxpix.errors import InputError
from jaxpix.search.genome import Box
from jaxpix.search.presets import search_of
from jaxpix.search.strategies.evolution import Evolver

BOX = Box((20, 30, 1), 1)


def evolver(**changes):
    return Evolver(dataclasses.replace(search_of(AttackConfig()), **changes), BOX)


def after_first_generation(de, population, fitness, seed=0):
    evolution = de.start(jax.random.key(seed))
    members = evolution.members.replace(population=jnp.asarray(population, jnp.float32))
    no_hits = jnp.zeros(len(population), bool)
    return de.select(
        dataclasses.replace(evolution, members=members), members.population, jnp.asarray(fitness), no_hits
    )


def members_of(count, seed=1, scale=1.0):
    centre = np.array([15.0, 10.0, 128.0], np.float32)
    spread = scale * np.array([4.0, 3.0, 30.0], np.float32)
    generator = np.random.Generator(np.random.PCG64(seed))
    return centre + spread * generator.uniform(-1, 1, (count, 3)).astype(np.float32)


def inject_indices(monkeypatch, base, first, second):
    def choice(key, a, shape=(), replace=True, p=None):
        if p is None:  # which gene is certain to cross over
            return 0
        return base if shape == () else a[jnp.array([first, second])]

    monkeypatch.setattr(jax.random, "choice", choice)


def test_mutation_by_hand_with_injected_indices(monkeypatch):
    de = evolver(population=8)
    population = members_of(8)
    evolution = after_first_generation(de, population, np.arange(8.0))
    inject_indices(monkeypatch, 2, 5, 7)
    trials = np.asarray(de.propose(evolution))
    expected = population[2] + 0.5 * (population[5] - population[7])
    np.testing.assert_allclose(trials, np.tile(expected, (8, 1)), rtol=1e-6)


def test_best1_takes_the_best_member_as_base(monkeypatch):
    de = evolver(population=8, strategy="best1", differential_weight=(0.7, 0.7))
    population = members_of(8)
    evolution = after_first_generation(de, population, [5, 4, 3, 2, 1, 0, 6, 7.0])
    inject_indices(monkeypatch, 2, 1, 7)
    trials = np.asarray(de.propose(evolution))
    expected = population[5] + 0.7 * (population[1] - population[7])
    np.testing.assert_allclose(trials, np.tile(expected, (8, 1)), rtol=1e-6)


def test_every_trial_is_rand1_of_three_other_distinct_members():
    de = evolver(population=6)
    population = members_of(6)
    evolution = after_first_generation(de, population, np.zeros(6))
    seen = set()
    for generation in range(20):
        trials = np.asarray(de.propose(dataclasses.replace(evolution, generation=jnp.int32(generation))))
        for i, trial in enumerate(trials):
            others = [index for index in range(6) if index != i]
            matches = [
                triple
                for triple in itertools.permutations(others, 3)
                if np.allclose(
                    population[triple[0]] + 0.5 * (population[triple[1]] - population[triple[2]]),
                    trial,
                    atol=1e-3,
                )
            ]
            assert len(matches) == 1, f"member {i}: {trial} is no DE/rand/1 mutant"
            seen.add(matches[0])
    # 120 draws of 120 ordered triples: about 63 % of them are expected.
    assert len(seen) > 50


def test_dither_draws_one_weight_per_generation_inside_its_range():
    de = evolver(population=5, strategy="best1", differential_weight=(0.5, 1.0))
    population = members_of(5, scale=0.2)
    evolution = after_first_generation(de, population, [0, 1, 2, 3, 4.0])
    weights = []
    for generation in range(30):
        members = evolution.members.replace(generation_counter=generation)
        state = dataclasses.replace(evolution, generation=jnp.int32(generation), members=members)
        steps = np.asarray(de.propose(state)) - population[0]
        found = set()
        for i, step in enumerate(steps):
            others = [index for index in range(1, 5) if index != i]
            for b, c in itertools.permutations(others, 2):
                difference = population[b] - population[c]
                weight = step @ difference / (difference @ difference)
                if np.allclose(step, weight * difference, atol=1e-4) and 0.49 < weight < 1.01:
                    found.add(round(float(weight), 3))
        assert len(found) == 1
        weights.append(found.pop())
    assert min(weights) >= 0.5
    assert max(weights) <= 1.0
    assert np.ptp(weights) > 0.3


def test_trials_stay_in_the_box():
    de = evolver(population=50)
    population = np.where(np.arange(50)[:, None] % 2, BOX.lower, BOX.upper).astype(np.float32)
    evolution = after_first_generation(de, population, np.zeros(50))
    trials = np.asarray(de.propose(evolution))
    assert (trials >= BOX.lower).all()
    assert (trials <= BOX.upper).all()


def test_a_tie_keeps_the_parent_and_a_better_trial_replaces_it():
    de = evolver(population=4)
    parents, trials = members_of(4), members_of(4, seed=2)
    evolution = after_first_generation(de, parents, [1.0, 1.0, 1.0, 1.0])
    fitness = jnp.array([1.0, 0.5, 1.5, jnp.nan])
    after = de.select(evolution, jnp.asarray(trials), fitness, jnp.zeros(4, bool))
    np.testing.assert_array_equal(after.members.population, [parents[0], trials[1], parents[2], parents[3]])
    np.testing.assert_array_equal(after.members.fitness, [1.0, 0.5, 1.0, 1.0])


def test_a_failed_parent_is_replaced_by_any_trial_that_works():
    de = evolver(population=4)
    evolution = after_first_generation(de, members_of(4), [jnp.nan, jnp.inf, 0.0, 0.0])
    trials = members_of(4, seed=2)
    after = de.select(evolution, jnp.asarray(trials), jnp.full(4, 9.0), jnp.zeros(4, bool))
    np.testing.assert_array_equal(after.members.population[:2], trials[:2])
    np.testing.assert_array_equal(after.members.fitness, [9.0, 9.0, 0.0, 0.0])


@pytest.mark.parametrize(
    ("stop_fraction", "hits", "stops"),
    [(0.01, 1, False), (0.01, 2, True), (0.0, 1, True), (0.0, 0, False), (0.05, 5, False), (0.05, 6, True)],
)
def test_stop_rule_counts_the_hits_of_one_generation(stop_fraction, hits, stops):
    de = evolver(stop_fraction=stop_fraction)
    evolution = de.start(jax.random.key(0))
    is_hit = jnp.arange(100) < hits
    after = de.select(evolution, evolution.members.population, jnp.zeros(100), is_hit)
    assert bool(after.stopped) is stops
    assert int(after.generation) == 0


def test_the_last_generation_stops():
    de = evolver(population=4, generations=2)
    evolution = de.start(jax.random.key(0))
    stopped = []
    for _ in range(3):
        candidates = de.propose(evolution)
        evolution = de.select(evolution, candidates, jnp.zeros(4), jnp.zeros(4, bool))
        stopped.append(bool(evolution.stopped))
    assert stopped == [False, False, True]
    assert int(evolution.generation) == 2


def test_generation_zero_is_the_drawn_population():
    de = evolver()
    evolution = de.start(jax.random.key(0))
    np.testing.assert_array_equal(de.propose(evolution), evolution.members.population)


def test_first_hit_and_fittest_hit_are_counted_exactly():
    de = evolver(population=10, stop_fraction=0.9)
    evolution = de.start(jax.random.key(0))
    nothing = jnp.zeros(10, bool)
    evolution = de.select(evolution, evolution.members.population, jnp.zeros(10), nothing)
    assert int(evolution.queries_to_first_hit) == 0
    trials = jnp.asarray(members_of(10))
    fitness = jnp.array([0, 5, 5, 3, 2, 5, 1, 5, 5, 5.0])
    is_hit = jnp.isin(jnp.arange(10), jnp.array([3, 4]))
    evolution = de.select(evolution, trials, fitness, is_hit)
    assert int(evolution.queries_to_first_hit) == 10 + 4
    np.testing.assert_array_equal(evolution.hit_genome, trials[4])
    # A later, worse hit changes neither; a better one the genome only.
    evolution = de.select(evolution, trials[::-1], jnp.full(10, 4.0), is_hit)
    np.testing.assert_array_equal(evolution.hit_genome, trials[4])
    evolution = de.select(evolution, trials[::-1], jnp.full(10, -1.0), is_hit)
    np.testing.assert_array_equal(evolution.hit_genome, trials[::-1][3])
    assert int(evolution.queries_to_first_hit) == 14


def test_refuting_forgets_the_hit_and_goes_on_unless_at_the_end():
    de = evolver(population=4, generations=2, stop_fraction=0.0)
    evolution = de.start(jax.random.key(0))
    hits = jnp.ones(4, bool)
    evolution = de.select(evolution, evolution.members.population, jnp.zeros(4), hits)
    assert bool(evolution.stopped)
    refuted = de.refute(evolution)
    assert not bool(refuted.stopped)
    assert int(refuted.queries_to_first_hit) == 0
    assert not np.isfinite(refuted.hit_fitness)
    assert bool(de.refute(dataclasses.replace(evolution, generation=jnp.int32(2))).stopped)


def test_best_fitness_never_gets_worse_and_sphere_is_solved():
    goal = jnp.array([11.0, 7.0, 99.0])
    de = evolver(generations=150)

    def step(evolution, _):
        candidates = de.propose(evolution)
        fitness = jnp.sum(((candidates - goal[None]) / (BOX.upper - BOX.lower)[None]) ** 2, axis=1)
        after = de.select(evolution, candidates, fitness, jnp.zeros(100, bool))
        return after, after.best_fitness

    last, best = jax.lax.scan(step, de.start(jax.random.key(0)), length=151)
    assert (np.diff(best) <= 0).all()
    np.testing.assert_allclose(last.best_genome, goal, atol=1e-2)


@pytest.mark.parametrize(
    ("allowed", "run", "kept"),
    [
        (0, 0, [0]),
        (5, 3, [0, 1, 2, 3]),
        (127, 127, list(range(128))),
        # One in three; the last one is in, wherever the search stopped.
        (300, 10, [0, 3, 6, 9, 10]),
        (300, 300, list(range(0, 301, 3))),
    ],
)
def test_the_trajectory_is_the_best_so_far_of_evenly_spaced_generations(allowed, run, kept):
    de = evolver(population=4, generations=allowed)
    goal = jnp.array([11.0, 7.0, 99.0])

    def step(evolution, _):
        candidates = de.propose(evolution)
        fitness = jnp.sum(((candidates - goal[None]) / (BOX.upper - BOX.lower)[None]) ** 2, axis=1)
        after = de.select(evolution, candidates, fitness, jnp.zeros(4, bool))
        return after, jnp.min(fitness)

    last, fittest = jax.lax.scan(step, de.start(jax.random.key(0)), length=run + 1)
    best = np.minimum.accumulate(fittest)
    points = de.search.point_of(run) + 1
    assert points == len(kept) <= last.trajectory.size <= 128
    np.testing.assert_array_equal(last.trajectory[:points], best[kept])
    assert np.isinf(last.trajectory[points:]).all()


def test_queries_that_32_bits_cannot_count_are_refused():
    assert search_of(AttackConfig(population=1000, generations=2_147_482)).generations == 2_147_482
    with pytest.raises(InputError, match=r"is 2,147,484,000 queries an experiment; fewer than 2,147,483,648"):
        search_of(AttackConfig(population=1000, generations=2_147_483))


def test_presets_are_what_they_say():
    tsai, su, scipy = (search_of(AttackConfig(preset=name)) for name in ("tsai2023", "su2019", "scipy"))
    assert (tsai.population, tsai.strategy, tsai.crossover_rate) == (100, "rand1", 1.0)
    assert (tsai.differential_weight, tsai.stop_fraction, tsai.generations) == ((0.5, 0.5), 0.01, 100)
    assert (su.population, su.initialisation) == (400, "gaussian")
    assert (scipy.strategy, scipy.differential_weight, scipy.bounds) == ("best1", (0.5, 1.0), "redraw")
    changed = search_of(AttackConfig(preset="scipy", population=50, differential_weight=0.9))
    assert (changed.population, changed.differential_weight, changed.bounds) == (50, (0.9, 0.9), "redraw")
