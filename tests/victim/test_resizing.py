"""A victim that fits images to its network."""

import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image
from support.small_networks import noise_images, small_victim
from support.toys import toy_victim

from jaxpix import AttackConfig, attack_images
from jaxpix.errors import InputError


def test_grey_images_are_repeated_for_a_colour_victim():
    victim = small_victim("resnet", 32, 3)
    images = noise_images(4, 32, 1)
    fitted = victim.for_images((32, 32, 1))
    np.testing.assert_allclose(fitted.predict(images), victim.predict(images.repeat(3, 3)), rtol=1e-5)
    assert fitted.victim_id != victim.victim_id
    assert fitted.name == "resnet50 for 32x32x1"


def test_colour_becomes_grey_as_in_pillow():
    victim = small_victim("resnet", 32, 1)
    images = noise_images(4, 32, 3)
    grey = np.stack([np.asarray(Image.fromarray(image).convert("L")) for image in images])[..., None]
    scale = np.abs(victim.predict(grey)).max()
    # Pillow rounds to whole numbers.
    np.testing.assert_allclose(
        victim.for_images((32, 32, 3)).predict(images), victim.predict(grey), atol=0.02 * scale
    )


def test_other_sizes_are_resized():
    victim = small_victim("resnet", 32, 1)
    images = noise_images(3, 16, 1)
    # Each pixel four times is what bilinear enlarging does to constant images.
    flat = np.full_like(images, 90)
    fitted = victim.for_images((16, 16, 1))
    np.testing.assert_allclose(
        fitted.predict(flat), victim.predict(flat.repeat(2, 1).repeat(2, 2)), rtol=1e-4, atol=1e-4
    )
    assert np.abs(fitted.predict(images) - fitted.predict(flat)).max() > 1e-3


def test_it_is_attacked_in_the_images_own_pixels():
    victim = small_victim("resnet", 40, 3).for_images((20, 24, 1))
    images = np.asarray(noise_images(3, 24, 1)[:, :20])
    records = attack_images(victim, images, config=AttackConfig(generations=2, population=20, num_pixels=2))
    assert len(records) == 3
    for record in records:
        assert record.verified
        assert all(pixel.x < 24 and pixel.y < 20 for pixel in record.pixels)
        assert "for 20x24x1" in record.victim


def test_its_own_shape_is_itself_and_others_are_refused():
    victim = toy_victim()
    assert victim.for_images(victim.input_shape) is victim
    height, width, channels = victim.input_shape
    with pytest.raises(InputError, match="expected others of 1 or 3 channels"):
        victim.for_images((height, width, channels + 1))
    assert jnp.isfinite(victim.predict(np.zeros((1, height, width, channels), np.uint8))).all()
