"""Models with odd answers: NaN, constants, nothing right, shapes that do not fit."""

import math

import jax.numpy as jnp
import numpy as np
import pytest
from support.some_records import some_record
from support.toys import Source, toy_images, toy_victim

from jaxpix import AttackConfig, Victim, attack_images
from jaxpix.attack.experiments import Attack
from jaxpix.attack.selection import select
from jaxpix.errors import InputError
from jaxpix.records.record import from_json, from_table, to_json, to_table
from jaxpix.victim.probe import check_finite

NAMES = ["a", "b", "c"]
QUICK = AttackConfig(generations=3)


IMAGES = toy_images(12)
LONELY = IMAGES[-1]


@pytest.fixture(scope="module")
def toy():
    return toy_victim()


def odd(toy, value=jnp.nan):
    """The toy, which answers oddly to four kinds of images that neither toy images nor the probe's are.

    `value` to bright ones, those with 77 in the corner, and LONELY with up to two pixels changed (the probe's images
    have a darker pixel than toy images, or one grey); and always the same to those with two of three pixels at 66
    in their first row, which one changed pixel cannot take away.
    """

    def logits(weights, images):
        low, high = images.min((1, 2, 3)), images.max((1, 2, 3))
        changed = (images != LONELY[None]).sum((1, 2, 3))
        bad = (high > 230) | (images[:, 0, 0, 0] == 77)
        bad = bad & (low >= 40) & (high > low) | (changed > 0) & (changed <= 2)
        answers = jnp.where(bad[:, None], value, toy.apply(weights, images))
        marked = (images[:, 0, :3, 0] == 66).sum(1) >= 2
        return jnp.where(marked[:, None], jnp.array([[2.0, -1.0, 0.5]]), answers)

    flat = {"class_names": toy.class_names, "input_shape": toy.input_shape, "name": "odd"}
    return Victim.from_function(logits, weights=toy.weights, **flat)


@pytest.mark.parametrize("value", [jnp.nan, jnp.inf])
def test_an_untouched_image_without_an_answer_is_named(toy, value):
    victim = odd(toy, value)
    images = toy_images(4)
    images[:, 0, 0, 0] = [50, 60, 77, 50]
    message = r"'odd': expected finite outputs, got \[(nan|inf), .* for the untouched image 'third'$"
    with pytest.raises(InputError, match=message):
        attack_images(victim, images, None, QUICK, image_ids=["first", "second", "third", "fourth"])
    labels = np.eye(3, dtype=bool)[[0, 0, 0, 0]]
    with pytest.raises(InputError, match="for the untouched image '2'"):
        select(Attack(victim, QUICK), Source(images), labels, None, 4, seed=0)


def test_all_images_without_an_answer_are_counted():
    with pytest.raises(InputError, match=r"for the untouched image 'x' and 1 more$"):
        check_finite(np.array([[0, 1], [0, np.nan], [np.inf, 0]]), ["w", "x", "y"], "odd")
    check_finite(np.zeros((0, 2)), [], "odd")


@pytest.fixture(scope="module")
def victim(toy):
    """One for all, so that its attack compiles once."""
    return odd(toy)


@pytest.mark.filterwarnings("ignore:the first population of 1 of 12 images is flat")
def test_a_candidate_without_an_answer_never_wins(victim):
    records = attack_images(victim, IMAGES, None, QUICK)
    assert sum(record.success for record in records) > 0
    for record in records[:-1]:
        assert max(record.pixels[0].after) <= 230
        assert np.isfinite(record.confidences_after).all()
        assert math.isfinite(record.best_fitness)
    # No candidate of the last image has an answer, but for those that change nothing.
    lonely = records[-1]
    assert not lonely.success
    assert lonely.queries_to_first_hit is None
    is_unchanged = lonely.pixels[0].after == lonely.pixels[0].before
    assert math.isfinite(lonely.best_fitness) == np.isfinite(lonely.confidences_after).all() == is_unchanged


def test_a_victim_that_always_says_the_same_is_never_fooled(victim):
    images = IMAGES.copy()
    images[:, 0, :3] = 66
    with pytest.raises(
        InputError, match=r"nothing would guide the search: fitness confidence is .* of the 4 images"
    ):
        attack_images(victim, images, [0, 1, 2] * 4, QUICK)
    assert attack_images(victim, images, [1] * 12, QUICK) == [], "it classifies nothing correctly"


def test_one_image_or_none(victim):
    assert len(attack_images(victim, IMAGES[:1], None, QUICK)) == 1
    assert attack_images(victim, IMAGES[:0], None, QUICK) == []


def test_an_experiment_without_an_answer_can_be_stored():
    record = some_record("a", best_fitness=math.inf, confidences_after=[math.nan, math.nan])
    for stored in (from_json(to_json(record)), from_table(to_table([record]))[0]):
        assert stored.best_fitness == math.inf
        assert np.isnan(stored.confidences_after).all()


def test_images_that_the_model_cannot_take():
    matrix = np.zeros((25, 3), np.float32)
    with pytest.raises(InputError, match=r"'function' cannot take images \[B, 4, 4, 1\]: .*25"):
        Victim.from_function(
            lambda images: images.reshape(len(images), -1) @ matrix,
            class_names=NAMES,
            input_shape=(4, 4, 1),
        )
    with pytest.raises(InputError, match="densenet121 needs images of at least 29 pixels, got 28"):
        Victim.from_torchvision({}, architecture="densenet121", class_names=NAMES, input_shape=(32, 28, 3))


def test_images_that_no_png_holds():
    victim = Victim.from_function(
        lambda images: images.reshape(len(images), -1)[:, :3] - 100, class_names=NAMES, input_shape=(4, 4, 4)
    )
    with pytest.raises(InputError, match=r"expected images of 1 or 3 channels, .* got 4"):
        attack_images(victim, np.zeros((1, 4, 4, 4), np.uint8))
