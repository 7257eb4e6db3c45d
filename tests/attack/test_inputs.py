"""What people hand over in Python, and what becomes of it."""

import io
import warnings

import numpy as np
import pytest
from PIL import Image
from support.toys import SIZE, toy_images, toy_victim

from jaxpix.attack.inputs import given_images, read_images, read_labels
from jaxpix.errors import InputError
from jaxpix.labels import LabelSpace

SETS = LabelSpace("multilabel", ("effusion", "mass", "nodule"))
CLASSES = LabelSpace("multiclass", ("normal", "pneumonia"))


@pytest.fixture(scope="module")
def grey():
    return toy_victim()


@pytest.fixture(scope="module")
def colour():
    return toy_victim(channels=3)


def png(path, array):
    Image.fromarray(array).save(path)
    return path


def test_arrays_of_the_victims_shape_are_taken_as_they_are(grey):
    images = toy_images(3)
    for given in (images, list(images), images[..., 0], [image[..., 0] for image in images]):
        stack, names = read_images(grey, given, resize=False)
        np.testing.assert_array_equal(stack, images)
        assert names == ["0", "1", "2"]


@pytest.mark.parametrize("resize", [False, True])
def test_one_image_is_a_batch_of_one(grey, colour, resize):
    for victim, channels in ((grey, 1), (colour, 3)):
        image = toy_images(1, channels)[0]
        stack, names = read_images(victim, image, resize=resize)
        np.testing.assert_array_equal(stack, image[None])
        assert names == ["0"]
    stack, _ = read_images(grey, toy_images(1)[0, ..., 0], resize=resize)
    np.testing.assert_array_equal(stack, toy_images(1))


def test_pictures_that_fit_are_taken_without_a_word(grey, colour):
    image = toy_images(1, 3)[0]
    stack, _ = read_images(colour, Image.fromarray(image), resize=False)
    np.testing.assert_array_equal(stack[0], image)
    stack, _ = read_images(grey, [Image.fromarray(image[..., 0])] * 2, resize=False)
    np.testing.assert_array_equal(stack, np.stack([image[..., :1]] * 2))


def test_other_pictures_are_made_to_fit_with_a_word(grey):
    pictures = [Image.fromarray(toy_images(1, 3, size=40)[0]), Image.fromarray(toy_images(1)[0, ..., 0])]
    words = r"of 2 images 1 resized to 12x12 and 1 turned to grey, as victim 'toy' takes them \[12, 12, 1\];"
    with pytest.warns(UserWarning, match=words):
        stack, _ = read_images(grey, pictures, resize=False)
    expected = np.asarray(pictures[0].convert("L").resize((12, 12), Image.Resampling.LANCZOS))
    np.testing.assert_array_equal(stack[0, ..., 0], expected)


def test_the_word_points_at_the_call(grey):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        given_images(grey, Image.fromarray(toy_images(1, 3)[0]), ["class 0"], None, resize=False)
    assert len(caught) == 1


def test_files_have_their_names(grey, tmp_path):
    for folder in ("one", "other"):
        (tmp_path / folder).mkdir()
    first = png(tmp_path / "one" / "a.png", toy_images(1)[0, ..., 0])
    second = png(tmp_path / "one" / "b.png", toy_images(1)[0, ..., 0])
    twin = png(tmp_path / "other" / "a.png", toy_images(1)[0, ..., 0])
    assert read_images(grey, str(first), resize=False).names == ["a.png"]
    assert read_images(grey, [first, second], resize=False).names == ["a.png", "b.png"]
    assert read_images(grey, [first, twin], resize=False).names == [first.as_posix(), twin.as_posix()]


def test_files_that_are_no_images_are_named(grey, tmp_path):
    (tmp_path / "page.png").write_text("<html>")
    with pytest.raises(InputError, match=r"page\.png: not a readable image"):
        read_images(grey, tmp_path / "page.png", resize=False)
    with pytest.raises(InputError, match=r"gone\.png: cannot be read: No such file"):
        read_images(grey, [tmp_path / "gone.png"], resize=False)


