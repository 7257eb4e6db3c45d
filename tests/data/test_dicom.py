"""DICOM files become what a viewer shows: made with pydicom, and pydicom's own."""

import sys
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import JPEG2000Lossless, RLELossless
from support.dicom_files import dicom

from jaxpix.data.dicom import TAGS, header
from jaxpix.data.images import UnreadableImageError, channels_of, decode, look
from jaxpix.errors import InputError

RAMP = np.arange(256, dtype=np.uint8).reshape(16, 16)
OWN = Path(pydicom.__file__).parent / "data" / "test_files"


def shown(content: bytes, channels: int = 1, **options) -> np.ndarray:
    return np.asarray(decode(content, channels, **options)).astype(int)


def test_eight_bits_are_taken_as_they_are():
    for elements in ({}, {"RescaleSlope": 1, "RescaleIntercept": 0}):
        content = dicom(RAMP, **elements)
        assert look(content, all_frames=False).kind == "plain"
        np.testing.assert_array_equal(shown(content), RAMP)


def test_monochrome1_is_turned_round():
    np.testing.assert_array_equal(shown(dicom(RAMP, PhotometricInterpretation="MONOCHROME1")), 255 - RAMP)
    deep = dicom(
        RAMP.astype(np.uint16) * 16, PhotometricInterpretation="MONOCHROME1", BitsStored=12, HighBit=11
    )
    assert shown(deep, span=(0, 4080))[0, :2].tolist() == [255, 254]


def test_a_window_after_rescaling():
    stored = np.array([[0, 864, 1024, 1264, 4000]], np.uint16)
    content = dicom(stored, RescaleSlope=1, RescaleIntercept=-1024, WindowCenter=40.5, WindowWidth=401)
    found = look(content, all_frames=False)
    assert (found.kind, found.low, found.high) == ("windowed", -1024, 2976)
    # -160..240 by hand: (0 + 160) / 400 of 255.
    assert shown(content).tolist() == [[0, 0, 102, 255, 255]]
    assert shown(content, span=(-1024, 2976))[0, [0, -1]].tolist() == [0, 255]


def test_the_first_of_several_windows_and_the_sigmoid():
    stored = np.array([[0, 50, 100]], np.uint16)
    content = dicom(stored, WindowCenter=[50.5, 900], WindowWidth=[101, 5])
    assert shown(content).tolist() == [[0, 128, 255]]
    sigmoid = dicom(stored, WindowCenter=50, WindowWidth=100, VOILUTFunction="SIGMOID")
    expected = np.rint(255 / (1 + np.exp(-4 * (stored.astype(float) - 50) / 100)))
    np.testing.assert_array_equal(shown(sigmoid), expected)


def test_a_table_comes_before_a_window():
    item = Dataset()
    item.LUTDescriptor, item.LUTData = [4, 0, 8], [255, 170, 85, 0]
    item["LUTDescriptor"].VR = item["LUTData"].VR = "US"
    content = dicom(
        np.array([[0, 1, 2, 3, 9]], np.uint16), VOILUTSequence=[item], WindowCenter=1, WindowWidth=2
    )
    assert shown(content).tolist() == [[255, 170, 85, 0, 0]]


def test_enhanced_files_keep_their_window_in_sequences():
    frames = np.array([[[0, 100, 200]], [[0, 100, 200]]], np.uint16)

    def group(center: float) -> Dataset:
        window, groups = Dataset(), Dataset()
        window.WindowCenter, window.WindowWidth, groups.FrameVOILUTSequence = center, 101, [window]
        return groups

    content = dicom(frames, NumberOfFrames=2, PerFrameFunctionalGroupsSequence=[group(50.5), group(150.5)])
    assert shown(content, frame=0).tolist() == [[0, 255, 255]]
    assert shown(content, frame=1).tolist() == [[0, 0, 255]]


def test_without_a_window_the_span_is_the_data_sets():
    content = dicom(np.array([[-1000, 0, 1000]], np.int16))
    found = look(content, all_frames=False)
    assert (found.kind, found.low, found.high) == ("range", -1000, 1000)
    assert shown(content, span=(-1000, 1000)).tolist() == [[0, 128, 255]]
    with pytest.raises(UnreadableImageError, match=r"holds the values -1000\.\.1000 and does not say"):
        decode(content, 1)


def test_padding_is_no_measurement():
    content = dicom(np.array([[-2000, 0, 1000]], np.int16), PixelPaddingValue=-2000)
    assert look(content, all_frames=False).low == 0


def test_colour_palette_and_frames():
    colour = np.stack([RAMP, RAMP.T, 255 - RAMP], axis=-1)
    assert channels_of(dicom(colour)) == 3
    np.testing.assert_array_equal(shown(dicom(colour), 3), colour)
    frames = np.stack([RAMP, 255 - RAMP])
    content = dicom(frames, NumberOfFrames=2)
    assert (look(content, False).frames, channels_of(content)) == (2, 1)
    for frame in (0, 1):
        np.testing.assert_array_equal(shown(content, frame=frame), frames[frame])
    with pytest.raises(UnreadableImageError, match="it has 2 frames; one image is expected"):
        decode(content, 1)
    with pytest.raises(UnreadableImageError, match="2,000,000 frames"):
        header(dicom(frames, NumberOfFrames=2_000_000))


