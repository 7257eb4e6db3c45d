import io

import numpy as np
import pytest
from PIL import Image
from support.some_records import some_record

from jaxpix.pictures.successes import (
    confidence_text,
    contact_sheet,
    in_turns,
    label_with_confidences,
    pair,
    read_pair,
    surroundings,
    to_small_webp,
)
from jaxpix.records.record import PixelChange
from jaxpix.storage.png import encode_png


@pytest.mark.parametrize(
    ("confidence", "text"),
    [(0.99941, "~100%"), (0.9994, "99.9%"), (1.0, "~100%"), (0.5, "50.0%"), (0.0, "0.0%")],
)
def test_confidence_text(confidence, text):
    assert confidence_text(confidence) == text


def test_label_text_of_sets():
    record = some_record("a", task="multilabel", class_names=["x", "y"])
    assert label_with_confidences(record, ["x", "y"], [0.9, 0.6]) == "x (90.0%), y (60.0%)"
    assert label_with_confidences(record, [], [0.1, 0.2]) == "Normal"


def test_a_pair_shows_both_images_and_circles_only_the_new_one():
    original = np.full((8, 8, 1), 100, np.uint8)
    changed = original.copy()
    changed[4, 3] = 255
    picture = np.asarray(pair(some_record("a", success=True, after="sick"), original, changed))
    red = (picture[..., 0] > 180) & (picture[..., 1] < 60) & (picture[..., 2] < 60)
    left, right, inset = red[14:334, 14:334], red[14:334, 348:668], red[14:112, 682:780]
    assert not left.any()
    assert right.any()
    rows, columns = np.nonzero(right)
    # Pixel (3, 4) of 8, enlarged 40 times.
    assert rows.mean() == pytest.approx(4.5 * 40, abs=2)
    assert columns.mean() == pytest.approx(3.5 * 40, abs=2)
    rows, columns = np.nonzero(inset)
    # All 8 pixels lie in the inset, 98 wide.
    assert rows.mean() == pytest.approx(4.5 * 98 / 8, abs=2)
    assert columns.mean() == pytest.approx(3.5 * 98 / 8, abs=2)
    assert (picture[14 + 55, 682 + 43] == 255).all()


@pytest.mark.parametrize(
    ("x", "y", "place"), [(0, 0, (0, 0)), (31, 31, (4, 4)), (10, 20, (2, 2)), (1, 30, (1, 3))]
)
def test_surroundings_stay_inside_the_image(x, y, place):
    image = np.arange(32 * 32, dtype=np.uint16).astype(np.uint8).reshape(32, 32, 1)
    around = surroundings(image, PixelChange(x, y, [0], [1]), side=5)
    assert around.image.shape == (5, 5, 1)
    assert (around.x, around.y) == place
    assert around.image[around.y, around.x] == image[y, x]


def test_small_pictures_keep_every_bit_and_large_ones_shrink():
    noise = np.random.Generator(np.random.PCG64(0)).integers(0, 256, (400, 300, 3)).astype(np.uint8)
    with Image.open(io.BytesIO(to_small_webp(noise[:64, :48]))) as picture:
        np.testing.assert_array_equal(np.asarray(picture), noise[:64, :48])
    with Image.open(io.BytesIO(to_small_webp(noise))) as picture:
        assert picture.size == (192, 256)
    with Image.open(io.BytesIO(to_small_webp(noise[:20, :20, :1]))) as picture:
        np.testing.assert_array_equal(np.asarray(picture.convert("L")), noise[:20, :20, 0])


def test_successes_of_all_labels_take_turns():
    ill = {"label_before": ["sick"], "after": "healthy"}
    records = [some_record(name, success=True, after="sick") for name in "abc"]
    records += [some_record("x", success=True, **ill), some_record("y", **ill)]
    assert [record.image_id for record in in_turns(records)] == ["a", "x", "b", "c"]


def test_a_sheet_holds_all_pairs_even_with_long_names():
    record = some_record("x" * 200, synthetic=True, pixels=[PixelChange(0, 0, [1, 2, 3], [4, 5, 6])] * 3)
    image = np.zeros((16, 16, 3), np.uint8)
    picture = pair(record, image, image)
    sheet = contact_sheet([picture] * 3)
    assert sheet.size == (2 * picture.width, 2 * picture.height)
    assert contact_sheet([picture]).size == picture.size
    assert encode_png(sheet, optimize=True).startswith(b"\x89PNG")


def run_with_a_picture(folder, value=1, side=8):
    for name in ("adversarial", "originals"):
        (folder / name).mkdir(parents=True)
        (folder / name / "1.png").write_bytes(encode_png(np.full((side, side, 1), value, np.uint8)))
    return folder


def test_a_record_cannot_show_pictures_from_outside_its_folder(tmp_path):
    run = run_with_a_picture(tmp_path / "run")
    run_with_a_picture(tmp_path, 2)
    for file in ("adversarial/1.png", "../adversarial/1.png", str(tmp_path / "adversarial/1.png")):
        pictures = read_pair(run, some_record("a", success=True, image_file=file))
        assert [picture.max() for picture in pictures] == [1, 1]


def test_a_link_cannot_show_pictures_from_outside_its_folder(tmp_path):
    run = run_with_a_picture(tmp_path / "run")
    run_with_a_picture(tmp_path, 2)
    (run / "originals" / "1.png").unlink()
    (run / "originals" / "1.png").symlink_to(tmp_path / "originals" / "1.png")
    with pytest.raises(OSError, match=r"originals/1\.png is no file of .*run"):
        read_pair(run, some_record("a", success=True, image_file="adversarial/1.png"))


@pytest.mark.parametrize("name", ["..", "a\0b", "", "x" * 300])
def test_a_picture_of_an_odd_name_is_missing(tmp_path, name):
    run = run_with_a_picture(tmp_path / "run")
    with pytest.raises(OSError):
        read_pair(run, some_record("a", success=True, image_file=f"adversarial/{name}"))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\x89PNG\r\n\x1a\n", "originals/1.png: not a readable image"),
        (encode_png(np.zeros((4, 4, 1), np.uint8)), "expected two pictures of the size and kind"),
        (encode_png(np.zeros((8, 8, 3), np.uint8)), "expected two pictures of the size and kind"),
    ],
)
def test_a_picture_that_is_not_the_records_is_none(tmp_path, content, message):
    run = run_with_a_picture(tmp_path / "run")
    (run / "originals" / "1.png").write_bytes(content)
    with pytest.raises(OSError, match=message):
        read_pair(run, some_record("a", success=True, image_file="adversarial/1.png"))
