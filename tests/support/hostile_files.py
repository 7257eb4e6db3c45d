"""Hostile images, npz files and weights."""

import contextlib
import io
import json
import zipfile

import numpy as np
from hypothesis import strategies as st
from PIL import Image
from pydicom.uid import UID, ExplicitVRLittleEndian, JPEG2000Lossless, RLELossless
from safetensors.numpy import save

from jaxpix.config import PrepareConfig
from jaxpix.data.images import UnreadableImageError, channels_of, decode, fit, look
from jaxpix.errors import InputError
from jaxpix.models.checkpoint_files import read_weights
from jaxpix.models.pretrained import load_torchvision
from jaxpix.models.zoo import build
from jaxpix.prepare.request import resolve
from jaxpix.storage.png import encode_png
from support.dicom_files import dicom
from support.hostile import Property, as_file, mutated
from support.made_trees import picture

_MODES = {
    "PNG": ("1", "L", "LA", "P", "RGB", "RGBA", "I;16"),
    "JPEG": ("L", "RGB", "CMYK"),
    "TIFF": ("1", "L", "LA", "P", "RGB", "RGBA", "I;16", "I", "F", "CMYK", "YCbCr", "LAB"),
    "GIF": ("L", "P", "RGB"),
    "BMP": ("1", "L", "P", "RGB"),
    "WEBP": ("L", "RGB", "RGBA"),
    "PPM": ("L",),
}


def _image(form: str, mode: str, animated: bool, orientation: int) -> bytes:
    image = picture(1, "RGB")
    if mode in ("I", "I;16"):
        deep = np.asarray(image.convert("L")).astype(np.uint16 if mode == "I;16" else np.int32)
        image = Image.fromarray(deep * 257)
    elif mode == "LAB":
        image = Image.frombytes("LAB", image.size, image.tobytes())
    else:
        image = image.convert(mode)
    options: dict[str, object] = {}
    if animated and form in ("PNG", "TIFF", "GIF", "WEBP"):
        options = {"save_all": True, "append_images": [image, image]}
    if orientation and form in ("JPEG", "PNG", "WEBP"):
        exif = Image.Exif()
        exif[0x0112] = orientation
        options["exif"] = exif
    buffer = io.BytesIO()
    image.save(buffer, format=form, **options)
    return buffer.getvalue()


_kinds = st.sampled_from([(form, mode) for form, modes in _MODES.items() for mode in modes])
_images = st.builds(
    lambda kind, animated, orientation: _image(*kind, animated, orientation),
    _kinds,
    st.booleans(),
    st.integers(0, 9),
)


def _scan(kind: str, deep: bool, syntax: UID, orders: dict[str, object]) -> bytes:
    pixels = np.asarray(picture(1, kind, (64, 64)))
    return dicom(pixels.astype(np.uint16) * 16 if deep else pixels, syntax=syntax, **orders)


_orders = st.sampled_from(
    [
        {},
        {"PhotometricInterpretation": "MONOCHROME1"},
        {"WindowCenter": 90, "WindowWidth": 0},
        {"WindowCenter": [1000, 20], "WindowWidth": [900, 2], "VOILUTFunction": "SIGMOID"},
        {"RescaleSlope": -2, "RescaleIntercept": 1e9, "PixelPaddingValue": 3},
        {"PatientID": None},
    ]
)
_scans = st.one_of(
    st.builds(
        _scan,
        st.just("L"),
        st.booleans(),
        st.sampled_from([ExplicitVRLittleEndian, RLELossless, JPEG2000Lossless]),
        _orders,
    ),
    st.builds(_scan, st.just("RGB"), st.booleans(), st.just(RLELossless), st.just({})),
)


def image_holds(content: bytes) -> None:
    """Bytes are no image, or they become pixels of the mode and size that were asked for."""
    with contextlib.suppress(UnreadableImageError):
        assert channels_of(content) in (1, 3)
    span = None
    with contextlib.suppress(UnreadableImageError):
        seen = look(content, all_frames=False)
        assert seen.low <= seen.high
        span = None if seen.kind in ("plain", "windowed") else (seen.low, seen.high + 1)
    for channels, mode in ((1, "L"), (3, "RGB")):
        with contextlib.suppress(UnreadableImageError):
            image = fit(decode(content, channels, span, 0), 32, 0.8)
            assert (image.mode, image.size) == (mode, (32, 32))
            assert encode_png(image)


