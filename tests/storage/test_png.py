"""PNG files hold images exactly."""

import io

import numpy as np
import pytest
from PIL import Image

from jaxpix.storage.png import decode_png, encode_png


@pytest.mark.parametrize("settings", [{}, {"compress_level": 4}, {"optimize": True}])
@pytest.mark.parametrize("channels", [1, 3])
def test_a_round_trip_is_exact(channels, settings):
    image = np.random.Generator(np.random.PCG64(0)).integers(0, 256, (7, 9, channels)).astype(np.uint8)
    np.testing.assert_array_equal(decode_png(encode_png(image, **settings)), image)


def test_a_pictures_profile_is_kept():
    picture = Image.new("RGB", (3, 2), (9, 8, 7))
    picture.info["icc_profile"] = b"a profile"
    content = encode_png(picture)
    assert Image.open(io.BytesIO(content)).info["icc_profile"] == b"a profile"
    np.testing.assert_array_equal(decode_png(content), np.asarray(picture))


@pytest.mark.parametrize(
    "image", [np.zeros((4, 4, 1)), np.zeros((4, 4), np.uint8), np.zeros((4, 4, 2), np.uint8)]
)
def test_only_8_bit_grey_or_colour_is_saved(image):
    with pytest.raises(ValueError, match="expected a uint8 image"):
        encode_png(image)


def test_no_other_format_is_read():
    buffer = io.BytesIO()
    Image.new("L", (2, 2)).save(buffer, "GIF")
    with pytest.raises(OSError, match="cannot identify image file"):
        decode_png(buffer.getvalue())
