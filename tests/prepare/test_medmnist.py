"""MedMNIST's arrays: streamed exactly, and never trusted."""

import re
import zipfile
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from support import made_trees as made

from jaxpix.data.medmnist_files import MEMBERS
from jaxpix.data.registry import lookup
from jaxpix.errors import InputError


def test_every_medmnist_member_is_complete():
    for name, member in MEMBERS.items():
        assert len(set(member.md5)) == 4
        assert all(re.fullmatch("[0-9a-f]{32}", digest) for digest in member.md5)
        assert set(member.normal_classes) <= set(member.class_names)
        assert lookup(name).class_names == member.class_names


@pytest.mark.parametrize(("name", "size"), [("pneumoniamnist", 28), ("dermamnist", 64), ("chestmnist", 28)])
def test_medmnist_streams_what_numpy_reads(tmp_path, name, size):
    path = made.medmnist(tmp_path / f"{name}_copy.npz", name, size)
    found = made.listing(name, path)
    assert Counter(item.split for item in found.items) == {"train": 12, "validation": 4, "test": 6}
    assert "unofficial copy: 12/4/6 images" in found.notes[0]
    with np.load(path, allow_pickle=False) as arrays:
        for split, key in (("train", "train"), ("validation", "val"), ("test", "test")):
            items = [item for item in found.items if item.split == split]
            pixels = np.stack([load() for load in found.load(items)])
            np.testing.assert_array_equal(pixels, arrays[f"{key}_images"])
            vectors = np.zeros_like(arrays[f"{key}_labels"])
            for row, item in enumerate(items):
                vectors[row, list(item.label) if name == "chestmnist" else 0] = (
                    1 if name == "chestmnist" else item.label
                )
            np.testing.assert_array_equal(vectors, arrays[f"{key}_labels"])


def resaved(path: Path, **changes) -> Path:
    with np.load(path, allow_pickle=False) as arrays:
        kept = {key: arrays[key] for key in arrays} | changes
    np.savez(path, **{key: value for key, value in kept.items() if value is not None})
    return path


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"val_images": None}, "array 'val_images' not found; got train_images"),
        (
            {"val_images": np.zeros((4, 28, 28), np.float32)},
            r"val_images is \(4, 28, 28\) of float32; expected uint8",
        ),
        ({"val_images": np.zeros((4, 32, 32), np.uint8)}, r"expected uint8 \[N, 28, 28\]"),
        ({"val_labels": np.zeros((5, 1), np.uint8)}, r"val_labels is \(5, 1\); expected \(4, 1\)"),
        ({"val_labels": np.full((4, 1), 9, np.uint8)}, r"val_labels has values outside 0\.\.1"),
        ({"val_labels": np.zeros((4, 1), np.float64)}, "expected integers"),
        ({"val_labels": np.array([[None]] * 4)}, "Python objects"),
    ],
)
def test_medmnist_bad_arrays(tmp_path, changes, message):
    path = resaved(made.medmnist(tmp_path / "a.npz"), **changes)
    with pytest.raises(InputError, match=message):
        made.listing("pneumoniamnist", path)


def test_medmnist_header_that_lies(tmp_path):
    path = resaved(made.medmnist(tmp_path / "a.npz"))
    raw = path.read_bytes().replace(b"(12, 28, 28)", b"(99, 28, 28)")
    path.write_bytes(raw)
    with pytest.raises(InputError, match=r"claims shape \(99, 28, 28\) of uint8, but 9,408 bytes follow"):
        made.listing("pneumoniamnist", path)


def test_medmnist_wrong_files(tmp_path):
    with pytest.raises(InputError, match="source not found"):
        made.listing("pneumoniamnist", tmp_path / "none.npz")
    (tmp_path / "a.npz").write_bytes(b"hello")
    with pytest.raises(InputError, match="not a readable npz"):
        made.listing("pneumoniamnist", tmp_path / "a.npz")
    made.medmnist(tmp_path / "b.npz")
    with pytest.raises(InputError, match="leave --image-size out"):
        made.listing("pneumoniamnist", tmp_path / "b.npz", image_size=64)
    with pytest.raises(InputError, match="is published at"):
        made.listing("pneumoniamnist", None, image_size=100)


def npy(descr: str, shape: str, data: bytes = b"") -> bytes:
    header = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}".encode()
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + data


@pytest.mark.parametrize(
    ("array", "content", "message"),
    [
        ("train_labels", npy("'<i8'", "(10**12, 0)"), "no readable header"),
        ("train_labels", npy("'<i8'", "(1000000000000, 0)"), r"claims shape \(1000000000000, 0\).*refused"),
        ("train_labels", npy("'|V0'", "(1000000000000, 1)"), r"claims shape .*refused"),
        ("train_labels", npy("'<i8'", "(-1, -8)", bytes(64)), r"claims shape \(-1, -8\).*refused"),
        ("train_labels", npy("'<i8'", f"({10**400}, 1)"), "claims shape"),
        ("train_labels", npy("'|u1'", "(" * 4000), "no readable header"),
        ("train_images", npy("'|u1'", "(8,)", bytes(8)), r"has the shape \(8,\); expected square images"),
        (
            "train_images",
            npy("'|u1'", "(1, 3000, 3000)", bytes(9_000_000)),
            "expected square images of 8 to 2048",
        ),
    ],
)
def test_medmnist_absurd_headers(tmp_path, array, content, message):
    path = made.medmnist(tmp_path / "a.npz")
    with zipfile.ZipFile(path) as archive:
        arrays = {name: archive.read(name) for name in archive.namelist()}
    made.pack(path, arrays | {f"{array}.npy": content})
    with pytest.raises(InputError, match=message):
        made.listing("pneumoniamnist", path)


def test_medmnist_damaged_and_encrypted_archives(tmp_path):
    path = made.medmnist(tmp_path / "a.npz")
    raw = bytearray(path.read_bytes())
    raw[raw.index(b"PK\x03\x04") : raw.index(b"PK\x03\x04") + 4] = b"oops"
    (tmp_path / "b.npz").write_bytes(raw)
    with pytest.raises(InputError, match="'train_images' is damaged"):
        made.listing("pneumoniamnist", tmp_path / "b.npz")
    raw = bytearray(path.read_bytes())
    raw[raw.index(b"PK\x01\x02") + 8] |= 1
    (tmp_path / "c.npz").write_bytes(raw)
    with pytest.raises(InputError, match="is encrypted"):
        made.listing("pneumoniamnist", tmp_path / "c.npz")
