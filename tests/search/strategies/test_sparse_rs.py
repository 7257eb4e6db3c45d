import collections

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from support.generations import populations

from jaxpix import AttackConfig
from jaxpix.errors import InputError
from jaxpix.search.genome import Box, decode
from jaxpix.search.presets import search_of

BOX = Box((6, 7, 3), 12)


def strategy_of(box=BOX, **settings):
    return search_of(AttackConfig(search="sparse_rs", num_pixels=box.num_pixels, **settings)).in_box(box)


def sets_of(candidates, box=BOX):
    """The pixels of one candidate, position -> values."""
    pixels = decode(jnp.asarray(candidates), box)
    places = [(int(x), int(y)) for x, y in zip(pixels.x[0], pixels.y[0], strict=True)]
    return dict(zip(places, map(tuple, np.asarray(pixels.values[0]).tolist()), strict=True))


def test_it_has_as_many_queries_as_the_others_one_at_a_time():
    search = search_of(AttackConfig(search="sparse_rs"))
    assert (search.population, search.generations, search.stop_fraction) == (1, 10_099, 0.0)
    assert search_of(AttackConfig(search="sparse_rs", population=40, generations=4)).generations == 199


def test_a_step_exchanges_pixels_of_the_best_set_for_others_and_keeps_the_lower_loss():
    strategy = strategy_of(generations=1)
    # Whole numbers, whose sums are exact.
    weights = np.random.default_rng(0).integers(-9, 10, BOX.num_genes).astype(np.float32)
    best, best_fitness, accepted = None, np.inf, 0
    for candidates, progress in populations(strategy, lambda c: c @ weights, 60):
        tried = sets_of(candidates)
        assert len(tried) == BOX.num_pixels
        assert {value for values in tried.values() for value in values} <= {0, 255}
        if best is not None:
            new = set(tried) - set(best)
            # 0.3 / 2 of 12 pixels while little of 200 queries is spent, then fewer: never none.
            assert 1 <= len(new) <= 2
            assert all(tried[place] == best[place] for place in set(tried) - new)
        fitness = float(candidates[0] @ weights)
        if fitness < best_fitness:
            best, best_fitness, accepted = tried, fitness, accepted + 1
        assert float(progress.best_fitness) == best_fitness
    assert 3 < accepted < 60


def test_fewer_pixels_are_exchanged_as_queries_are_spent():
    strategy = strategy_of(Box((20, 20, 1), 100))
    counts = jax.vmap(strategy._exchanged)(
        jnp.array([1, 50, 51, 202, 505, 1010, 2020, 4040, 6060, 8080, 10_099])
    )
    assert counts.tolist() == [15, 15, 8, 6, 5, 4, 3, 2, 2, 2, 2]


def test_every_pixel_outside_is_drawn_alike_and_none_inside():
    strategy = strategy_of(Box((3, 3, 1), 2))
    drawn = np.asarray(
        jax.vmap(lambda key: strategy._drawn(key, jnp.array([7, 2])))(
            jax.random.split(jax.random.key(0), 4200)
        )
    )
    counts = collections.Counter(map(tuple, drawn.tolist()))
    free = [0, 1, 3, 4, 5, 6, 8]
    assert set(counts) == {(one, other) for one in free for other in free if one != other}
    # 42 ordered pairs, 100 of each are expected.
    assert 60 < min(counts.values()) <= max(counts.values()) < 145


def test_an_image_too_small_to_exchange_pixels_is_refused():
    with pytest.raises(InputError, match="num_pixels of at most 4, half of the image's, got 5"):
        strategy_of(Box((3, 3, 1), 5))
