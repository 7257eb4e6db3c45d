"""What values of more than 8 bits become, from every file that can hold them."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image
from support.deep_files import png16, tiff

from jaxpix.data.images import Look, UnreadableImageError, decode, look, to_mode
from jaxpix.data.values import DeepImage, bits_used, to_levels

RANDOM = np.random.default_rng(0)


def some(bits: int, *shape: int) -> np.ndarray:
    return RANDOM.integers(0, 1 << bits, shape).astype(np.uint16)


def levels(values: np.ndarray, high: int) -> np.ndarray:
    """By hand: integers, halves upwards never occur since `high` is odd."""
    return ((values.astype(np.int64) * 510 + high) // (2 * high)).astype(np.uint8)


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
def test_every_value_of_every_depth(bits):
    top = (1 << bits) - 1
    values = np.arange(1 << bits).reshape(-1, 16)
    expected = levels(values, top)
    for kind in (np.uint16, np.int32, np.float32):
        np.testing.assert_array_equal(to_levels(values.astype(kind), 0, top), expected)
    assert (expected.min(), expected.max()) == (0, 255)


def test_sixteen_bits_are_divided_by_257_as_ever():
    values = np.arange(1 << 16, dtype=np.uint16).reshape(256, 256)
    expected = np.clip(np.rint(values / 257.0), 0, 255).astype(np.uint8)
    for given in (None, (0.0, 65535.0)):
        np.testing.assert_array_equal(np.asarray(to_mode(Image.fromarray(values), 1, given)), expected)


@pytest.mark.parametrize(
    ("low", "high", "bits"),
    [(0, 0, 8), (0, 255, 8), (0, 256, 10), (3, 4095, 12), (0, 4096, 14), (0, 16384, 16), (0, 65535, 16)],
)
def test_the_bits_that_hold_the_largest(low, high, bits):
    assert bits_used(low, high) == bits


def test_no_bits_for_negative_and_huge_values():
    assert bits_used(-1, 100) is None
    assert bits_used(0, 65536) is None


@pytest.mark.parametrize(("colour_type", "channels"), [(0, 1), (2, 3), (4, 2), (6, 4)])
def test_a_16_bit_png_of_any_colour_type(colour_type, channels):
    values = some(12, 9, 7, channels)
    content = png16(values, colour_type)
    found = look(content, all_frames=False)
    seen = values[..., :1] if channels == 2 else values
    assert (found.kind, found.low, found.high) == ("deep", seen.min(), seen.max())
    shown = np.repeat(values[..., :1], 3, axis=-1) if channels < 3 else values[..., :3]
    np.testing.assert_array_equal(np.asarray(decode(content, 3, (0, 4095))), levels(shown, 4095))
    with pytest.raises(UnreadableImageError, match=r"holds the values \d+\.\.\d+ and does not say"):
        decode(content, 3)


@pytest.mark.parametrize("colour_type", [2, 6])
def test_full_16_bit_colour_is_read_as_ever(colour_type):
    values = some(16, 9, 7, 3 if colour_type == 2 else 4)
    content = png16(values, colour_type)
    for given in (None, (0.0, 65535.0)):
        np.testing.assert_array_equal(np.asarray(decode(content, 3, given)), values[..., :3] >> 8)


@pytest.mark.parametrize("order", "<>")
def test_tiffs_of_both_byte_orders(order):
    colour = some(10, 5, 7, 3)
    found = look(tiff(colour, order), all_frames=False)
    assert (found.kind, found.low, found.high) == ("deep", colour.min(), colour.max())
    np.testing.assert_array_equal(np.asarray(decode(tiff(colour, order), 3, (0, 1023))), levels(colour, 1023))
    grey = some(16, 5, 7)
    np.testing.assert_array_equal(np.asarray(decode(tiff(grey, order), 1)), levels(grey, 65535))


def test_white_may_be_zero():
    grey = some(16, 5, 7)
    np.testing.assert_array_equal(
        np.asarray(decode(tiff(grey, "<", photometric=0), 1)), 255 - levels(grey, 65535)
    )


def test_planes_one_after_another_are_refused_not_misread():
    with pytest.raises(UnreadableImageError, match="16 bits a channel in a layout that is not read"):
        decode(tiff(some(16, 5, 7, 3), "<", planes=2), 3)


def test_values_beyond_31_bits_are_not_negative():
    values = np.array([[0, 7, 2**31, 2**32 - 1]], np.uint32)
    assert look(tiff(values, "<"), all_frames=False) == Look(
        "deep", 0, 2**32 - 1, (pytest.approx(0, abs=1), pytest.approx(2**32, rel=0.1))
    )
    assert np.asarray(decode(tiff(values, "<"), 1, (0, 2**32 - 1))).tolist() == [[0, 0, 128, 255]]


def test_negative_values_by_a_window():
    values = np.array([[-1000, -160, 41, 240, 3000]], np.int32)
    buffer = io.BytesIO()
    Image.fromarray(values).save(buffer, "TIFF")
    assert look(buffer.getvalue(), all_frames=False).low == -1000
    assert np.asarray(decode(buffer.getvalue(), 1, (-160, 240))).tolist() == [[0, 0, 128, 255, 255]]


def test_floats_need_a_window_and_no_nan():
    buffer = io.BytesIO()
    Image.fromarray(np.array([[0.0, 0.25, 1.0]], np.float32)).save(buffer, "TIFF")
    with pytest.raises(UnreadableImageError, match=r"no defined white .*--window LOW HIGH"):
        decode(buffer.getvalue(), 1)
    assert np.asarray(decode(buffer.getvalue(), 1, (0, 1))).tolist() == [[0, 64, 255]]
    broken = DeepImage(np.array([[0.0, np.nan]]), kind="float")
    with pytest.raises(UnreadableImageError, match="NaN"):
        broken.span()
    with pytest.raises(UnreadableImageError, match="NaN"):
        broken.in_8_bits((0, 1))


def test_files_of_several_images_say_how_many():
    pages = [Image.fromarray(np.full((4, 4), value, np.uint16)) for value in (10, 900, 70)]
    buffer = io.BytesIO()
    pages[0].save(buffer, "TIFF", save_all=True, append_images=pages[1:])
    first, every = (look(buffer.getvalue(), all_frames=all_frames) for all_frames in (False, True))
    assert (first.frames, first.low, first.high) == (3, 10, 10)
    assert (every.frames, every.low, every.high) == (3, 10, 900)
    assert (
        np.asarray(decode(buffer.getvalue(), 1, (0, 1023), frame=1)).max() == levels(np.array([900]), 1023)[0]
    )


def test_what_is_cut_short_says_so():
    content = png16(some(16, 30, 30, 1), 0)
    with pytest.raises(UnreadableImageError, match="end is missing"):
        decode(content[: len(content) // 2], 1)
    assert struct.unpack(">I", content[-4:])[0] == zlib.crc32(b"IEND")
