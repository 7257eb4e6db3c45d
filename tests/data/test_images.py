"""Any usual image file becomes 8-bit grey or colour; the rest is named."""

import contextlib
import io
import tracemalloc

import numpy as np
import pytest
from PIL import Image
from support.made_trees import encoded, picture

from jaxpix.data import images
from jaxpix.data.images import UnreadableImageError, channels_of, decode, fit, from_pixels
from jaxpix.storage.png import encode_png


def png(image: Image.Image, **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format=options.pop("format", "PNG"), **options)
    return buffer.getvalue()


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
@pytest.mark.parametrize(("channels", "expected"), [(1, "L"), (3, "RGB")])
def test_every_mode(mode, channels, expected):
    image = picture(1) if mode == "I;16" else picture(1, "RGB").convert(mode)
    if mode == "I;16":
        image = Image.fromarray(np.asarray(image).astype(np.uint16) * 257)
    decoded = decode(png(image), channels)
    assert decoded.mode == expected
    assert decoded.size == image.size
    assert np.asarray(decoded).std() > 10


def test_sixteen_bits_are_scaled_and_grey_is_exact():
    grey = np.arange(256, dtype=np.uint8).reshape(16, 16)
    deep = Image.fromarray(grey.astype(np.uint16) * 257)
    np.testing.assert_array_equal(np.asarray(decode(png(deep), 1)), grey)
    np.testing.assert_array_equal(np.asarray(decode(png(Image.fromarray(grey)), 1)), grey)


def test_transparency_is_dropped_not_blended():
    pixels = np.full((4, 4, 4), 200, np.uint8)
    pixels[..., 3] = 0
    assert np.asarray(decode(png(Image.fromarray(pixels)), 1)).min() == 200


def test_cmyk_and_exif_orientation():
    assert decode(png(picture(1, "RGB").convert("CMYK"), format="JPEG"), 3).mode == "RGB"
    exif = Image.Exif()
    exif[0x0112] = 6
    assert decode(png(picture(1), format="JPEG", exif=exif), 1).size == (16, 20)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not a readable image"),
        (b"hello", "not a readable image"),
        (encoded(1)[:60], "not a readable image"),
        (encoded(1, ".jpg")[:-200], "not a readable image"),
    ],
    ids=["empty", "text", "cut png", "cut jpeg"],
)
def test_corrupt_images(content, message):
    with pytest.raises(UnreadableImageError, match=message):
        decode(content, 1)


def test_bombs_and_floats_are_refused(monkeypatch):
    with pytest.raises(UnreadableImageError, match="no defined white"):
        decode(png(picture(1).convert("F"), format="TIFF"), 1)
    with pytest.raises(UnreadableImageError, match=r"70000x1 pixels; each side must have 1 to 65,535"):
        decode(png(Image.new("L", (70_000, 1))), 1)
    monkeypatch.setattr(images, "MAX_PIXELS", 100)
    with pytest.raises(UnreadableImageError, match=r"20x16 pixels, more than 100 .* bomb"):
        decode(encoded(1), 1)


def test_crop_is_centred_and_resize_is_square():
    pixels = np.zeros((100, 200), np.uint8)
    pixels[10:90, 20:180] = 255
    kept = np.asarray(fit(Image.fromarray(pixels), 32, 0.8))
    assert kept.shape == (32, 32)
    assert kept.min() == 255
    assert np.asarray(fit(Image.fromarray(pixels), 32, 1.0)).min() == 0


def test_right_size_is_left_alone_and_png_is_lossless():
    pixels = np.asarray(picture(3, "RGB", (32, 32)))
    image = fit(from_pixels(pixels, 3), 32, 1.0)
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(encode_png(image)))), pixels)
    grey = pixels[:, :, :1]
    np.testing.assert_array_equal(np.asarray(from_pixels(grey, 1)), grey[:, :, 0])


def test_channels_of():
    assert channels_of(encoded(1)) == 1
    assert channels_of(encoded(1, mode="RGB")) == 3
    assert channels_of(png(picture(1, "RGB").convert("LA"))) == 1
    with pytest.raises(UnreadableImageError, match="not a readable image"):
        channels_of(b"x")


def test_deep_grey_keeps_its_ends_and_takes_little_memory():
    values = np.array([[-5, 0, 128, 129, 65535, 70000]], np.int32)
    deep = Image.fromarray(values)
    assert np.asarray(images.to_mode(deep, 1, (0, 65535))).tolist() == [[0, 0, 0, 1, 255, 255]]
    with pytest.raises(UnreadableImageError, match=r"holds the values -5\.\.70000"):
        images.to_mode(deep, 1)
    large = Image.fromarray(np.zeros((1000, 1000), np.uint16))
    tracemalloc.start()
    images.to_mode(large, 1, (0, 65535))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8_000_000


def test_broken_headers_are_unreadable():
    tiff = bytearray(png(picture(1), format="TIFF"))
    for place in range(4, len(tiff), 7):
        broken = bytes(tiff[:place]) + b"\xff" * 4 + bytes(tiff[place + 4 :])
        for read in (channels_of, lambda content: decode(content, 1)):
            with contextlib.suppress(UnreadableImageError):
                read(broken)
