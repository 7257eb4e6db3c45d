import numpy as np
import pytest
from some_records import some_record

from jaxpix.pictures import confidence_text, contact_sheet, label_text, pair, to_png
from jaxpix.records import PixelChange
from jaxpix.verification import decode_png, encode_png


@pytest.mark.parametrize(
    ("confidence", "text"),
    [(0.99941, "~100%"), (0.9994, "99.9%"), (1.0, "~100%"), (0.5, "50.0%"), (0.0, "0.0%")],
)
def test_confidence_text(confidence, text):
    assert confidence_text(confidence) == text


def test_label_text_of_sets():
    record = some_record("a", task="multilabel", class_names=["x", "y"])
    assert label_text(record, ["x", "y"], [0.9, 0.6]) == "x (90.0%), y (60.0%)"
    assert label_text(record, [], [0.1, 0.2]) == "Normal"


def test_a_pair_shows_both_images_and_circles_only_the_new_one():
    original = np.full((8, 8, 1), 100, np.uint8)
    changed = original.copy()
    changed[4, 3] = 255
    picture = np.asarray(pair(some_record("a", success=True, after="sick"), original, changed))
    middle = picture.shape[1] // 2
    red = (picture[..., 0] > 180) & (picture[..., 1] < 60) & (picture[..., 2] < 60)
    assert not red[:320, :middle].any()
    assert red[:320, middle:].any()
    rows, columns = np.nonzero(red[:320])
    # Pixel (3, 4) of 8, enlarged 40 times, right panel, margin 14.
    assert rows.mean() == pytest.approx(14 + 4.5 * 40, abs=2)
    assert columns.mean() == pytest.approx(2 * 14 + 320 + 3.5 * 40, abs=2)


def test_a_sheet_holds_all_pairs_even_with_long_names():
    record = some_record("x" * 200, synthetic=True, pixels=[PixelChange(0, 0, [1, 2, 3], [4, 5, 6])] * 3)
    image = np.zeros((16, 16, 3), np.uint8)
    picture = pair(record, image, image)
    sheet = contact_sheet([picture] * 3)
    assert sheet.size == (2 * picture.width, 2 * picture.height)
    assert contact_sheet([picture]).size == picture.size
    assert to_png(sheet).startswith(b"\x89PNG")


@pytest.mark.parametrize("channels", [1, 3])
def test_png_round_trip_is_exact(channels):
    image = np.random.Generator(np.random.PCG64(0)).integers(0, 256, (7, 9, channels)).astype(np.uint8)
    np.testing.assert_array_equal(decode_png(encode_png(image)), image)


@pytest.mark.parametrize(
    "image", [np.zeros((4, 4, 1)), np.zeros((4, 4), np.uint8), np.zeros((4, 4, 2), np.uint8)]
)
def test_only_8_bit_grey_or_colour_is_saved(image):
    with pytest.raises(ValueError, match="expected a uint8 image"):
        encode_png(image)
