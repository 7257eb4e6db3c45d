"""Slots and refilling change nothing: a loop over one image at a time finds the same."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from support.toys import toy_images, toy_victim, two_faced_victim

from jaxpix import AttackConfig, EngineConfig
from jaxpix.attack.experiments import Attack
from jaxpix.pixels import paint
from jaxpix.search.course import Course
from jaxpix.search.fitness import Goal, is_success, make_fitness
from jaxpix.search.genome import Box, decode
from jaxpix.search.presets import search_of
from jaxpix.search.strategies.evolution import Evolver
from jaxpix.search.strategies.strategy import experiment_keys

# To the bit, in programs as users have them.
pytestmark = pytest.mark.usefixtures("full_optimisation")


@pytest.fixture(scope="module")
def attack():
    return Attack(toy_victim(), AttackConfig(generations=8, seed=5), EngineConfig(slots=3))


def jobs_of(attack, images):
    labels = np.asarray(attack.victim.space.labels(attack.victim.predict(images)))
    return [attack.job(str(i), image, labels[i]) for i, image in enumerate(images)]


def one_at_a_time(attack, jobs):
    """The same search without slots, image after image: propose, evaluate densely, select."""
    victim, config = attack.victim, attack.config
    box = Box(victim.input_shape, config.num_pixels)
    evolver = Evolver(search_of(config), box)
    fitness_fn = make_fitness("confidence", victim.space, targeted=False)

    @jax.jit
    def generation(evolution, image, goal):
        candidates = evolver.propose(evolution)
        logits = victim.dense_logits(victim.weights, paint(image, decode(candidates, box)))
        fitness = jax.vmap(fitness_fn, (0, None))(logits, goal)
        hits = jax.vmap(lambda row: is_success(row, goal, victim.space, False))(logits)
        return evolver.select(evolution, candidates, fitness, hits)

    start = jax.jit(evolver.start)
    for job in jobs:
        goal = Goal(jnp.asarray(job.original), jnp.asarray(job.target))
        evolution = start(experiment_keys(config.seed, [job.image_id])[0])
        while not evolution.stopped:
            evolution = generation(evolution, jnp.asarray(job.image), goal)
        found = bool(np.isfinite(evolution.hit_fitness))
        genome = evolution.hit_genome if found else evolution.best_genome
        yield found, int(evolution.generation), int(evolution.queries_to_first_hit), decode(genome, box)


def test_a_plain_loop_finds_the_same(attack):
    images = toy_images(8, seed=3)
    jobs = jobs_of(attack, images)
    outcomes = {outcome.job.image_id: outcome for outcome in attack.engine.run(jobs, Course(seed=5))}
    assert 0 < sum(outcome.success for outcome in outcomes.values()) < len(jobs) == len(outcomes)
    for job, plain in zip(jobs, one_at_a_time(attack, jobs), strict=True):
        found, generations, queries_to_first_hit, pixels = plain
        outcome = outcomes[job.image_id]
        assert (outcome.success, outcome.generations) == (found, generations)
        assert (outcome.queries_to_first_hit or 0) == queries_to_first_hit
        np.testing.assert_array_equal(outcome.pixels.x, pixels.x)
        np.testing.assert_array_equal(outcome.pixels.values, pixels.values)


def test_attacks_of_one_kind_share_programs_and_nothing_that_changes(attack):
    engine = EngineConfig(slots=3)
    other = Attack(attack.victim, dataclasses.replace(attack.config, seed=attack.config.seed + 1), engine)
    assert other.engine.program is attack.engine.program
    assert other.engine is not attack.engine
    assert other.engine.verify is not attack.engine.verify
    more = Attack(attack.victim, dataclasses.replace(attack.config, num_pixels=2), engine)
    assert more.engine.program is not attack.engine.program


def test_candidates_are_counted_exactly(attack):
    evaluated = []
    outcomes = list(attack.engine.run(jobs_of(attack, toy_images(7, seed=3)), Course(5, evaluated.append)))
    assert sum(evaluated) == sum(outcome.queries for outcome in outcomes)


def test_no_slot_waits_for_a_slower_one():
    """One image that never stops early beside many that stop at once: its slot is the only one kept."""
    victim = toy_victim()
    images = toy_images(30)
    attack = Attack(victim, AttackConfig(generations=12), EngineConfig(slots=2, generations_per_call=1))
    calls = []
    outcomes = list(attack.engine.run(jobs_of(attack, images), Course(0, calls.append)))
    generations = [outcome.generations for outcome in outcomes]
    assert max(generations) > 4 * np.median(generations)
    # Two slots in lockstep batches would need the slower one of every pair.
    lockstep = sum(max(pair) + 1 for pair in zip(generations[::2], generations[1::2], strict=True))
    assert len(calls) < lockstep + len(images) // 2


def test_neither_slots_nor_looks_change_where_a_refuted_hit_leads():
    """A verdict comes while the devices go on; how many generations and experiments that are must not matter."""
    victim, images, results = two_faced_victim(), toy_images(8, seed=9), []
    labels = np.eye(3, dtype=bool)[[victim.logits(image[None])[0].argmax() for image in images]]
    for slots, generations_per_call in ((1, 1), (3, 7)):
        engine = EngineConfig(slots=slots, generations_per_call=generations_per_call)
        attack = Attack(victim, AttackConfig(generations=8), engine)
        jobs = [attack.job(str(index), image, labels[index]) for index, image in enumerate(images)]
        records = [dataclasses.replace(item.record, seconds=0.0) for item in attack.run(jobs)]
        results.append({record.image_id: record for record in records})
    assert sum(record.refuted_hits for record in results[0].values()) > 0
    assert len({record.success for record in results[0].values()}) == 2
    assert results[0] == results[1]
