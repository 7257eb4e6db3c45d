"""A victim whose truth is known by hand: its margin is linear in the image, on 8 x 8 images."""

import itertools

import jax.numpy as jnp
import numpy as np

from jaxpix import Victim

SIDE = 8


def weights(seed: int = 0) -> np.ndarray:
    """What each pixel adds to class 0, [8, 8]; float32 sums of them times bytes are exact."""
    generator = np.random.default_rng(seed)
    return (generator.permutation(np.arange(-32, 32)) / 64).reshape(SIDE, SIDE).astype(np.float32)


def linear_victim(bias: float = 0.0, seed: int = 0) -> Victim:
    """Class 0 where the weighted sum of the pixels, less that of grey 128, is above -`bias`."""
    pattern = weights(seed)

    def logits(images):
        margin = jnp.sum((images[..., 0] - 128) * jnp.asarray(pattern)[None], (1, 2)) + bias
        return jnp.stack([margin, jnp.zeros_like(margin)], 1)

    return Victim.from_function(logits, class_names=["a", "b"], input_shape=(SIDE, SIDE, 1), name="linear")


def margins_of_pixels(image: np.ndarray, bias: float, seed: int = 0) -> np.ndarray:
    """Margin of class 0 for every position and value of one pixel, [8, 8, 256]; the untouched value is among them."""
    pattern, grey = weights(seed), image[..., 0].astype(np.float32)
    before = ((grey - 128) * pattern).sum() + bias
    return before + pattern[..., None] * (np.arange(256)[None, None] - grey[..., None])


def lowest_margin_of_pairs(image: np.ndarray, bias: float, seed: int = 0) -> float:
    """Lowest margin of class 0 that any two pixels reach."""
    pattern, grey = weights(seed), image[..., 0].astype(np.float32)
    before = ((grey - 128) * pattern).sum() + bias
    falls = (margins_of_pixels(image, bias, seed).min(-1) - before).ravel()
    return float(before + min(one + other for one, other in itertools.combinations(falls, 2)))
