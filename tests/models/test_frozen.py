"""A frozen network is the model it was made of."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from support.small_networks import MEAN, SMALL, STD, as_if_trained, noise_images

from jaxpix.models.freezing import freeze
from jaxpix.models.zoo import build


def logits_of(model, images):
    graph, state = nnx.split(model)
    evaluate = jax.jit(lambda state, images: nnx.merge(graph, state, copy=True)((images - MEAN) / STD))
    return evaluate(state, images.astype(np.float32))


def frozen_logits(model, images):
    channels = images.shape[-1]
    network = freeze(model, [MEAN] * channels, [STD] * channels)
    return jax.jit(network.logits)(network.weights, images)


@pytest.mark.parametrize(("size", "channels"), [(32, 1), (45, 3), (64, 1)])
@pytest.mark.parametrize("name", ["resnet", "densenet"])
def test_equals_the_small_model(name, size, channels):
    model, images = SMALL[name](channels), noise_images(6, size, channels)
    expected = logits_of(model, images)
    np.testing.assert_allclose(
        frozen_logits(model, images), expected, rtol=0, atol=1e-5 * np.abs(expected).max()
    )


@pytest.mark.parametrize("name", ["resnet18", "resnet50", "densenet121", "resnet14"])
def test_equals_the_architectures_users_have(name):
    model = as_if_trained(build(name, num_classes=5, channels=1, seed=3))
    images = noise_images(4, 64)
    expected = logits_of(model, images)
    np.testing.assert_allclose(
        frozen_logits(model, images), expected, rtol=0, atol=1e-4 * np.abs(expected).max()
    )


def test_layers_are_named_as_torchvisions():
    names = [layer.name for layer in freeze(SMALL["resnet"](1), [MEAN], [STD]).layers]
    assert names == ["stem", "layer1.0", "layer2.0", "layer2.1", "layer3.0", "layer3.1", "layer4.0"]
    names = [layer.name for layer in freeze(SMALL["densenet"](1), [MEAN], [STD]).layers]
    assert names[:5] == [
        "stem",
        "denseblock1.denselayer1",
        "denseblock1.denselayer2",
        "transition1",
        "denseblock2.denselayer1",
    ]


def test_bfloat16_is_close_and_its_logits_are_float32():
    network = freeze(SMALL["densenet"](3), [MEAN] * 3, [STD] * 3)
    images = jnp.asarray(noise_images(8, 32, 3))
    rough = network.in_bfloat16()
    expected, logits = (jax.jit(one.logits)(one.weights, images) for one in (network, rough))
    assert logits.dtype == jnp.float32
    assert 0 < float(jnp.abs(logits - expected).max()) < 0.05 * float(jnp.abs(expected).max())


def test_other_models_cannot_be_frozen():
    with pytest.raises(TypeError, match="expected a ResNet or a DenseNet, got Linear"):
        freeze(nnx.Linear(2, 2, rngs=nnx.Rngs(0)), [0], [1])
