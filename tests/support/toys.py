"""Small real classifiers for tests: a convolution, squared means, a matrix; the grey one written twice."""

import dataclasses
import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxpix import Victim
from jaxpix.config import Task

SIZE, FEATURES, CLASSES = 12, 6, 3


def toy_images(count: int, channels: int = 1, size: int = SIZE, seed: int = 0) -> np.ndarray:
    generator = np.random.Generator(np.random.PCG64(seed))
    return generator.integers(40, 216, (count, size, size, channels)).astype(np.uint8)


@functools.cache
def toy_weights(channels: int = 1, classes: int = CLASSES) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Kernel, matrix and a bias that makes all classes about equally common."""
    generator = np.random.Generator(np.random.PCG64(8))
    kernel = generator.normal(size=(3, 3, channels, FEATURES)).astype(np.float32)
    matrix = 6.0 * generator.normal(size=(FEATURES, classes)).astype(np.float32)
    centre = _logits_numpy(toy_images(64, channels), kernel, matrix).mean(0)
    return kernel, matrix, centre.astype(np.float32)


def toy_victim(
    task: Task = "multiclass", channels: int = 1, classes: int = CLASSES, size: int = SIZE
) -> Victim:
    def logits(weights, images):
        kernel, matrix, centre = weights
        layout = ("NHWC", "HWIO", "NHWC")
        features = jax.lax.conv_general_dilated(
            images / 255 - 0.5, kernel, (1, 1), "SAME", dimension_numbers=layout
        )
        return (jax.nn.relu(features) ** 2).mean((1, 2)) @ matrix - centre[None]

    return Victim.from_function(
        logits,
        weights=toy_weights(channels, classes),
        class_names=[f"class {number}" for number in range(classes)],
        normal_classes=["class 0"] if task == "multiclass" else [],
        input_shape=(size, size, channels),
        task=task,
        name="toy",
    )


def two_faced_victim() -> Victim:
    """Batches, which only the search uses, favour class 0 by a margin that the judge, who sees one image, refutes."""
    exact = toy_victim()

    def logits(weights, images):
        raw = exact.apply(weights, images)
        # What depends on weights alone is computed for one image, so the margin must not.
        return raw + (raw * 0 + jnp.array([[1.0, 0.0, 0.0]])) * (3.0 if images.shape[0] > 1 else 0.0)

    return dataclasses.replace(exact, apply=logits)


def toy_logits_numpy(images: np.ndarray) -> np.ndarray:
    """The grey multiclass toy in plain NumPy; images [B, H, W, 1]."""
    kernel, matrix, centre = toy_weights()
    return _logits_numpy(images, kernel, matrix) - centre


def _logits_numpy(images: np.ndarray, kernel: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    padded = np.pad(images / 255.0 - 0.5, ((0, 0), (1, 1), (1, 1), (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(1, 2))
    features = np.maximum(np.einsum("bhwcij,ijcf->bhwf", windows, kernel.astype(np.float64)), 0)
    return (features**2).mean((1, 2)) @ matrix


class Source(list[dict[str, Any]]):
    """Examples that remember which of them were read."""

    def __init__(self, images: np.ndarray):
        super().__init__({"image": image, "image_id": str(n)} for n, image in enumerate(images))
        self.read: list[int] = []

    def __getitem__(self, index: int) -> dict[str, Any]:
        self.read.append(index)
        return super().__getitem__(index)
