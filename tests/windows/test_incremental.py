"""What is computed on windows is what whole maps give, for any network."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from support.many_networks import NETWORKS, network
from support.small_networks import MEAN, SMALL, STD, awkward_pixels, noise_images

from jaxpix.models.freezing import freeze
from jaxpix.pixels import Pixels, paint
from jaxpix.windows.costs import CPU, Plan
from jaxpix.windows.incremental import Incremental
from jaxpix.windows.network import Network
from jaxpix.windows.reach import Reach

POPULATION = 120
# Nothing but their first operations can be computed on windows.
DENSE = {"vit", "mlp"}


@functools.cache
def traced(name, layout, shape):
    if name in SMALL:
        frozen = freeze(SMALL[name](shape[2]), [MEAN] * shape[2], [STD] * shape[2])
        fn, weights = frozen.logits, frozen.weights
    else:
        fn, weights = network(name, layout, shape)
    return Network(fn, weights, shape), weights, jax.jit(fn)


@functools.cache
def planned(name, layout, shape, num_pixels):
    net, weights, _ = traced(name, layout, shape)
    return Plan(net, weights, num_pixels, CPU, limited=False)


def compare(name, layout, shape, num_pixels, switch, population=POPULATION, seed=0):
    """The largest difference to dense logits, relative to their scale."""
    net, weights, dense = traced(name, layout, shape)
    model = Incremental(net, weights, num_pixels, switch)
    image = jnp.asarray(noise_images(1, max(shape[:2]), shape[2], seed)[0, : shape[0], : shape[1]])
    pixels = awkward_pixels(population, num_pixels, min(shape[:2]), shape[2], seed)
    ours = jax.jit(model.logits)(model.constants, jax.jit(model.base)(model.constants, image), pixels)
    theirs, untouched = (
        dense(weights, paint(image, pixels).astype(jnp.float32)),
        dense(weights, image[None] * 1.0),
    )
    scale = jnp.abs(theirs).max()
    assert jnp.abs(theirs - untouched).max() > 3e-3 * scale, "pixels must matter, or equality says nothing"
    assert ours.dtype == jnp.float32
    return float(jnp.abs(ours - theirs).max() / scale)


# At the last switch and in NHWC the pasted maps of every network are compared below; logits follow from them.
@pytest.mark.parametrize(
    ("name", "layout"),
    [*((name, "NCHW") for name in NETWORKS), ("resnet", "NHWC"), *((name, "NHWC") for name in sorted(DENSE))],
)
def test_any_network_has_its_dense_logits(name, layout):
    """In one order of axes at the last switch there is, in the other at one before it."""
    shape, num_pixels = ((29, 35, 3), 3) if layout == "NHWC" else ((40, 32, 1), 1)
    points = sorted(planned(name, layout, shape, num_pixels).costs)
    switch = points[-1] if layout == "NHWC" else points[2 * len(points) // 3]
    assert compare(name, layout, shape, num_pixels, switch) <= 1e-4


@pytest.mark.parametrize("name", sorted(set(NETWORKS) - DENSE))
def test_pasted_maps_are_the_whole_ones(name):
    shape = (29, 35, 3)
    net, weights, _ = traced(name, "NHWC", shape)
    points = sorted(planned(name, "NHWC", shape, 2).costs)
    # An early switch as well for those with a sum, with growing maps, and with branches.
    early = {points[len(points) // 3]} if name in ("resnet", "densenet", "inception") else set()
    for switch in {points[-1], *early}:
        model = Incremental(net, weights, 2, switch)
        image = jnp.asarray(noise_images(1, 35, 3)[0][:29])
        pixels = awkward_pixels(64, 2, 29, 3)
        base = jax.jit(model.base)(model.constants, image)
        pasted = jax.jit(model.pasted)(model.constants, base, pixels)
        whole = jax.jit(jax.vmap(model.base, (None, 0)))
        dense = Incremental(net, weights, 2, switch)
        dense._wanted_maps = set(pasted)
        expected = whole(dense.constants, paint(image, pixels))
        for number, maps in pasted.items():
            scale = float(jnp.abs(expected[number]).max())
            np.testing.assert_allclose(maps, expected[number], rtol=0, atol=1e-5 * scale)


@pytest.mark.parametrize(("name", "num_pixels"), [("resnet", 1), ("densenet", 2), ("resnet", 3)])
def test_thousands_of_genomes(name, num_pixels):
    switch = planned(name, "", (32, 32, 1), num_pixels).best(least=20)
    assert compare(name, "", (32, 32, 1), num_pixels, switch, population=2000, seed=num_pixels) <= 1e-4


def test_many_pixels():
    assert compare("resnet", "", (40, 40, 3), 7, 20) <= 1e-4


def test_a_window_one_position_too_small_is_noticed(monkeypatch):
    """Or the tests above would say nothing."""
    extent = Reach.extent.fget
    monkeypatch.setattr(Reach, "extent", property(lambda reach: max(1, extent(reach) - (reach.high > 0))))
    switch = sorted(planned("resnet", "", (45, 45, 3), 1).costs)[-1]
    assert compare("resnet", "", (45, 45, 3), 1, switch) > 1e-3


@pytest.mark.parametrize("name", sorted(NETWORKS))
def test_windows_end_where_an_operation_sees_the_whole_map(name):
    net, _, _ = traced(name, "NHWC", (29, 35, 3))
    costs = planned(name, "NHWC", (29, 35, 3), 1).costs
    following = net.one.equations[max(costs)].name
    expected = {
        "vgg": "reshape",
        "vgg_bn": "reshape",
        "vit": "reshape",
        "mlp": "reshape",
    }
    assert following == expected.get(name, "reduce_sum")


def test_of_pixels_at_one_place_the_last_shows():
    net, weights, _ = traced("resnet", "", (32, 32, 1))
    model = Incremental(net, weights, 3, 9)
    image = jnp.asarray(noise_images(1, 32)[0])
    base = jax.jit(model.base)(model.constants, image)
    place = jnp.full((1, 3), 9, jnp.int32)
    thrice = Pixels(place, place, jnp.array([[[255], [0], [77]]], jnp.int32))
    once = Pixels(place, place, jnp.full((1, 3, 1), 77, jnp.int32))
    logits = functools.partial(jax.jit(model.logits), model.constants, base)
    np.testing.assert_array_equal(logits(thrice), logits(once))


def test_the_base_holds_only_what_candidates_read():
    net, weights, _ = traced("resnet", "", (32, 32, 1))
    model = Incremental(net, weights, 1, planned("resnet", "", (32, 32, 1), 1).behind("layer1.0"))
    base = jax.eval_shape(model.base, model.constants, jax.ShapeDtypeStruct((32, 32, 1), jnp.uint8))
    # Around the stem's and the block's kernels, its input for the sum, and what is pasted.
    assert len(base) <= 5
    assert sum(np.prod(leaf.shape) for leaf in base.values()) < 4 * 32 * 32 * 8


def test_outputs_that_couple_the_images_of_a_batch_are_mapped():
    """A function that runs other operations for one image than for many is evaluated image by image."""

    def fn(weights, images):
        x = images if images.shape[0] == 1 else images + 0.0
        return (x.reshape(x.shape[0], -1) / 255) @ weights

    weights = jnp.asarray(np.random.default_rng(0).normal(size=(12 * 12, 3)), jnp.float32)
    net = Network(fn, weights, (12, 12, 1))
    assert not net.is_batched
    model = Incremental(net, weights, 1, 0)
    images = jnp.asarray(noise_images(5, 12), jnp.float32)
    np.testing.assert_allclose(model.of_images(model.constants, images), fn(weights, images), rtol=1e-5)
