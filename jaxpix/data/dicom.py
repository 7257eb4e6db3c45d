"""DICOM files as images. With `dicom_greys` the only user of pydicom, which the extra `dicom` installs.

Of a file's elements only those named here are read at all, and none that says who the patient is gets beyond
`Header.patient`, which callers hash.
"""

import contextlib
import dataclasses
import io
import logging
import warnings
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from PIL import Image

from ..errors import InputError
from .dicom_greys import grey_image
from .unreadable import UnreadableImageError, without_addresses
from .values import DeepImage

MAX_FRAMES = 10_000
_MAX_INFLATED = 256 << 20
_DEFLATED = b"1.2.840.10008.1.2.1.99"
_IDENTITY = ("PatientID", "IssuerOfPatientID", "SOPInstanceUID")
# fmt: off
_FORM = [
    "SOPClassUID", "Rows", "Columns", "NumberOfFrames", "SamplesPerPixel", "PlanarConfiguration",
    "PhotometricInterpretation", "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation", "PixelPaddingValue",
    "RescaleSlope", "RescaleIntercept", "ModalityLUTSequence", "WindowCenter", "WindowWidth", "VOILUTFunction",
    "VOILUTSequence", "SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence",
]
# fmt: on
_PALETTE = [
    f"{kind}{colour}PaletteColorLookupTable{part}"
    for colour in ("Red", "Green", "Blue")
    for kind, part in (("", "Descriptor"), ("", "Data"), ("Segmented", "Data"))
]
_PIXELS = ["PixelData", "FloatPixelData", "DoubleFloatPixelData"]
# What is said of a prepared data set: every element that was looked at.
TAGS = (*_IDENTITY, *_FORM, *_PALETTE, *_PIXELS)


@dataclasses.dataclass(frozen=True, slots=True)
class Header:
    """What a file says of itself.

    Attributes:
        frames: how many images it holds.
        channels: 1 (grey) or 3.
        patient: who it shows, "" where it does not say; identifying, so nothing stores it.
        instance: the file's own number in the world; identifying as well.
    """

    frames: int
    channels: int
    patient: str
    instance: str


def is_dicom(content: bytes) -> bool:
    """Whether a file begins as DICOM files do: 128 bytes of anything, then DICM."""
    return content[128:132] == b"DICM"


def check_installed(where: str) -> None:
    """Raise InputError where pydicom is not installed; `where` names the file, "" where it is not known."""
    try:
        import pydicom  # noqa: F401
    except ImportError:
        raise InputError(
            f'{where or "it"} is a DICOM file; to read such files: pip install "jaxpix[dicom]"'
        ) from None
    # What they say of broken pixels is told once, as an error of ours.
    for name in ("pydicom", "openjpeg", "libjpeg"):
        logging.getLogger(name).setLevel(logging.CRITICAL)


@contextlib.contextmanager
def _reading() -> Iterator[None]:
    """Whatever pydicom lets out on broken input is told in our words."""
    check_installed("")
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            yield
    except (UnreadableImageError, InputError):
        raise
    # pydicom and its decoders let every kind of error out on broken input.
    except Exception as error:
        said = " ".join(without_addresses(error).split())
        if "missing dependencies" in said:
            needed = said.split(" pixel data because")[0].removeprefix("Unable to decompress ")
            said = f'its pixels are packed as {needed}; to read them: pip install "jaxpix[dicom]"'
        raise UnreadableImageError(f"not a readable DICOM file: {said or type(error).__name__}") from None


def _dataset(content: bytes, tags: list[str]) -> Any:
    from pydicom import dcmread

    if _DEFLATED in content[:4096]:
        _check_inflated(content)
    dataset = dcmread(io.BytesIO(content), specific_tags=tags, stop_before_pixels="PixelData" not in tags)
    if "Rows" not in dataset or "Columns" not in dataset:
        kind = dataset.get("SOPClassUID")
        raise UnreadableImageError(
            f"a DICOM file without an image ({kind.name if kind else 'of no known kind'})"
        )
    return dataset


