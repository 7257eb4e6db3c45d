import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxpix.windows.convolve import Sliding, convolve
from jaxpix.windows.winograd import transform_kernel, winograd


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (7, 7), (14, 14), (5, 8)])
def test_is_the_convolution(size):
    generator = np.random.default_rng(0)
    inputs = jnp.asarray(generator.normal(size=(3, *size, 6)), jnp.float32)
    kernel = jnp.asarray(generator.normal(size=(3, 3, 6, 5)), jnp.float32)
    expected = convolve(inputs, kernel, Sliding(padding=((1, 1), (1, 1))))
    result = jax.jit(winograd)(inputs, transform_kernel(kernel))
    np.testing.assert_allclose(result, expected, rtol=0, atol=3e-6 * float(jnp.abs(expected).max()))
