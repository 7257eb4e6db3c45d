"""A fitness that cannot tell candidates apart: refused for all images, counted for some."""

import dataclasses
import warnings

import jax.numpy as jnp
import numpy as np
import pytest
from support.toys import toy_images, toy_victim

from jaxpix import AttackConfig, EngineConfig, InputError, Victim, attack_images
from jaxpix.attack.experiments import Attack
from jaxpix.search.course import Course
from jaxpix.search.flatness import FirstLook
from jaxpix.terminal import console

pytestmark = pytest.mark.usefixtures("kept_programs")

TOY, IMAGES = toy_victim(), toy_images(9)
QUICK = AttackConfig(generations=3, population=8)


def made(change, task="multiclass", classes=3, **more) -> Victim:
    """A victim whose outputs are a function of the toy's logits and of the images."""
    return Victim.from_function(
        lambda weights, images: change(TOY.apply(weights, images), images),
        weights=TOY.weights,
        class_names=[f"class {number}" for number in range(classes)],
        input_shape=(12, 12, 1),
        task=task,
        name="made",
        **more,
    )


FIRST = np.array([[1.0, 0.0, 0.0]], np.float32)


def saturated(logits, images):
    """Sure of the first class, whatever the image: its logit is far above the others."""
    return logits + 200 * FIRST - 100


def constant(logits, images):
    return jnp.broadcast_to(jnp.array([3.0, 2.0, 1.0]), logits.shape)


def almost_constant(logits, images):
    """What no tracing can see."""
    return 0 * logits + 3 * FIRST


def rounded(logits, images):
    return FIRST + jnp.where(images.mean((1, 2)) > 250, 7.0, 0.0)


def bright_is_saturated(logits, images):
    return logits + jnp.where(images.mean((1, 2)) > 128, 200.0, 0.0) * FIRST


def certain(logits, images):
    """Probabilities that are 0 or 1."""
    return FIRST + jnp.where(images.mean((1, 2)) > 250, 1.0, 0.0) * (FIRST[:, ::-1] - FIRST)


def brittle(images):
    """Whether an image is one of those that are known, or of the made-up ones of the probe; [B, 1]."""
    known = [jnp.all(images == image[None], (1, 2, 3)) for image in np.float32(IMAGES)]
    mean, spread = images.mean((1, 2, 3)), images.std((1, 2, 3))
    return (jnp.stack(known).any(0) | (mean < 1) | (mean > 254) | (spread > 65))[:, None]


SATURATED, BRIGHT = made(saturated), made(bright_is_saturated)


@pytest.mark.parametrize(("slots", "run"), [(1, "run"), (4, None)])
def test_a_saturated_victim_is_told_and_the_margin_works(slots, run, tmp_path):
    victim, engine = SATURATED, EngineConfig(slots=slots)
    with pytest.raises(
        InputError, match=r"fitness confidence is 1 for all 8 candidates .* each of the 9 images"
    ) as said:
        attack_images(victim, IMAGES, None, QUICK, engine=engine, run=run and tmp_path / run)
    assert "is saturated: use --fitness margin" in str(said.value)
    margin = dataclasses.replace(QUICK, fitness="margin")
    # What was refused binds nobody.
    assert len(attack_images(victim, IMAGES, None, margin, engine=engine, run=run and tmp_path / run)) == 9


@pytest.mark.parametrize(
    ("change", "more", "config", "message"),
    [
        (constant, {}, {}, "the same output for every image"),
        (almost_constant, {}, {}, "the same output for every image"),
        (almost_constant, {}, {"target": "class 2"}, "the same output for every image"),
        (rounded, {}, {}, "do not change at all with 1 pixel[.]"),
        (
            certain,
            {"outputs": "probabilities"},
            {"num_pixels": 2},
            "do not change at all with 2 pixels.* before softmax",
        ),
        (
            saturated,
            {},
            {"target": "class 1"},
            "nothing would guide the search: fitness confidence is 0 for .*use --fitness margin",
        ),
        (saturated, {"task": "multilabel"}, {}, "fitness cosine is .*use --fitness margin"),
    ],
)
def test_why_nothing_would_guide_the_search(change, more, config, message):
    with pytest.raises(InputError, match=message):
        attack_images(made(change, **more), IMAGES, None, dataclasses.replace(QUICK, **config))


def test_one_output_that_is_saturated():
    victim = made(lambda logits, images: logits[:, :1] + 100, task="multilabel", classes=1)
    with pytest.raises(InputError, match=r"fitness confidence is 1 .*use --fitness margin"):
        attack_images(victim, IMAGES, None, QUICK)


def test_outputs_that_are_not_finite_for_changed_images():
    victim = made(lambda logits, images: jnp.where(brittle(images), logits, jnp.nan))
    with pytest.raises(InputError, match=r"fitness confidence is inf .*are not finite"):
        attack_images(victim, IMAGES, None, dataclasses.replace(QUICK, num_pixels=3))


@pytest.mark.parametrize(("slots", "bright"), [(1, [0, 1, 2]), (2, list(range(8))), (2, [1]), (16, [0, 8])])
def test_some_flat_images_are_counted_and_change_nothing(slots, bright):
    images = IMAGES // 2
    images[bright] = IMAGES[bright] // 2 + 128
    victim = BRIGHT
    words = (
        f"the first population of {len(bright)} of 9 images is flat: fitness confidence .*--fitness margin"
    )
    with pytest.warns(UserWarning, match=words):
        records = attack_images(victim, images, None, QUICK, engine=EngineConfig(slots=slots))
    attack = Attack(victim, QUICK, EngineConfig(slots=slots))
    attack.engine.expect(len(images))
    labels = np.asarray(victim.space.labels(victim.predict(images)))
    jobs = [attack.job(str(number), image, labels[number]) for number, image in enumerate(images)]
    plain = {one.record.image_id: dataclasses.replace(one.record, seconds=0.0) for one in attack.run(jobs)}
    again = {
        one.image_id: dataclasses.replace(one, seconds=0.0, dataset="", split="", subset="")
        for one in records
    }
    assert again == plain


def test_the_note_is_a_line_where_lines_are_wanted(capsys):
    images = IMAGES // 2
    images[0] = IMAGES[0] // 2 + 128
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        attack_images(BRIGHT, images, None, QUICK, progress=True)
    assert "the first population of 1 of 9 images is flat" in capsys.readouterr().out


def test_what_can_be_guided_costs_nothing_more_and_says_nothing(monkeypatch):
    told = []
    monkeypatch.setattr(console, "say", told.append)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        attack = Attack(TOY, QUICK, EngineConfig(slots=2))
        labels = np.asarray(TOY.space.labels(TOY.predict(IMAGES)))
        jobs = [attack.job(str(number), image, labels[number]) for number, image in enumerate(IMAGES)]
        counted: list[int] = []
        look = FirstLook(may_refuse=True)
        outcomes = list(attack.engine.run(jobs, Course(0, counted.append, look=look)))
    assert sum(counted) == sum(outcome.queries for outcome in outcomes)
    assert not look.flat


def test_a_random_draw_needs_no_guide():
    with pytest.warns(UserWarning, match="of 9 of 9 images is flat"):
        records = attack_images(SATURATED, IMAGES, None, dataclasses.replace(QUICK, generations=0))
    assert len(records) == 9


def test_hits_of_equal_fitness_are_hits():
    """Every change is a success at once: there is nothing to guide."""
    victim = made(lambda logits, images: jnp.where(brittle(images), 100.0, -100.0) * FIRST)
    records = attack_images(victim, IMAGES, None, QUICK)
    assert all(record.success and record.generations == 0 for record in records)
