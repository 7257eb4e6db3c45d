"""Means and standard deviations: those of 8-bit images and plain scalings pass, the others say what is wrong."""

import math

import numpy as np
import pytest

from jaxpix import InputError, Victim
from jaxpix.models.pretrained import IMAGENET_MEAN, IMAGENET_STD, export_torchvision
from jaxpix.models.zoo import build
from jaxpix.victim.normalisation import checked_normalisation

PASSED = [
    (IMAGENET_MEAN, IMAGENET_STD),
    ([0.0] * 3, [1.0] * 3),
    ([127.5] * 3, [127.5] * 3),
    ([128.0] * 3, [128.0] * 3),
    ([0.0] * 3, [255.0] * 3),
    ([0.0] * 3, [256.0] * 3),
    ([0], [127.5]),
    ([127.5], [127.5 / 1024]),
    ([123.68, 116.78, 103.94], [1, 1, 1]),
    ([0.9], [7.0]),
    ([254.0], [4.0]),
    ([12.0], [0.5]),
    (np.float32([110.0]), np.float32([70.0])),
]


@pytest.mark.parametrize(("mean", "std"), PASSED)
def test_what_8_bit_images_have_passes(mean, std):
    means, stds = checked_normalisation(mean, std, len(mean))
    assert means.dtype == stds.dtype == np.float32
    np.testing.assert_allclose(means, mean, rtol=1e-6)
    np.testing.assert_allclose(stds, std, rtol=1e-6)


@pytest.mark.parametrize("seed", range(5))
def test_what_images_really_have_passes(seed):
    generator = np.random.default_rng(seed)
    images = generator.choice([0, 255, generator.integers(256)], (4, 9, 9, 3), p=[0.5, 0.3, 0.2])
    checked_normalisation(images.mean((0, 1, 2)), images.std((0, 1, 2)), 3)


SCALED = r"are on the 0..1 scale; images here are 0..255, so they are "
REFUSED = [
    (
        [0.485, 0.456, 0.406],
        [0.229, 0.224, 0.225],
        SCALED + r"mean=\[123.675, 116.28, 103.53\], std=\[58.395, 57.12, 5",
    ),
    ([0.5], [0.5], SCALED + r"mean=\[127.5\], std=\[127.5\]"),
    ([0.5], [1.0], SCALED + r"mean=\[127.5\], std=\[255.0\]"),
    ([0.0], [0.229], SCALED),
    ([1.0], [1.0], SCALED),
    ([-1.0], [50.0], r"mean -1 of channel 0: expected 0 to 255"),
    ([110.0, 110.0, 256.0], [50.0] * 3, r"mean 256 of channel 2"),
    ([110.0], [0.0], r"std 0 of channel 0: 8-bit images with mean 110 have 0.5 to 127"),
    ([110.0], [-50.0], r"std -50 of channel 0"),
    ([110.0], [130.0], r"std 130 of channel 0"),
    ([123.7], [0.229], r"std 0.229 of channel 0: .*both given on the 0..255 scale"),
    ([0.485], [58.4], r"std 58.4 of channel 0: 8-bit images with mean 0.485 have 0.5 to 12"),
    ([127.5], [0.0], r"std 0 of channel 0"),
    ([127.5], [300.0], r"std 300 of channel 0"),
    ([math.nan], [50.0], r"mean: expected finite numbers, got \[nan\]"),
    ([110.0], [math.inf], r"std: expected finite numbers"),
    ([110.0], [50.0, 50.0], r"std needs 1 values for images of 1 channels, got \[50.0, 50.0\]"),
    (110.0, [50.0], r"mean needs 1 values for images of 1 channels, got 110.0"),
    (["a"], [50.0], r"mean: expected 1 numbers, got \['a'\]"),
]


@pytest.mark.parametrize(("mean", "std", "message"), REFUSED)
def test_the_others_say_what_is_wrong(mean, std, message):
    with pytest.raises(InputError, match=message):
        checked_normalisation(mean, std, 1 if np.ndim(mean) == 0 else len(mean))


def test_victims_are_checked():
    model = build("resnet14", num_classes=2, channels=1, seed=0)
    meaning = {"architecture": "resnet14", "class_names": ["a", "b"], "input_shape": (16, 16, 1)}
    with pytest.raises(InputError, match=SCALED):
        Victim.from_torchvision(export_torchvision(model), mean=[0.5], std=[0.5], **meaning)
    with pytest.raises(InputError, match=SCALED):
        Victim.from_model(model, task="multiclass", mean=[0.5], std=[0.5], **meaning)