_sizes = st.sampled_from([0, 1, 4, 28, -1, 2**31, 2**63, 10**12, 10**30, 10**400])
_shapes = st.one_of(
    st.lists(_sizes, max_size=4).map(tuple),
    st.sampled_from(
        [
            "(((((",
            "(1,)*9",
            "None",
            "(2.5,)",
            "(4, 28, 28",
            "__import__('os')",
            "[4]",
            "(True,)",
        ]
    ),
)
_types = st.sampled_from(
    [
        *("'|u1'", "'<i8'", "'>i2'", "'|O'", "'|V0'", "'<U0'", "'|S0'", "'<f4'", "'nonsense'", "None"),
        *("[('a', '|u1')]", "('|u1', (2**40,))", "'<U2147483647'", "'|b1'", "'<M8[s]'"),
    ]
)
_headers = st.builds(
    "{{'descr': {}, 'fortran_order': {}, 'shape': {}, }}".format,
    _types,
    st.sampled_from(["False", "True", "0"]),
    _shapes,
)


def _npy(header: str, version: int, data: bytes) -> bytes:
    text = header.encode()
    length = len(text).to_bytes(2 if version == 1 else 4, "little")
    return b"\x93NUMPY" + bytes([version, 0]) + length + text + data


_hostile_arrays = st.builds(
    _npy,
    st.one_of(_headers, st.text(st.characters(codec="ascii"), max_size=60), st.just("(" * 9000)),
    st.sampled_from([1, 2, 3, 9]),
    st.one_of(st.binary(max_size=16), st.just(bytes(4 * 28 * 28)), st.just(bytes(32))),
)


def _sound(split: str, kind: str) -> bytes:
    array = np.zeros((4, 28, 28) if kind == "images" else (4, 1), np.uint8 if kind == "images" else np.int64)
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()


_KEYS = [(split, kind) for split in ("train", "val", "test") for kind in ("images", "labels")]


def _packed(arrays: dict[tuple[str, str], bytes], method: int) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for split, kind in _KEYS:
            archive.writestr(f"{split}_{kind}.npy", arrays.get((split, kind)) or _sound(split, kind))
    return buffer.getvalue()


_npz = st.builds(
    _packed,
    st.dictionaries(
        st.sampled_from(_KEYS),
        _hostile_arrays | mutated(st.builds(_sound, *map(st.just, _KEYS[0]))),
        max_size=2,
    ),
    st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]),
)


def npz_holds(content: bytes) -> None:
    """An npz is refused, or gives all its images and labels; nothing in it is ever run."""
    with as_file(content, "pneumoniamnist.npz") as path, contextlib.suppress(InputError):
        request = resolve("pneumoniamnist", PrepareConfig(source=path))
        found = request.listing()
        for split in ("train", "validation", "test"):
            items = [item for item in found.items if item.split == split]
            for load in found.load(items):
                assert load().shape == (request.image_size, request.image_size)


_safe = save({"conv1.weight": np.zeros((2, 3, 3, 3), np.float32), "fc.bias": np.zeros(2, np.float16)})
_dtypes = st.sampled_from(["F32", "BF16", "F8_E4M3", "F64", "BOOL", "X", ""])


def _safetensors(dtype: str, shape: tuple[int, ...], offsets: tuple[int, int], data: bytes) -> bytes:
    header = json.dumps({"fc.bias": {"dtype": dtype, "shape": shape, "data_offsets": offsets}}).encode()
    return len(header).to_bytes(8, "little") + header + data


_offsets = st.tuples(st.integers(0, 9), st.sampled_from([0, 2, 4, 8, 2**40, 2**63]))
_made = st.builds(
    _safetensors,
    _dtypes,
    st.lists(st.sampled_from([0, 1, 2, 2**40]), max_size=3).map(tuple),
    _offsets,
    st.binary(max_size=9),
)


def weights_hold(content: bytes) -> None:
    """A file of weights is refused, or its tensors are, because they are not this network's."""
    with as_file(content, "w.safetensors") as path, contextlib.suppress(InputError):
        state = read_weights(path)
        load_torchvision(_NETWORK, state)


_NETWORK = build("resnet14", num_classes=2, channels=3, seed=0)

PROPERTIES = (
    Property("images", st.one_of(_images, mutated(_images), st.binary(max_size=64)), image_holds),
    Property("DICOM files", st.one_of(_scans, mutated(_scans)), image_holds),
    Property("npz files", st.one_of(_npz, mutated(_npz)), npz_holds),
    Property("safetensors", st.one_of(_made, mutated(_made), mutated(st.just(_safe))), weights_hold),
)
