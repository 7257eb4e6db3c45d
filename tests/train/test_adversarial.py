"""Adversarial training: which pixel replaces an image, by hand; and that a step trains on that one."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from pydantic import ValidationError
from support.bars import prepare_two_classes

from jaxpix import TrainConfig, train_victim
from jaxpix.storage.settings import build
from jaxpix.train.adversarial import Corners, corners_of, with_corner, worst_corners
from jaxpix.train.step import losses_of


def images(channels: int) -> np.ndarray:
    return np.random.default_rng(0).integers(50, 200, (6, 9, 7, channels)).astype(np.uint8)


@pytest.mark.parametrize("channels", [1, 3])
def test_one_pixel_of_each_image_is_at_a_corner(channels: int) -> None:
    before = images(channels).astype(np.float32)
    places, values = set(), set()
    for number in range(12):
        after = np.asarray(with_corner(jnp.asarray(before), jax.random.key(number)))
        changed = (after != before).all(axis=-1)
        assert ((after != before).any(axis=-1) == changed).all()
        assert (changed.sum(axis=(1, 2)) == 1).all()
        found = after[changed]
        assert np.isin(found, (0, 255)).all()
        places |= {(int(y), int(x)) for _, y, x in np.argwhere(changed)}
        values |= {tuple(value) for value in found.tolist()}
    assert len(places) > 30
    assert len(values) == 2**channels


def test_the_worst_of_all_draws_is_kept() -> None:
    before, key = images(1), jax.random.key(5)

    def losses(stack: jax.Array) -> jax.Array:
        return jnp.sum(stack * jnp.arange(63.0).reshape(1, 9, 7, 1), axis=(1, 2, 3))

    drawn = np.stack(
        [with_corner(jnp.asarray(before, jnp.float32), jax.random.fold_in(key, n)) for n in range(8)]
    )
    each = np.stack([losses(jnp.asarray(one)) for one in drawn])
    worst = np.asarray(worst_corners(losses, jnp.asarray(before), key, 8))
    np.testing.assert_array_equal(worst, drawn[each.argmax(0), np.arange(6)])
    assert len(set(each.argmax(0).tolist())) > 1


def test_losses_of_images_are_those_of_the_step() -> None:
    logits = jnp.log(jnp.array([[0.5, 0.5], [0.2, 0.8]]))
    np.testing.assert_allclose(losses_of(logits, jnp.array([0, 0])), -np.log([0.5, 0.2]), rtol=1e-5)
    several = losses_of(jnp.zeros((2, 3)), jnp.array([[0, 1, 0], [1, 1, 1]]))
    np.testing.assert_allclose(several, np.log(2), rtol=1e-5)


def test_it_is_named_by_kind_and_number() -> None:
    assert corners_of(TrainConfig()) is None
    assert corners_of(TrainConfig(adversarial="corner-16", seed=3)) == Corners(16, 3)
    for wrong in ("corner-0", "corner", "pgd-10", "corner-1000"):
        with pytest.raises(
            (ValueError, ValidationError), match=f"adversarial: expected corner-N, .*, got '{wrong}'"
        ):
            TrainConfig(adversarial=wrong)
    with pytest.raises(ValueError, match=r"train\.adversarial"):
        build(TrainConfig, {"adversarial": "corners-3"}, "train.")


def test_a_victim_is_trained_with_it_and_says_so(tmp_path) -> None:
    dataset = prepare_two_classes(tmp_path)
    config = TrainConfig(
        model="resnet14",
        epochs=1,
        batch_size=16,
        learning_rate=0.02,
        stop_accuracy=1.0,
        adversarial="corner-2",
    )
    victim = train_victim(dataset, config, tmp_path / "run", quiet=True)
    assert victim.name == "bars-resnet14-32-corner-2"
    assert victim.provenance["training"]["adversarial"] == "corner-2"
