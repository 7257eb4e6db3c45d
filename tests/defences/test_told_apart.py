"""Exhaustive searches through filters that make values equal: each effect is evaluated once, nothing else changes."""

import dataclasses

import numpy as np
import pytest
from support.toys import toy_images, toy_victim

from jaxpix import AttackConfig, defended
from jaxpix.attack.experiments import Attack


def swept(victim, images, config):
    """Finished experiments, and how many candidates were evaluated for them."""
    attack, counted = Attack(victim, config), []
    labels = np.asarray(victim.space.labels(victim.predict(images)))
    jobs = [attack.job(str(number), image, labels[number]) for number, image in enumerate(images)]
    return list(attack.run(jobs, on_candidates=counted.append, total=200)), sum(counted)


@pytest.mark.parametrize(
    ("names", "channels", "options", "share"),
    [
        (("median3",), 1, {"values": "all"}, 0.8),
        (("median3",), 3, {"values": 5}, 0.9),
        (("bits3",), 1, {"values": "all"}, 0.05),
        (("median3",), 1, {"values": 9, "num_pixels": 2, "worst": 9}, 0.95),
    ],
)
def test_what_is_found_is_what_a_full_search_finds(names, channels, options, share):
    victim = defended(toy_victim(channels=channels, size=8), *names)
    images = toy_images(2, channels=channels, size=8)
    # As background and the middle of shapes are: most values are cut off.
    images[:, :4] = 90
    config = AttackConfig(search="exhaustive", **options)
    found, evaluated = swept(victim, images, config)
    every, all_evaluated = swept(dataclasses.replace(victim, told_apart=None), images, config)
    assert evaluated < share * all_evaluated
    for one, other in zip(found, every, strict=True):
        assert dataclasses.replace(one.record, seconds=0) == dataclasses.replace(other.record, seconds=0)
        for field in dataclasses.fields(one.maps):
            if field.name not in ("band", "reevaluated", "audited"):
                expected = getattr(other.maps, field.name)
                np.testing.assert_array_equal(getattr(one.maps, field.name), expected, field.name)


@pytest.mark.parametrize(
    ("names", "knows"),
    [
        (("median3",), True),
        (("median3", "jpeg75"), True),
        (("jpeg75", "median3"), False),
        (("gaussian1",), False),
        (("gaussian1", "bits4"), False),
    ],
)
def test_only_what_images_go_through_first_makes_values_equal(names, knows):
    assert (defended(toy_victim(), *names).told_apart is not None) is knows


def test_images_that_are_fitted_first_are_no_longer_what_the_filter_sees():
    victim = defended(toy_victim(), "median3")
    assert victim.for_images((24, 24, 1)).told_apart is None
    assert victim.for_images(victim.input_shape).told_apart is not None
