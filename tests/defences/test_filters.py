"""Filters give what SciPy, Pillow and arithmetic give; a median's values that matter are all that matter."""

import io

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from jaxpix.defences import filters, jpeg
from jaxpix.defences.medians import distinct_values


def noise(*shape: int, seed: int = 0, levels: int = 256) -> np.ndarray:
    values = np.random.default_rng(seed).integers(0, levels, shape)
    return (values * (255 // (levels - 1))).astype(np.uint8)


def smooth(*shape: int, seed: int = 0) -> np.ndarray:
    blurred = ndimage.gaussian_filter(noise(*shape, seed=seed).astype(float), (0, 2, 2, 0))
    return np.rint((blurred - blurred.min()) / np.ptp(blurred) * 255).astype(np.uint8)


@pytest.mark.parametrize("size", [3, 5])
@pytest.mark.parametrize(("shape", "levels"), [((50, 12, 17, 1), 256), ((10, 9, 8, 3), 4)])
def test_medians_are_those_of_scipy_bit_for_bit(size: int, shape: tuple[int, ...], levels: int) -> None:
    images = noise(*shape, levels=levels)
    ours = jax.jit(lambda one: filters.median(one, size))(images.astype(np.float32))
    theirs = ndimage.median_filter(images, size=(1, size, size, 1), mode="nearest")
    np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("count", [2, 7, 9, 25])
def test_the_exchanges_sort(count: int) -> None:
    """Of zeros and ones, and so of anything (Knuth 5.3.4, theorem Z)."""
    values = list(np.random.default_rng(0).integers(0, 2, (count, 4096)))
    for ones in range(count + 1):
        values = [np.append(row, row_has <= ones) for row_has, row in enumerate(values, start=1)]
    for low, high in filters.exchanges(count):
        values[low], values[high] = (
            np.minimum(values[low], values[high]),
            np.maximum(values[low], values[high]),
        )
    assert (np.diff(np.stack(values).astype(int), axis=0) >= 0).all()


def test_the_gaussian_is_that_of_scipy() -> None:
    images = noise(3, 14, 11, 3)
    theirs = ndimage.gaussian_filter(images.astype(float), (0, 1, 1, 0), mode="nearest", truncate=2.0)
    np.testing.assert_allclose(filters.gaussian(images.astype(np.float32), 1.0), theirs, atol=1e-4)


def test_the_bilateral_filter_is_its_formula() -> None:
    image = noise(1, 7, 6, 3)[0].astype(float)
    padded = np.pad(image, ((2, 2), (2, 2), (0, 0)), mode="edge")
    expected = np.zeros_like(image)
    for row, column in np.ndindex(7, 6):
        total = 0.0
        for down, right in np.ndindex(5, 5):
            other = padded[row + down, column + right]
            distance = (down - 2) ** 2 + (right - 2) ** 2
            difference = np.abs(other - image[row, column]).sum()
            weight = np.exp(-distance / (2 * 2.0**2) - difference**2 / (2 * 30.0**2))
            expected[row, column] += weight * other
            total += weight
        expected[row, column] /= total
    ours = filters.bilateral(image[None].astype(np.float32), 5, 2.0, 30.0)[0]
    np.testing.assert_allclose(ours, expected, atol=2e-3)


def test_fewer_bits_are_few_levels_and_let_the_gradient_through() -> None:
    values = jnp.arange(256.0).reshape(1, 16, 16, 1)
    rounded = filters.fewer_bits(values, 3)
    np.testing.assert_allclose(np.unique(rounded), np.arange(8) * 255 / 7, rtol=1e-6)
    assert float(jnp.abs(rounded - values).max()) <= 255 / 14 + 1e-3
    np.testing.assert_array_equal(jax.grad(lambda one: filters.fewer_bits(one, 3).sum())(values), 1)


def test_a_resized_image_has_its_shape_and_its_flat_parts() -> None:
    image = np.full((1, 11, 14, 3), 93, np.float32)
    np.testing.assert_allclose(filters.down_and_up(image, 2), image, rtol=1e-5)
    busy = noise(1, 11, 14, 1).astype(np.float32)
    assert filters.down_and_up(busy, 2).std() < 0.7 * busy.std()


@pytest.mark.parametrize("quality", [5, 50, 75, 90])
@pytest.mark.parametrize("channels", [1, 3])
def test_the_stand_in_for_jpeg_is_near_that_of_pillow(quality: int, channels: int) -> None:
    """Tables are equal; values differ where libjpeg's integer transforms round otherwise."""
    images = smooth(3, 21, 34, channels)
    stream = io.BytesIO()
    picture = Image.fromarray(images[0] if channels == 3 else images[0, ..., 0])
    picture.save(stream, "JPEG", quality=quality, subsampling=0)
    read = Image.open(stream).quantization
    for number, steps in zip(read, jpeg.tables(quality), strict=False):
        np.testing.assert_array_equal(np.reshape(read[number], (8, 8)), steps)
    theirs = jpeg.by_pillow(images, quality).astype(int)
    ours = np.asarray(jax.jit(lambda one: jpeg.stand_in(one, quality))(images.astype(np.float32)))
    assert np.abs(ours - theirs).mean() < 0.5
    assert np.abs(ours - theirs).mean() < 0.2 * np.abs(images - theirs).mean()
    gradient = jax.grad(lambda one: jnp.sum(jpeg.stand_in(one, quality) ** 2))(images.astype(np.float32))
    assert float(jnp.abs(gradient).max()) > 1


@pytest.mark.parametrize(("channels", "size"), [(1, 3), (2, 3), (1, 5)])
def test_the_values_that_a_median_tells_apart(channels: int, size: int) -> None:
    """Of 256 values at each position each gives what the next marked one below gives; no two marked ones agree."""
    image = noise(1, 5, 4, channels, seed=3)[0]
    image[:2] = 77  # Flat, as background is.
    marked = distinct_values(image, size)
    assert marked.sum() < 0.9 * marked.size
    for row, column, channel in np.ndindex(*image.shape):
        changed = np.repeat(image[None], 256, axis=0)
        changed[:, row, column, channel] = np.arange(256)
        seen = ndimage.median_filter(changed, size=(1, size, size, 1), mode="nearest").reshape(256, -1)
        (values,) = np.nonzero(marked[row, column, channel])
        below = values[np.searchsorted(values, np.arange(256), side="right") - 1]
        np.testing.assert_array_equal(seen[below], seen)
        assert len(np.unique(seen[values], axis=0)) == len(values)