def _check_inflated(content: bytes) -> None:
    """pydicom unpacks a deflated file at once, however large it becomes."""
    # After the preamble: an element of 12 bytes whose value says how long the rest of the first group is.
    start = 144 + int.from_bytes(content[140:144], "little")
    unpacked = zlib.decompressobj(-zlib.MAX_WBITS).decompress(content[start:], _MAX_INFLATED + 1)
    if len(unpacked) > _MAX_INFLATED:
        raise UnreadableImageError(f"unpacks to more than {_MAX_INFLATED:,} bytes (a decompression bomb)")


def _num_frames(dataset: Any) -> int:
    frames = int(dataset.get("NumberOfFrames") or 1)
    if not 1 <= frames <= MAX_FRAMES:
        raise UnreadableImageError(f"{frames:,} frames; 1 to {MAX_FRAMES:,} are read")
    return frames


@_reading()
def header(content: bytes) -> Header:
    """What a DICOM file holds; no pixel is read.

    Raises:
        InputError: pydicom is not installed.
        UnreadableImageError: it cannot be read, or holds no image.
    """
    dataset = _dataset(content, [*_IDENTITY, *_FORM])
    patient = str(dataset.get("PatientID") or "").strip()
    issuer = str(dataset.get("IssuerOfPatientID") or "").strip()
    grey = str(dataset.get("PhotometricInterpretation")).startswith("MONOCHROME")
    return Header(
        frames=_num_frames(dataset),
        channels=1 if grey else 3,
        patient=f"{issuer}\n{patient}" if patient else "",
        instance=str(dataset.get("SOPInstanceUID") or ""),
    )


@_reading()
def read_frame(
    content: bytes, frame: int | None, check_size: Callable[[int, int], None]
) -> Image.Image | DeepImage:
    """One image of a DICOM file.

    Eight bits that need no rescaling and have no window come as an image; everything else as values, after the
    modality transformation, with their window where the file has one.

    Args:
        content: the whole file.
        frame: which of its frames, from 0; None: its only one.
        check_size: is told width and height before pixels are unpacked.

    Raises:
        InputError: pydicom is not installed.
        UnreadableImageError: it cannot be read, or holds no such image.
    """
    from pydicom.pixels.processing import apply_color_lut
    from pydicom.pixels.utils import pixel_array

    dataset = _dataset(content, [*_FORM, *_PALETTE, *_PIXELS])
    frames = _num_frames(dataset)
    if frame is None and frames > 1:
        raise UnreadableImageError(f"it has {frames:,} frames; one image is expected")
    check_size(int(dataset.Columns), int(dataset.Rows))
    _check_boxes(dataset, frame or 0, frames)
    pixels = pixel_array(dataset, index=frame or 0)
    form = dataset.PhotometricInterpretation
    if form.startswith("MONOCHROME"):
        return grey_image(pixels, dataset, frame or 0)
    if form == "PALETTE COLOR":
        pixels = apply_color_lut(pixels, dataset)[..., :3]
        # Some scanners declare 16 bits and fill 8.
        if pixels.dtype != np.uint8 and pixels.max() > 255:
            pixels = pixels >> 8
        pixels = pixels.astype(np.uint8)
    elif form != "RGB" and not form.startswith("YBR"):
        raise UnreadableImageError(f"the colours of a DICOM file are {form}, which is not read")
    if pixels.dtype == np.uint8:
        return Image.fromarray(np.ascontiguousarray(pixels))
    return DeepImage(pixels, mode="RGB")


def _check_boxes(dataset: Any, frame: int, frames: int) -> None:
    """pydicom walks the boxes of a JPEG 2000 file for ever where one of them is empty."""
    from pydicom.encaps import get_frame
    from pydicom.uid import JPEG2000TransferSyntaxes

    if dataset.file_meta.TransferSyntaxUID not in JPEG2000TransferSyntaxes:
        return
    packed = get_frame(dataset.PixelData, frame, number_of_frames=frames)
    offset = 12 if packed.startswith(b"\0\0\0\x0cjP  ") else len(packed)
    while offset < len(packed) and packed[offset + 4 : offset + 8] != b"jp2c":
        length = int.from_bytes(packed[offset : offset + 4], "big")
        if length < 8:
            raise UnreadableImageError("not a readable DICOM file: its JPEG 2000 header is damaged")
        offset += length
