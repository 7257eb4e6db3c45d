"""A filter in front of a network stays incremental, and exact: also at borders and for overlapping pixels."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from support.small_networks import MEAN, SMALL, STD, awkward_pixels, noise_images

from jaxpix.defences.catalogue import defence_of
from jaxpix.models.freezing import freeze
from jaxpix.pixels import Pixels, paint
from jaxpix.windows.costs import CPU, Plan
from jaxpix.windows.incremental import Incremental
from jaxpix.windows.network import Network

SHAPE = (29, 35)


@pytest.mark.parametrize(
    ("name", "rows", "num_pixels"),
    [("median3", 3, 3), ("gaussian1", 5, 3), ("bilateral5", 5, 1), ("bits4", 1, 3)],
)
def test_local_filters_have_their_dense_logits_on_windows(name: str, rows: int, num_pixels: int) -> None:
    channels = 3 if num_pixels == 1 else 1
    frozen = freeze(SMALL["resnet"](channels), [MEAN] * channels, [STD] * channels)
    frozen = dataclasses.replace(frozen, before=defence_of(name).filter)
    shape = (*SHAPE, channels)
    net = Network(frozen.logits, frozen.weights, shape)
    plan = Plan(net, frozen.weights, num_pixels, CPU, limited=False)
    # Behind the first block; windows of the filter's result are as large as the filter, and not larger.
    model = Incremental(net, frozen.weights, num_pixels, plan.behind("layer1"))
    image = jnp.asarray(noise_images(1, 35, channels)[0, :29])
    pixels = awkward_pixels(200, num_pixels, 29, channels, 0)
    ours = jax.jit(model.logits)(model.constants, jax.jit(model.base)(model.constants, image), pixels)
    dense = jax.jit(frozen.logits)
    theirs = dense(frozen.weights, paint(image, pixels).astype(jnp.float32))
    untouched = dense(frozen.weights, image[None] * 1.0)
    scale = float(jnp.abs(theirs).max())
    assert jnp.abs(theirs - untouched).max() > 1e-4 * scale, "pixels must matter"
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=2e-5 * scale)
    extents: set[tuple[int, int]] = set()

    def note(base: Any, pixels: Pixels) -> int:
        followed = model._followed(model.constants, base, pixels).values.values()
        extents.update(windows.extent for windows in followed if windows.size == SHAPE)
        return 0

    jax.eval_shape(note, jax.eval_shape(model.base, model.constants, image), pixels)
    assert max(extents) == (rows, rows)
