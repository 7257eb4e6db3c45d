"""Small networks of the real architectures, with normalisation statistics as if they had been trained."""

import jax.numpy as jnp
import numpy as np
from flax import nnx

from jaxpix import Victim
from jaxpix.models.densenet import DenseNet
from jaxpix.models.resnet import ResNet
from jaxpix.pixels import Pixels

MEAN, STD, CLASSES = 110.0, 70.0, 4


def as_if_trained(model: nnx.Module, seed: int = 0) -> nnx.Module:
    generator = np.random.default_rng(seed)
    for _, module in nnx.iter_modules(model):
        if isinstance(module, nnx.BatchNorm):
            shape = module.mean.get_value().shape
            module.mean.set_value(jnp.asarray(generator.normal(0, 0.1, shape), jnp.float32))
            module.var.set_value(jnp.asarray(generator.uniform(0.5, 1.5, shape), jnp.float32))
            module.scale.set_value(jnp.asarray(generator.uniform(0.5, 1.5, shape), jnp.float32))
            module.bias.set_value(jnp.asarray(generator.normal(0, 0.1, shape), jnp.float32))
    model.eval()
    return model


def small_resnet(channels: int = 1) -> nnx.Module:
    model = ResNet((1, 2, 2, 1), width=8, num_classes=CLASSES, channels=channels, rngs=nnx.Rngs(1))
    return as_if_trained(model)


def small_densenet(channels: int = 1) -> nnx.Module:
    model = DenseNet((2, 3, 2, 2), growth=8, num_classes=CLASSES, channels=channels, rngs=nnx.Rngs(1))
    return as_if_trained(model)


SMALL = {"resnet": small_resnet, "densenet": small_densenet}


def small_victim(name: str = "resnet", size: int = 32, channels: int = 1) -> Victim:
    """Its two commonest answers to noise are equally likely, so that a pixel can change them."""
    return Victim.from_model(
        SMALL[name](channels),
        architecture="resnet50" if name == "resnet" else "densenet121",
        task="multiclass",
        class_names=[f"class {number}" for number in range(CLASSES)],
        input_shape=(size, size, channels),
        mean=[MEAN] * channels,
        std=[STD] * channels,
    )


def noise_images(count: int, size: int, channels: int = 1, seed: int = 0) -> np.ndarray:
    shape = (count, size, size, channels)
    return np.random.default_rng(seed).integers(0, 256, shape).astype(np.uint8)


def mixed_images(victim: Victim, count: int, seed: int = 0) -> np.ndarray:
    """Noise of which the victim is unsure (even positions) or as sure as it gets (odd ones)."""
    size, _, channels = victim.input_shape
    images = noise_images(200, size, channels, seed)
    ordered = np.sort(victim.predict(images), axis=1)
    by_margin = np.argsort(ordered[:, -1] - ordered[:, -2])
    half = (count + 1) // 2
    return images[np.stack([by_margin[:half], by_margin[::-1][:half]], axis=1).reshape(-1)[:count]]


def awkward_pixels(population: int, num_pixels: int, size: int, channels: int, seed: int = 0) -> Pixels:
    """A third anywhere, a third on borders and in corners, a third close together or at one position."""
    generator = np.random.default_rng(seed)
    place = generator.integers(0, size, (population, num_pixels, 2))
    kind = np.arange(population) % 3
    edges = generator.choice([0, 1, size - 2, size - 1], place.shape)
    place = np.where(kind[:, None, None] == 1, edges, place)
    near = np.clip(place[:, :1] + generator.integers(-4, 5, place.shape), 0, size - 1)
    near[: population // 6] = place[: population // 6, :1]
    place = np.where(kind[:, None, None] == 2, near, place).astype(np.int32)
    values = generator.choice([0, 255, 128, 37], (population, num_pixels, channels)).astype(np.int32)
    return Pixels(jnp.asarray(place[..., 0]), jnp.asarray(place[..., 1]), jnp.asarray(values))
