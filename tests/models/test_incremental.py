"""Incremental logits are the dense network's logits."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from support.small_networks import MEAN, SMALL, STD, awkward_pixels, noise_images

from jaxpix.models.freezing import freeze
from jaxpix.models.incremental import IncrementalModel
from jaxpix.pixels import Pixels, paint

POPULATION = 1000


@functools.cache
def frozen(name, channels):
    return freeze(SMALL[name](channels), [MEAN] * channels, [STD] * channels)


@functools.cache
def dense(name, channels):
    return jax.jit(frozen(name, channels).logits)


def compare(name, size, channels, num_pixels, switch, populations=1):
    """Largest difference to dense logits, and what must hold of it: the scale, margins and effect."""
    network = frozen(name, channels)
    model = IncrementalModel(network, (size, size, channels), num_pixels, switch)
    base, logits = jax.jit(model.base), jax.jit(model.logits)
    for seed in range(populations):
        image = jnp.asarray(noise_images(1, size, channels, seed)[0])
        pixels = awkward_pixels(POPULATION, num_pixels, size, channels, seed)
        ours = logits(network.weights, base(network.weights, image), pixels)
        theirs = dense(name, channels)(network.weights, paint(image, pixels))
        untouched = dense(name, channels)(network.weights, image[None])
        scale, effect = jnp.abs(theirs).max(), jnp.abs(theirs - untouched).max()
        difference = jnp.abs(ours - theirs).max()
        assert difference <= 1e-4 * scale
        assert effect > 1e-2 * scale, "pixels must matter, or equality says nothing"
        ordered = jnp.sort(theirs, axis=1)
        sure = ordered[:, -1] - ordered[:, -2] > 2 * difference
        assert bool((sure.sum() > POPULATION // 2) & ((ours.argmax(1) == theirs.argmax(1)) | ~sure).all())


@pytest.mark.parametrize("num_pixels", [1, 2, 3])
@pytest.mark.parametrize("name", ["resnet", "densenet"])
def test_ten_thousand_genomes_have_the_dense_logits(name, num_pixels):
    compare(name, 32, 1, num_pixels, switch=3, populations=10)


@pytest.mark.parametrize("name", ["resnet", "densenet"])
@pytest.mark.parametrize(("size", "channels"), [(45, 1), (64, 3)])
def test_any_size_and_channels_at_every_switch(name, size, channels):
    last = len(frozen(name, channels).layers)
    for switch in {1, 2, 4, last - 2, last}:
        compare(name, size, channels, 2, switch)


@pytest.mark.parametrize("name", ["resnet", "densenet"])
def test_many_pixels(name):
    compare(name, 40, 3, 7, switch=2)


def test_of_pixels_at_one_place_the_last_shows():
    network = frozen("resnet", 1)
    model = IncrementalModel(network, (32, 32, 1), 3, 2)
    image = jnp.asarray(noise_images(1, 32)[0])
    base = model.base(network.weights, image)
    place = jnp.full((1, 3), 9, jnp.int32)
    thrice = Pixels(place, place, jnp.array([[[255], [0], [77]]], jnp.int32))
    once = Pixels(place, place, jnp.full((1, 3, 1), 77, jnp.int32))
    np.testing.assert_array_equal(
        model.logits(network.weights, base, thrice), model.logits(network.weights, base, once)
    )


def test_the_base_holds_only_what_candidates_read():
    network = frozen("resnet", 1)
    model = IncrementalModel(network, (32, 32, 1), 1, 2)
    base = jax.eval_shape(model.base, network.weights, jax.ShapeDtypeStruct((32, 32, 1), jnp.uint8))
    # Image, stem, and of the one residual block its input and the two maps that are read around windows.
    assert sorted(leaf.shape for leaf in base.values()) == sorted(
        [(32, 32, 1), (16, 16, 8), (8, 8, 8), (8, 8, 32), (8, 8, 32)]
    )


@pytest.mark.parametrize("switch", [0, 8])
def test_a_switch_outside_the_network(switch):
    with pytest.raises(ValueError, match=f"expected a switch between 1 and 7, got {switch}"):
        IncrementalModel(frozen("resnet", 1), (32, 32, 1), 1, switch)