def test_arrays_are_resized_where_that_is_asked_for(grey, colour):
    large = toy_images(2, 3, size=30)
    with pytest.raises(
        InputError, match=r"expects images \[B, 12, 12, 1\], got \[2, 30, 30, 3\]; resize=True"
    ):
        read_images(grey, large, resize=False)
    assert read_images(grey, large, resize=True).stack.shape == (2, SIZE, SIZE, 1)
    assert read_images(colour, toy_images(2, 1), resize=True).stack.shape == (2, SIZE, SIZE, 3)
    np.testing.assert_array_equal(
        read_images(colour, toy_images(2, 1), resize=True).stack[..., :1], toy_images(2)
    )
    mixed = [large[0], toy_images(1)[0]]
    with pytest.raises(InputError, match=r"got \[30, 30, 3\] for image 0; resize=True"):
        read_images(grey, mixed, resize=False)
    assert read_images(grey, mixed, resize=True).stack.shape == (2, SIZE, SIZE, 1)


@pytest.mark.parametrize(
    ("images", "message"),
    [
        ([], "expected at least one image"),
        (np.zeros((1, 12, 12, 1)), r"expected 8-bit images \(uint8, 0\.\.255\), got float64"),
        (np.zeros((2, 12, 12, 7), np.uint8), r"got \[2, 12, 12, 7\]$"),
        (np.zeros(5, np.uint8), r"got \[5\]$"),
        (Image.fromarray(np.zeros((4, 4), np.float32)), "image 0: floating-point pixels"),
    ],
)
def test_what_is_no_image(grey, images, message):
    with pytest.raises(InputError, match=message):
        read_images(grey, images, resize=True)


def test_a_picture_of_16_bits_is_scaled(grey):
    buffer = io.BytesIO()
    Image.fromarray(np.full((SIZE, SIZE), 0xFFFF, np.uint16)).save(buffer, "PNG")
    stack, _ = read_images(grey, Image.open(buffer), resize=False)
    assert (stack == 255).all()


@pytest.mark.parametrize(
    "labels",
    [
        [1, 0],
        np.array([1, 0]),
        ["pneumonia", "normal"],
        np.array(["pneumonia", "normal"]),
        [["pneumonia"], ["normal"]],
    ],
)
def test_labels_of_single_classes(labels):
    np.testing.assert_array_equal(read_labels(CLASSES, labels, 2), [[False, True], [True, False]])


@pytest.mark.parametrize(
    "labels",
    [
        [["mass", "effusion"], []],
        [("effusion", "mass"), "Normal"],
        ["mass|effusion", "Normal"],
        [{"mass", "effusion"}, ()],
        [[1, 1, 0], [0, 0, 0]],
    ],
)
def test_labels_that_are_sets(labels):
    np.testing.assert_array_equal(read_labels(SETS, labels, 2), [[True, True, False], [False] * 3])


def test_the_label_of_one_image():
    for label in ("pneumonia", 1, np.int64(1), ["pneumonia"]):
        np.testing.assert_array_equal(read_labels(CLASSES, label, 1), [[False, True]])
    np.testing.assert_array_equal(read_labels(SETS, [[]], 1), [[False] * 3])


@pytest.mark.parametrize(
    ("space", "labels", "message"),
    [
        (CLASSES, ["normal", "flu"], r"labels\[1\]: unknown class 'flu'; allowed: normal, pneumonia"),
        (CLASSES, ["normal", 1], r"labels\[1\]: expected names as in the other labels, got 1"),
        (CLASSES, ["normal"], "2 images, 1 labels"),
        (
            CLASSES,
            [["normal", "pneumonia"], ["normal"]],
            r"labels\[0\]: a multiclass label is exactly one class",
        ),
        (CLASSES, [0, 2], r"class numbers 0\.\.1"),
        (SETS, [["mass"], [1]], r"labels\[1\]: expected names"),
    ],
)
def test_labels_that_do_not_fit(space, labels, message):
    with pytest.raises(InputError, match=message):
        read_labels(space, labels, 2)


def test_a_file_of_unknown_depth_is_refused_not_darkened(tmp_path):
    """What the victim was trained on decides what 12 bits mean, and a single file does not say."""
    values = np.random.default_rng(0).integers(0, 4096, (8, 8)).astype(np.uint16)
    path = tmp_path / "twelve.png"
    Image.fromarray(values).save(path)
    for given in (path, Image.fromarray(values)):
        with pytest.raises(InputError, match=r"holds the values \d+\.\.\d+ and does not say which are black"):
            read_images(toy_victim(), [given], resize=True)
