"""What holds for every search: it stays in its box, counts exactly, and depends on nothing beside it."""

import dataclasses

import jax.numpy as jnp
import numpy as np
import pytest
from support.generations import populations
from support.toys import toy_images, toy_victim

from jaxpix import AttackConfig, EngineConfig
from jaxpix.attack.experiments import Attack
from jaxpix.errors import InputError
from jaxpix.search.genome import Box
from jaxpix.search.presets import fitness_of, search_name, search_of, settings_name
from jaxpix.search.strategies.shortlist import Shortlist
from jaxpix.search.strategies.strategy import Search

pytestmark = pytest.mark.usefixtures("kept_programs")

BOX = Box((9, 12, 1), 2)
SEARCHES = {
    "random": AttackConfig(search="random", num_pixels=2, generations=6, population=10),
    "sparse_rs": AttackConfig(search="sparse_rs", num_pixels=2, generations=9, population=5),
    "shortlist": AttackConfig(search="shortlist", generations=2, population=4),
    "best, 2 pixels": AttackConfig(preset="best", num_pixels=2, generations=3, population=4),
    "best, 3 pixels": AttackConfig(preset="best", num_pixels=3, generations=5, population=4),
}


@pytest.fixture(scope="module", params=SEARCHES)
def config(request):
    return SEARCHES[request.param]


def run(config, images, slots, order=None, generations_per_call=None):
    victim = toy_victim()
    engine = EngineConfig(slots=slots, generations_per_call=generations_per_call)
    attack = Attack(victim, config, engine)
    labels = np.asarray(victim.space.labels(victim.predict(images)))
    jobs = [attack.job(str(index), images[index], labels[index]) for index in order or range(len(images))]
    records = [dataclasses.replace(item.record, seconds=0.0) for item in attack.run(jobs)]
    return {record.image_id: record for record in records}


def test_records_depend_on_neither_slots_nor_order_nor_looks(config):
    images = toy_images(6, seed=3)
    alone = run(config, images, slots=1, generations_per_call=1)
    beside = run(config, images, slots=4, order=[5, 0, 3, 1, 4, 2])
    assert alone == beside
    # These small victims withstand no search that knows their gradient and has several pixels.
    assert len({record.success for record in alone.values()}) == (1 if config.preset == "best" else 2)
    search = Attack(toy_victim(), config).search
    for record in alone.values():
        assert record.queries == search.population * (1 + record.generations)
        assert record.preset == settings_name(config)
        hit = record.queries_to_first_hit
        assert (hit is not None) == record.success
        assert hit is None or record.queries - search.population < hit <= record.queries
        assert record.stop_reason == ("adversarial" if record.success else "generations")


def test_settings_of_the_evolution_are_refused_beside_another_search():
    with pytest.raises(
        InputError, match=r"search random goes with no crossover_rate \(got 0.5\): it is a setting of"
    ):
        search_of(AttackConfig(search="random", crossover_rate=0.5))
    with pytest.raises(InputError, match=r"search random goes with no preset \(got 'scipy'\)"):
        search_of(AttackConfig(search="random", preset="scipy"))


def test_random_search_draws_anew_from_the_whole_box():
    strategy = search_of(AttackConfig(search="random", generations=40)).in_box(BOX)
    drawn = [candidates for candidates, _ in populations(strategy, lambda c: jnp.zeros(len(c)), 41)]
    assert len({candidates.tobytes() for candidates in drawn}) == 41
    every = np.concatenate(drawn)
    assert (every >= BOX.lower).all()
    assert (every <= BOX.upper).all()
    np.testing.assert_allclose(every.mean(0), (BOX.lower + BOX.upper) / 2, rtol=0.06)
    assert np.ptp(np.round(every[:, 0])) == BOX.image_shape[1] - 1


def test_what_follows_no_fitness_does_not_miss_one():
    """Where all candidates are alike, a random search goes on, and the evolution says so."""
    for name, is_flat in (("random", False), ("evolution", True)):
        strategy = search_of(AttackConfig(search=name, generations=1)).in_box(BOX)
        _, progress = next(populations(strategy, lambda candidates: jnp.zeros(len(candidates)), 1))
        assert bool(progress.is_flat) is is_flat


def test_the_best_preset_is_the_search_that_found_the_most():
    config = AttackConfig(preset="best", generations=9)
    assert (
        search_of(config)
        == search_of(AttackConfig(search="shortlist", generations=9))
        == Search(Shortlist, 100, 9, 0.0)
    )
    assert search_of(dataclasses.replace(config, population=20)).population == 20
    # A record names the search, whatever the preset is some day.
    assert (search_name(config), settings_name(config)) == ("shortlist", "shortlist")
    assert fitness_of(config, toy_victim().space) == "margin"
    with pytest.raises(InputError, match="search shortlist goes with no strategy"):
        search_of(dataclasses.replace(config, strategy="best1"))
