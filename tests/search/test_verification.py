"""The judge: one image at a time, or many together where their neighbours change no bit."""

import dataclasses

import jax.numpy as jnp
import numpy as np
import pytest
from support.toys import toy_images, toy_victim

from jaxpix import AttackConfig, EngineConfig
from jaxpix.attack.experiments import Attack
from jaxpix.search.layout import choose_layout
from jaxpix.search.verification import Judge
from jaxpix.storage.png import encode_png


@pytest.mark.parametrize("num_together", [1, 4, 16])
def test_logits_are_those_of_the_saved_image(num_together: int) -> None:
    victim, images = toy_victim(), toy_images(9)
    judge = Judge(victim, num_together)
    judge.compile()
    assert judge.num_together == num_together
    logits = judge([encode_png(image) for image in images])
    assert logits.dtype == np.float32
    np.testing.assert_allclose(logits, victim.predict(images), rtol=0, atol=1e-5)
    assert judge([]).shape == (0, 3)


def test_a_verdict_does_not_depend_on_what_else_is_judged() -> None:
    judge = Judge(toy_victim(), 4)
    judge.compile()
    pngs = [encode_png(image) for image in toy_images(10)]
    together = judge(pngs)
    alone = np.concatenate([judge([png]) for png in pngs])
    np.testing.assert_array_equal(together, alone)
    np.testing.assert_array_equal(judge(pngs[::-1])[::-1], together)


def test_images_are_judged_alone_where_neighbours_matter() -> None:
    exact = toy_victim()

    def logits(weights, images):
        # As a batch normalisation left in training mode, but too weak for the probe of a victim to see.
        return exact.apply(weights, images) + 1e-5 * jnp.mean(images)

    judge = Judge(dataclasses.replace(exact, apply=logits), 4)
    judge.compile()
    assert judge.num_together == 1
    pngs = [encode_png(image) for image in toy_images(5)]
    np.testing.assert_array_equal(judge(pngs), np.concatenate([judge([png]) for png in pngs]))


def test_an_attack_finds_the_same_however_many_are_judged_together() -> None:
    """As on a GPU, which judges 16 images in a call."""
    victim, images, found = toy_victim(), toy_images(12), []
    for judged in (1, 5):
        attack = Attack(victim, AttackConfig(generations=5), EngineConfig(slots=3))
        engine = attack.engine
        layout = choose_layout(engine.problem, 3)
        engine._arrange(dataclasses.replace(layout, judged=judged))
        labels = np.asarray(victim.space.labels(victim.predict(images)))
        jobs = [attack.job(str(index), image, labels[index]) for index, image in enumerate(images)]
        found.append({item.record.image_id: item for item in attack.run(jobs)})
    for image_id, one in found[0].items():
        other = found[1][image_id]
        assert one.png == other.png
        assert (one.record.success, one.record.queries) == (other.record.success, other.record.queries)
        np.testing.assert_allclose(one.record.confidences_after, other.record.confidences_after, atol=1e-6)
    assert len({item.record.success for item in found[0].values()}) == 2
