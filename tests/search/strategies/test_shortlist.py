import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from support.linear import SIDE, linear_victim, lowest_margin_of_pairs, margins_of_pixels
from support.toys import toy_images

import jaxpix
from jaxpix import AttackConfig, Victim
from jaxpix.attack.experiments import Attack
from jaxpix.errors import InputError
from jaxpix.search.genome import Box, decode
from jaxpix.search.strategies.shortlist import Shortlist, _grid, _parts, _subsets
from jaxpix.search.strategies.strategy import Search

IMAGES = toy_images(6, size=SIDE, seed=1)


def attacked(victim, images, **settings):
    config = AttackConfig(search="shortlist", **settings)
    return jaxpix.attack_images(victim, images, config=config)


def of_class_a(bias):
    victim = linear_victim(bias)
    return victim, IMAGES[victim.predict(IMAGES)[:, 0] > 0]


def test_of_a_linear_victim_the_first_candidate_is_the_worst_pixel():
    bias = 100.0
    victim, images = of_class_a(bias)
    records = attacked(victim, images, population=10, generations=3)
    lowest = np.array([margins_of_pixels(image, bias).min() for image in images])
    assert {record.success for record in records} == {True, False}
    np.testing.assert_array_equal([record.success for record in records], lowest < 0)
    np.testing.assert_allclose([record.best_fitness for record in records], lowest, atol=1e-3)
    assert {record.queries_to_first_hit for record in records} == {1, None}
    assert {record.fitness for record in records} == {"margin"}


def test_two_pixels_are_the_two_worst_of_those_that_were_measured():
    bias = 200.0
    victim, images = of_class_a(bias)
    records = attacked(victim, images, num_pixels=2, population=10, generations=3)
    lowest = [lowest_margin_of_pairs(image, bias) for image in images]
    for record, low in zip(records, lowest, strict=True):
        np.testing.assert_allclose(record.best_fitness, low, atol=1e-3)
        # Two generations of single pixels come before the first pair.
        assert record.queries_to_first_hit == (21 if low < 0 else None)
    assert {record.success for record in records} == {True, False}


def test_a_target_is_approached():
    victim, images = linear_victim(-250.0), IMAGES[linear_victim(-250.0).predict(IMAGES)[:, 0] < 0]
    records = attacked(victim, images, target="a", population=4, generations=1)
    highest = [margins_of_pixels(image, -250.0).max() for image in images]
    assert {record.success for record in records} == {True, False}
    np.testing.assert_array_equal([record.success for record in records], np.array(highest) > 0)


def colour_hint(search, gradient, image):
    strategy = search.in_box(Box(image.shape, 1))
    return strategy, strategy.hint(jnp.asarray(gradient), jnp.asarray(image))


def test_corners_come_first_by_their_first_order_change_and_what_changes_nothing_last():
    generator = np.random.default_rng(0)
    image = generator.choice(np.array([0, 90, 255], np.uint8), (2, 3, 3))
    image[0, 0] = 0
    gradient = generator.normal(size=image.shape).astype(np.float32)
    gradient[1, 2, 0] = np.nan
    strategy, hint = colour_hint(Search(Shortlist, 20, 20, 0.0), gradient, image)
    assert strategy.search.generations == 20
    pixels = decode(strategy._genomes(hint.order[:, None]), strategy.box)
    values = np.asarray(pixels.values[:, 0])
    before = image[pixels.y[:, 0], pixels.x[:, 0]].astype(float)
    change = np.nan_to_num(gradient)[pixels.y[:, 0], pixels.x[:, 0]]
    expected = (change * (values - before)).sum(-1)
    corners = np.isin(values, (0, 255)).all(-1) & (values != before).any(-1)
    changed = (values != before).any(-1)
    count = corners.sum()
    assert corners[:count].all()
    assert (np.diff(expected[:count]) >= -1e-4).all()
    assert changed[: changed.sum()].all()
    assert (np.diff(expected[count : changed.sum()]) >= -1e-4).all()
    every = np.concatenate([pixels.x, pixels.y, values], 1)
    assert len(np.unique(every, axis=0)) == len(every)


def test_the_grid_fills_the_budget_and_has_the_corners():
    assert _grid(1, 64, 0).ravel().tolist() == [0, 255]
    assert _grid(1, 64, 10_100).shape == (158, 1)
    assert _grid(1, 4, 10_100).shape == (256, 1)
    colour = _grid(3, 784, 10_100)
    assert {tuple(corner) for corner in itertools.product((0, 255), repeat=3)} <= {
        tuple(one) for one in colour
    }
    assert len(colour) == 27


@pytest.mark.parametrize(
    ("generations", "pixels", "most", "parts"),
    [
        (101, 1, 16, [101]),
        (101, 2, 16, [16, 85]),
        (101, 3, 99, [33, 34, 34]),
        (2, 3, 9, [1, 0, 1]),
        (1, 3, 9, [1, 0, 0]),
    ],
)
def test_generations_are_shared_among_sets_of_each_size(generations, pixels, most, parts):
    assert _parts(generations, pixels, most) == parts


def test_subsets_are_of_the_best_ranks_and_distinct():
    subsets = _subsets(3, 100, 64)
    assert list(map(tuple, subsets)) == sorted(itertools.combinations(range(10), 3), key=sum)
    assert len(_subsets(2, 100, 5)) == 10


def test_a_zero_gradient_is_said_and_the_search_goes_on():
    exact = linear_victim(100.0)
    victim = Victim.from_function(
        lambda images: jax.lax.stop_gradient(exact.apply(None, images)),
        class_names=["a", "b"],
        input_shape=exact.input_shape,
    )
    with pytest.warns(UserWarning, match="gradient is zero everywhere for 6 images"):
        records = attacked(victim, IMAGES, population=20, generations=9)
    assert any(record.success and record.queries_to_first_hit > 1 for record in records)


def test_a_victim_without_a_gradient_is_refused():
    def logits(images):
        shape = jax.ShapeDtypeStruct((images.shape[0], 2), jnp.float32)
        return jax.pure_callback(
            lambda images: np.stack([np.sum(images, (1, 2, 3)), 9 + np.asarray(images)[:, 0, 0, 0]], 1),
            shape,
            images,
        )

    victim = Victim.from_function(logits, class_names=["a", "b"], input_shape=(SIDE, SIDE, 1), name="hosted")
    with pytest.raises(
        InputError,
        match=r"'hosted' has no gradient.*Pure callbacks do not support JVP.*host=True.*such as sparse_rs or",
    ):
        Attack(victim, AttackConfig(search="shortlist"))
