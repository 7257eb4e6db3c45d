import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxpix.errors import InputError
from jaxpix.pixels import Pixels, paint
from jaxpix.search.genome import Box, decode, gaussian_population, repair, uniform_population

GREY = Box((5, 9, 1), 1)
COLOUR = Box((5, 9, 3), 2)


def test_genes_per_pixel_and_bounds():
    assert (GREY.num_genes, COLOUR.num_genes) == (3, 10)
    np.testing.assert_array_equal(GREY.upper, [8.5, 4.5, 255.5])
    np.testing.assert_array_equal(COLOUR.upper, [8.5, 4.5, 255.5, 255.5, 255.5] * 2)
    np.testing.assert_array_equal(COLOUR.lower, [-0.5] * 10)


@pytest.mark.parametrize("num_pixels", [0, 46])
def test_too_few_or_too_many_pixels(num_pixels):
    with pytest.raises(InputError, match=r"num_pixels between 1 and 45 for a 5x9 image, got"):
        Box((5, 9, 1), num_pixels)


def test_decode_by_hand_borders_included():
    genomes = jnp.array([[-0.5, -0.5, -0.5], [8.5, 4.5, 255.5], [3.4, 1.6, 127.5], [2.5, 0.4, 254.6]])
    pixels = decode(genomes, GREY)
    # Halves round to even; the upper bound itself belongs to the last integer.
    np.testing.assert_array_equal(pixels.x[:, 0], [0, 8, 3, 2])
    np.testing.assert_array_equal(pixels.y[:, 0], [0, 4, 2, 0])
    np.testing.assert_array_equal(pixels.values[:, 0, 0], [0, 255, 128, 255])


def test_uniform_population_reaches_every_integer_equally_often():
    genomes = uniform_population(jax.random.key(0), Box((4, 4, 1), 1), 40_000)
    pixels = decode(genomes, Box((4, 4, 1), 1))
    for values, count in ((pixels.x, 4), (pixels.y, 4), (pixels.values, 256)):
        counts = np.bincount(np.asarray(values).ravel(), minlength=count)
        expected = 40_000 / count
        assert len(counts) == count
        # 5 sigma of a binomial; a border value at half weight would miss it by far.
        assert np.abs(counts - expected).max() < 5 * np.sqrt(expected)


def test_gaussian_population_is_uniform_in_place_and_normal_in_value():
    genomes = np.asarray(gaussian_population(jax.random.key(1), COLOUR, 20_000)).reshape(-1, 5)
    assert genomes[:, :2].min() >= -0.5
    assert genomes[:, 0].max() <= 8.5
    assert genomes[:, 1].max() <= 4.5
    assert abs(genomes[:, 2:].mean() - 128) < 3
    assert abs(genomes[:, 2:].std() - 127) < 3


def test_repair_by_hand():
    genomes = jnp.array([[-3.0, 4.0, 300.0], [1.0, 2.0, 3.0], [12.0, -40.0, 255.5]])
    key = jax.random.key(0)
    clipped = repair(key, genomes, GREY, "clip")
    np.testing.assert_allclose(clipped, [[-0.5, 4.0, 255.5], [1, 2, 3], [8.5, -0.5, 255.5]])
    # -3 mirrors at -0.5 to 2; 300 at 255.5 to 211; 12 at 8.5 to 5; -40 bounces: 39.5 = 3 * 10 + 9.5 -> 0.
    mirrored = repair(key, genomes, GREY, "reflect")
    np.testing.assert_allclose(mirrored, [[2, 4, 211], [1, 2, 3], [5, 0.0, 255.5]], atol=1e-4)
    redrawn = np.asarray(repair(key, genomes, GREY, "redraw"))
    inside = np.array([[0, 1, 0], [1, 1, 1], [0, 0, 1]], bool)
    np.testing.assert_array_equal(redrawn[inside], np.asarray(genomes)[inside])
    assert (redrawn >= GREY.lower).all()
    assert (redrawn <= GREY.upper).all()
    assert (redrawn[~inside] != np.asarray(clipped)[~inside]).all()


@pytest.mark.parametrize("bounds", ["clip", "redraw", "reflect"])
def test_repair_always_ends_inside(bounds):
    genomes = 1e4 * jax.random.normal(jax.random.key(3), (500, COLOUR.num_genes))
    repaired = np.asarray(repair(jax.random.key(4), genomes, COLOUR, bounds))
    assert (repaired >= COLOUR.lower).all()
    assert (repaired <= COLOUR.upper).all()


def test_paint_changes_exactly_its_pixels():
    image = np.arange(5 * 9 * 3, dtype=np.uint8).reshape(5, 9, 3)
    pixels = Pixels(jnp.array([8, 0]), jnp.array([4, 2]), jnp.array([[1, 2, 3], [250, 251, 252]]))
    painted = np.asarray(paint(jnp.asarray(image), pixels))
    expected = image.copy()
    expected[4, 8] = [1, 2, 3]
    expected[2, 0] = [250, 251, 252]
    np.testing.assert_array_equal(painted, expected)
    assert painted.dtype == np.uint8


def test_paint_of_the_same_pixel_twice_shows_the_last():
    pixels = Pixels(jnp.array([3, 3]), jnp.array([1, 1]), jnp.array([[10], [20]]))
    painted = paint(jnp.zeros((5, 9, 1), jnp.uint8), pixels)
    assert painted[1, 3, 0] == 20


def test_paint_many_candidates_of_one_image():
    genomes = uniform_population(jax.random.key(5), COLOUR, 50)
    image = np.full((5, 9, 3), 77, np.uint8)
    painted = np.asarray(paint(jnp.asarray(image), decode(genomes, COLOUR)))
    assert painted.shape == (50, 5, 9, 3)
    changed = (painted != image).any(-1).sum((1, 2))
    assert changed.max() <= 2
    assert changed.mean() > 1.5
