"""What is written for a GPU gives what is written for a CPU: its forms run on any platform."""

import threading

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from support.small_networks import awkward_pixels, noise_images, small_victim

from jaxpix.config import EngineConfig
from jaxpix.platforms import host_device, on_cpu, on_host, platform, written_for
from jaxpix.search.evaluators import make_evaluator
from jaxpix.windows.convolve import Sliding, convolve
from jaxpix.windows.places import Places, read


def test_the_platform_is_the_one_named_last() -> None:
    assert platform() == jax.default_backend()
    with written_for("gpu"):
        assert (platform(), on_cpu()) == ("gpu", False)
        with written_for("cpu"):
            assert on_cpu()
        assert platform() == "gpu"
    with jax.default_device(host_device()):
        assert on_cpu()
    with on_host():
        assert jnp.zeros(1).devices() == {host_device()}


def test_another_thread_is_not_told() -> None:
    seen = []
    with written_for("gpu"):
        thread = threading.Thread(target=lambda: seen.append(platform()))
        thread.start()
        thread.join()
    assert seen == [jax.default_backend()]


# Kernel, stride, channels in and out, height and width; the last ones are stems.
SHAPES = [
    (1, 1, 16, 64, 5, 6),
    (1, 1, 64, 16, 5, 6),
    (1, 2, 16, 32, 7, 8),
    (3, 1, 8, 8, 2, 3),
    (3, 2, 8, 16, 9, 6),
    (7, 2, 1, 64, 32, 32),
    (7, 2, 3, 24, 33, 46),
    (7, 2, 3, 64, 45, 45),
    (7, 2, 4, 8, 13, 14),
    (5, 2, 2, 8, 11, 12),
    (7, 2, 5, 8, 16, 16),
]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("is_padded", [True, False])
def test_convolutions_are_alike(shape: tuple[int, ...], is_padded: bool) -> None:
    size, stride, num_in, num_out, height, width = shape
    generator = np.random.default_rng(sum(shape))
    inputs = jnp.asarray(generator.normal(size=(3, height, width, num_in)), jnp.float32)
    kernel = jnp.asarray(generator.normal(size=(size, size, num_in, num_out)), jnp.float32)
    margin = size // 2 if is_padded else 0
    if not is_padded and min(height, width) < size:
        pytest.skip("nothing would come out")
    expected = jax.lax.conv_general_dilated(
        inputs,
        kernel,
        (stride, stride),
        ((margin, margin), (margin, margin)),
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
        precision="highest",
    )
    for name in ("cpu", "gpu"):
        with written_for(name):
            found = convolve(inputs, kernel, Sliding((stride, stride), ((margin, margin), (margin, margin))))
        assert found.shape == expected.shape
        np.testing.assert_allclose(found, expected, rtol=0, atol=2e-5 * float(jnp.abs(expected).max()))


def test_a_gpu_sees_no_product_of_a_strided_slice() -> None:
    """XLA of JAX 0.10 and 0.11 aborts on it."""
    inputs, kernel = jnp.zeros((1, 8, 8, 16)), jnp.zeros((1, 1, 16, 32))
    written = {}
    strided = Sliding((2, 2))
    for name in ("cpu", "gpu"):
        with written_for(name):
            jaxpr = jax.make_jaxpr(lambda a, b: convolve(a, b, strided))(inputs, kernel)
        written[name] = {str(equation.primitive) for equation in jaxpr.eqns}
    assert "dot_general" in written["cpu"]
    assert "dot_general" not in written["gpu"]
    assert "conv_general_dilated" in written["gpu"]


@pytest.mark.parametrize("padding", [0.0, -np.inf])
def test_features_are_read_alike_to_the_bit(padding: float) -> None:
    generator = np.random.default_rng(3)
    base = jnp.asarray(generator.normal(size=(35, 6)), jnp.float32)
    windows = jnp.asarray(generator.normal(size=(2 * 2 * 9, 6)), jnp.float32)
    shape = (2, 2, 5, 4)
    places = Places(
        # Outside the map the index is anything.
        in_base=jnp.asarray(generator.integers(-50, 80, shape), jnp.int32),
        inside=jnp.asarray(generator.random(shape) < 0.7),
        in_windows=jnp.asarray(generator.integers(-1, 36, shape), jnp.int32),
    )
    places = places._replace(in_base=jnp.where(places.inside, places.in_base % 35, places.in_base))
    found = {}
    for name in ("cpu", "gpu"):
        with written_for(name):
            found[name] = read(base, windows, places, padding)
    np.testing.assert_array_equal(found["cpu"], found["gpu"])
    outside = np.asarray(found["cpu"])[~np.asarray(places.inside)]
    assert (outside == padding).all()
    assert outside.size


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("evaluator", ["dense", "incremental"])
def test_evaluators_are_alike(evaluator: str, channels: int) -> None:
    victim = small_victim(channels=channels)
    images = jnp.asarray(noise_images(2, 32, channels))
    several = [awkward_pixels(12, 2, 32, channels, seed) for seed in range(2)]
    pixels = jax.tree.map(lambda *leaves: jnp.stack(leaves), *several)
    logits = {}
    for name in ("cpu", "gpu"):
        with written_for(name):
            made = make_evaluator(victim, 2, "float32", EngineConfig(evaluator=evaluator))
            bases = jax.jit(jax.vmap(made.base, (None, 0)))(made.weights, images)
            logits[name] = jax.jit(made.logits)(made.weights, bases, images, pixels)
    scale = float(jnp.abs(logits["cpu"]).max())
    np.testing.assert_allclose(logits["gpu"], logits["cpu"], rtol=0, atol=1e-4 * scale)