@pytest.mark.parametrize("syntax", [RLELossless, JPEG2000Lossless])
def test_packed_pixels(syntax):
    ramp = np.tile(RAMP, (4, 4))
    deep = ramp.astype(np.uint16) * 16
    np.testing.assert_array_equal(shown(dicom(ramp, syntax=syntax)), ramp)
    np.testing.assert_array_equal(shown(dicom(deep, syntax=syntax), span=(0, 4080)), ramp)


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        ("MR_small.dcm", 127, 2145),
        ("MR_small_RLE.dcm", 127, 2145),
        ("MR_small_jp2klossless.dcm", 127, 2145),
        ("MR_small_jpeg_ls_lossless.dcm", 127, 2145),
        ("MR_small_bigendian.dcm", 127, 2145),
        ("CT_small.dcm", -896, 1167),
        ("JPGExtended.dcm", 0, 264),
        ("J2K_pixelrep_mismatch.dcm", -2000, 1896),
    ],
)
def test_pydicoms_own_grey_files(name, low, high):
    content = (OWN / name).read_bytes()
    found = look(content, all_frames=False)
    assert (found.low, found.high) == (low, high)
    pixels = shown(content, span=(low, high))
    assert (pixels.min(), pixels.max()) == (0, 255)
    if name.startswith("MR_small"):
        np.testing.assert_array_equal(pixels, shown((OWN / "MR_small.dcm").read_bytes(), span=(low, high)))


@pytest.mark.parametrize(
    "name",
    [
        "examples_palette.dcm",
        "examples_rgb_color.dcm",
        "examples_ybr_color.dcm",
        "SC_rgb_rle.dcm",
        "SC_rgb_jpeg_gdcm.dcm",
        "SC_rgb_gdcm_KY.dcm",
        "SC_ybr_full_422_uncompressed.dcm",
    ],
)
def test_pydicoms_own_colour_files(name):
    content = (OWN / name).read_bytes()
    assert channels_of(content) == 3
    pixels = shown(content, 3, frame=0)
    assert pixels.shape[-1] == 3
    assert pixels.max() > 200
    if name.startswith("SC_"):
        # The same test card in every packing: red at the top, white at the bottom.
        assert np.abs(pixels[5, 50] - [255, 0, 0]).max() <= 3
        assert np.abs(pixels[-5, 50] - 255).max() <= 3


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("rtplan.dcm", r"a DICOM file without an image \(RT Plan Storage\)"),
        ("reportsi.dcm", "without an image"),
        ("MR_truncated.dcm", "not a readable DICOM file: The number of bytes of pixel data is less"),
        ("no_meta.dcm", "not a readable image"),
    ],
)
def test_what_is_no_image_says_so(name, said):
    with pytest.raises(UnreadableImageError, match=said):
        decode((OWN / name).read_bytes(), 1)


def test_damaged_boxes_end():
    content = (OWN / "examples_jpeg2k.dcm").read_bytes()
    start = (
        content.index(b"\0\0\0\x0cjP  ")
        if b"\0\0\0\x0cjP  " in content
        else content.index(b"\xff\x4f\xff\x51")
    )
    broken = content[:start] + b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(8) + content[start + 20 :]
    with pytest.raises(UnreadableImageError, match="JPEG 2000 header is damaged"):
        decode(broken, 3)


def test_only_elements_that_are_named_are_read():
    assert not {"PatientName", "PatientBirthDate", "InstitutionName", "AccessionNumber"} & set(TAGS)
    one = header(dicom(RAMP, patient="P1", IssuerOfPatientID="H"))
    assert (one.patient, one.frames, one.channels) == ("H\nP1", 1, 1)
    assert header(dicom(RAMP, patient="")).patient == ""


def test_without_pydicom(monkeypatch):
    content = dicom(RAMP)
    monkeypatch.setitem(sys.modules, "pydicom", None)
    for read in (lambda: decode(content, 1), lambda: channels_of(content), lambda: look(content, False)):
        with pytest.raises(InputError, match=r'pip install "jaxpix\[dicom\]"'):
            read()


def test_a_missing_decoder_is_named(monkeypatch):
    from pydicom.pixels.decoders import JPEGLosslessSV1Decoder

    for plugin in JPEGLosslessSV1Decoder.available_plugins:
        monkeypatch.delitem(JPEGLosslessSV1Decoder._available, plugin)
    with pytest.raises(
        UnreadableImageError, match=r'packed as .*JPEG Lossless.*pip install "jaxpix\[dicom\]"'
    ):
        decode((OWN / "SC_rgb_jpeg_gdcm.dcm").read_bytes(), 3)
