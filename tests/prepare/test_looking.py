"""One mapping of values, all frames, and patients: what `prepare` settles before it stores anything."""

import io
import json
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from support import made_trees as made
from support.deep_files import png16
from support.dicom_files import dicom

from jaxpix.config import PrepareConfig
from jaxpix.data.images import Look
from jaxpix.data.prepared import PreparedDataset, open_prepared
from jaxpix.errors import InputError
from jaxpix.prepare.__main__ import main
from jaxpix.prepare.depth import settle_values
from jaxpix.prepare.preparation import prepare_dataset

RANDOM = np.random.default_rng(0)


def saved(values: np.ndarray, form: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(values).save(buffer, form)
    return buffer.getvalue()


def tree(make, suffix: str = ".png", count: int = 6) -> dict[str, bytes]:
    """Two classes; `make(number)` gives the bytes."""
    return {
        f"{name}/{name}{index}{suffix}": make(10 * place + index)
        for place, name in enumerate(("ill", "normal"))
        for index in range(count)
    }


def deep_grey(bits: int):
    return lambda _: saved(RANDOM.integers(0, 1 << bits, (16, 16)).astype(np.uint16))


def prepared(root: Path, files: dict[str, bytes], **options) -> PreparedDataset:
    return made.prepared(root, "folder", files, size=16, **options)


def pixels(dataset: PreparedDataset) -> dict[str, np.ndarray]:
    return {
        example["image_id"]: example["image"]
        for split in dataset.num_examples
        for example in dataset.source(split)
    }


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
@pytest.mark.parametrize("colour", [False, True])
def test_the_bits_in_use_fill_the_range(tmp_path, bits, colour):
    top = (1 << bits) - 1
    values = {
        number: RANDOM.integers(0, top + 1, (16, 16, 3 if colour else 1)).astype(np.uint16)
        for number in range(20)
    }
    values[3][0, 0] = top
    dataset = prepared(tmp_path, tree(lambda number: png16(values[number], 2 if colour else 0)))
    assert dataset.summary["values"] == {"how": "bits", "low": 0.0, "high": float(top), "files": 12}
    assert f"values: {bits} bits used (0..{top}) of 16, mapped to 0..255" in "; ".join(
        dataset.summary["notes"]
    )
    stored = pixels(dataset)["ill__ill3.png"]
    expected = values[3] >> 8 if colour and bits == 16 else np.rint(values[3] * (255 / top))
    np.testing.assert_array_equal(stored, expected)
    assert open_prepared("folder", tmp_path / "data").provenance.count("bits used") == 1


def test_eight_bits_stay_as_they_are_and_nothing_is_said(tmp_path):
    files = tree(lambda number: made.encoded(number))
    dataset = prepared(tmp_path, files)
    assert dataset.summary["values"] is None
    assert not [note for note in dataset.summary["notes"] if "values" in note]
    expected = Image.open(io.BytesIO(files["ill/ill1.png"])).resize((16, 16), Image.Resampling.LANCZOS)
    np.testing.assert_array_equal(pixels(dataset)["ill__ill1.png"][..., 0], np.asarray(expected))


def test_negative_values_go_from_lowest_to_highest(tmp_path):
    def make(number: int) -> bytes:
        values = RANDOM.integers(-100, 300, (16, 16)).astype(np.int32)
        values[0, :2] = (-100, 300)
        return saved(values, "TIFF")

    dataset = prepared(tmp_path, tree(make, ".tif"))
    assert dataset.summary["values"] == {"how": "range", "low": -100.0, "high": 300.0, "files": 12}
    assert {(image.min(), image.max()) for image in pixels(dataset).values()} == {(0, 255)}


def test_a_chosen_window(tmp_path):
    files = tree(deep_grey(12))
    dataset = prepared(tmp_path, files, window=(1000, 2020))
    assert dataset.summary["values"] == {"how": "window", "low": 1000.0, "high": 2020.0, "files": 12}
    raw = np.asarray(Image.open(io.BytesIO(files["ill/ill1.png"]))).astype(int)
    np.testing.assert_array_equal(
        pixels(dataset)["ill__ill1.png"][..., 0], np.clip(np.rint((raw - 1000) / 4), 0, 255)
    )
    assert dataset.summary["settings"]["window"] == [1000.0, 2020.0]
    config = PrepareConfig(
        source=tmp_path / "source.zip", image_size=16, data_dir=tmp_path / "data", window=(0, 4095)
    )
    with pytest.raises(
        InputError, match=r"other settings: window \[1000\.0, 2020\.0\] \(asked for: \[0\.0, 4095"
    ):
        prepare_dataset("folder", config)


@pytest.mark.parametrize(
    ("window", "files", "said"),
    [
        ((5, 5), tree(deep_grey(12)), "--window 5 5: expected the lower value first"),
        (
            (0, 9),
            tree(lambda number: made.encoded(number)),
            "no image has more than 8 bits a channel; leave it out",
        ),
    ],
)
def test_windows_that_make_no_sense(tmp_path, window, files, said):
    with pytest.raises(InputError, match=said):
        prepared(tmp_path, files, window=window)


def test_windows_for_drawn_images_make_no_sense(tmp_path):
    with pytest.raises(InputError, match="--window: these images have 8 bits"):
        prepare_dataset("phantom-xray", PrepareConfig(num_images=4, data_dir=tmp_path, window=(0, 9)))


def test_a_mixture_has_two_readings(tmp_path):
    files = tree(deep_grey(12)) | {"normal/old.png": made.encoded(1)}
    with pytest.raises(
        InputError, match=r"as normal/old\.png \(8 bits a channel\).*--window LOW HIGH"
    ) as caught:
        prepared(tmp_path, files)
    assert "11 as" not in str(caught.value)
    assert "12 as ill/ill0.png (values" in str(caught.value)
    (tmp_path / "again").mkdir()
    dataset = prepared(tmp_path / "again", files, window=(0, 4095))
    assert "1 images of 8 bits a channel are stored as they are" in "; ".join(dataset.summary["notes"])


def test_it_is_the_same_for_every_source(tmp_path):
    files = {
        name: deep_grey(12)(0) if name.endswith(".png") and "mask" not in name else content
        for name, content in made.chest().items()
    }
    dataset = made.prepared(tmp_path, "chest", files, split="patient")
    assert dataset.summary["values"]["high"] == 4095.0


@pytest.mark.parametrize(
    ("make", "options", "said"),
    [
        (
            lambda number: saved(np.full((16, 16), 700, np.uint16)),
            {},
            "all pixels of all images have the value 700",
        ),
        (deep_grey(12), {"window": (0, 65535)}, r"12 of 12 images are nearly constant: .* 0\.\.16;"),
        (
            deep_grey(12),
            {"window": (8000, 9000)},
            "12 of 12 images are nearly constant.*8000..9000 became 0..255",
        ),
        (lambda number: saved(np.full((16, 16), number, np.uint8)), {}, "12 of 12 .*are these masks"),
        (
            lambda number: saved(RANDOM.integers(0, 8, (16, 16)).astype(np.uint8)),
            {},
            "12 of 12 .*are these masks",
        ),
        (
            lambda number: saved(np.full((16, 16, 3), (200, 9, 90), np.uint8)),
            {},
            "12 of 12 images are nearly",
        ),
    ],
)
def test_nothing_to_see_is_refused(tmp_path, make, options, said):
    with pytest.raises(InputError, match=said):
        prepared(tmp_path, tree(make), **options)
    assert not list((tmp_path / "data").glob("folder/*/*"))


def test_dark_images_and_a_few_blank_ones_are_fine(tmp_path):
    def make(number: int) -> bytes:
        values = np.zeros((16, 16), np.uint8)
        values[4, number % 16] = 40
        return saved(values)

    files = tree(make) | {"ill/blank.png": saved(np.zeros((16, 16), np.uint8))}
    assert sum(prepared(tmp_path, files).num_examples.values()) == 13


def test_a_bright_mark_in_the_dark_is_said(tmp_path):
    def make(number: int) -> bytes:
        values = RANDOM.integers(0, 1000, (16, 16)).astype(np.uint16)
        values[0, 0] = 65535
        return saved(values)

    notes = "; ".join(prepared(tmp_path, tree(make)).summary["notes"])
    assert "warning: in 12 of 12 images all but 2 % of the pixels lie within 20 of 255" in notes


def test_pages_of_a_tiff(tmp_path):
    def make(number: int) -> bytes:
        pages = [Image.fromarray(RANDOM.integers(0, 256, (16, 16)).astype(np.uint8)) for _ in range(3)]
        buffer = io.BytesIO()
        pages[0].save(buffer, "TIFF", save_all=True, append_images=pages[1:])
        return buffer.getvalue()

    files = tree(make, ".tif")
    for name in ("first", "all"):
        (tmp_path / name).mkdir()
    first = prepared(tmp_path / "first", files)
    assert "12 files hold 36 images; the first of each is stored (--frames all)" in first.summary["notes"]
    every = prepared(tmp_path / "all", files, frames="all", split="patient")
    assert sum(every.num_examples.values()) == 36
    assert every.summary["duplicates"]["images"] == 0
    assert every.summary["leaks"]["groups_in_several_splits"] == 0
    page = Image.open(io.BytesIO(files["ill/ill2.tif"]))
    page.seek(2)
    np.testing.assert_array_equal(pixels(every)["ill__ill2.tif__frame0003"][..., 0], np.asarray(page))


def scans(patients: int = 5) -> dict[str, bytes]:
    """Two classes of DICOM files, two images a patient, one in five without suffix, beside what is no image."""
    files = {"DICOMDIR": bytes(128) + b"DICM", "README": b"Read me."}
    for number in range(4 * patients):
        values = RANDOM.integers(0, 4096, (16, 16)).astype(np.uint16)
        name = "ill" if number < 2 * patients else "normal"
        suffix = ("", ".1.840", ".dcm", ".DCM", ".dcm")[number % 5]
        files[f"{name}/scan{number}{suffix}"] = dicom(
            values, patient=f"MRN-{number // 2}", WindowCenter=2048, WindowWidth=4096
        )
    return files


def test_patients_stay_on_one_side_and_unknown(tmp_path):
    files = scans()
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    dataset = prepared(tmp_path / "one", files, split="patient")
    assert sum(dataset.num_examples.values()) == 20
    leaks = dataset.summary["leaks"]
    assert (leaks["groups"], leaks["groups_in_several_splits"]) == (10, 0)
    assert dataset.summary["skipped"]["not an image"]["count"] == 2
    assert dataset.summary["values"] == {"how": "windows", "low": None, "high": None, "files": 20}
    assert "PatientID" in dataset.summary["dicom_tags"]
    assert "PatientName" not in dataset.summary["dicom_tags"]
    # The same source gives the same groups; none of what identifies a patient is anywhere in what is stored.
    again = prepared(tmp_path / "two", files, split="patient")
    assert again.fingerprint == dataset.fingerprint
    stored = b"".join(path.read_bytes() for path in dataset.path.rglob("*") if path.is_file())
    for secret in (b"MRN-", b"Doe", b"Jane", b"1970", b"Elsewhere", b"A-77"):
        assert secret not in stored


def test_without_pydicom(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pydicom", None)
    with pytest.raises(
        InputError, match=r'source\.zip: ill/scan0 is a DICOM file; .* pip install "jaxpix\[dicom\]"'
    ):
        prepared(tmp_path, scans(1))


def test_a_hash_belongs_to_its_source(tmp_path):
    groups = []
    for index, patients in enumerate((5, 6)):
        (tmp_path / str(index)).mkdir()
        dataset = prepared(tmp_path / str(index), scans(patients), split="patient")
        groups.append({group for split in dataset.num_examples for group in dataset.groups(split)})
    assert not groups[0] & groups[1]


def test_known_patients_decide_the_split_unless_somebody_else_does(tmp_path):
    assert prepared(tmp_path, scans()).scheme == "patient"
    dataset = prepared(tmp_path, scans(), split="random")
    assert (
        "patients are known: --split patient keeps the images of each on one side" in dataset.summary["notes"]
    )


def test_a_split_by_patients_that_nobody_knows(tmp_path):
    with pytest.raises(InputError, match="split 'patient' needs images whose patients are known"):
        prepared(tmp_path, tree(lambda number: made.encoded(number)), split="patient")


def test_dicom_without_windows_and_mixed(tmp_path):
    def plain(number: int) -> bytes:
        return dicom(RANDOM.integers(-1000, 1000, (16, 16)).astype(np.int16), patient=str(number))

    files = tree(plain, ".dcm")
    dataset = prepared(tmp_path, files)
    values = dataset.summary["values"]
    assert values["how"] == "range"
    assert -1000 <= values["low"] < values["high"] < 1000
    mixed = files | {name: content for name, content in scans(1).items() if name.startswith("ill/")}
    (tmp_path / "mixed").mkdir()
    with pytest.raises(
        InputError, match=r"with a window of its own.*without a window|without.*with a window"
    ):
        prepared(tmp_path / "mixed", mixed)


def test_frames_of_a_scan(tmp_path):
    def make(number: int) -> bytes:
        frames = RANDOM.integers(0, 256, (3, 16, 16)).astype(np.uint8)
        return dicom(frames, patient=str(number), NumberOfFrames=3)

    dataset = prepared(tmp_path, tree(make, ".dcm"), frames="all", split="patient")
    assert sum(dataset.num_examples.values()) == 36
    assert dataset.summary["leaks"]["groups"] == 12
    assert dataset.summary["settings"]["frames"] == "all"


def test_data_of_before_are_read_and_not_refused(tmp_path):
    dataset = prepared(tmp_path, tree(lambda number: made.encoded(number)))
    path = dataset.path / "summary.json"
    summary = json.loads(path.read_text())
    for key in ("values", "dicom_tags"):
        del summary[key]
    for key in ("window", "frames"):
        del summary["settings"][key]
    path.write_text(json.dumps(summary))
    config = PrepareConfig(source=tmp_path / "source.zip", image_size=16, data_dir=tmp_path / "data")
    assert prepare_dataset("folder", config).fingerprint == dataset.fingerprint


_files = st.lists(
    st.tuples(
        st.sampled_from(["plain", "deep", "range", "windowed"]),
        st.integers(-20, 70_000),
        st.integers(0, 70_000),
    ),
    min_size=1,
    max_size=8,
)


@settings(max_examples=200, deadline=None)
@given(_files)
def test_either_all_values_keep_their_order_or_it_is_refused(files):
    """One kind of file gives one mapping, which holds every value and leaves a quarter of the greys used at least."""
    looks = {
        str(number): Look(kind, low, low + more) if kind != "plain" else Look("plain")
        for number, (kind, low, more) in enumerate(files)
    }
    kinds = {look.kind for look in looks.values()}
    low, high = min(look.low for look in looks.values()), max(look.high for look in looks.values())
    evident = len(kinds) == 1 and (low < high or kinds <= {"plain", "windowed"})
    if not evident:
        with pytest.raises(InputError, match=r"--window LOW HIGH|nothing can be seen"):
            settle_values(looks, None, "here")
        return
    values, notes = settle_values(looks, None, "here")
    if kinds == {"plain"}:
        assert (values, notes) == (None, [])
    elif kinds == {"windowed"}:
        assert values["how"] == "windows"
    else:
        assert values["low"] <= low < high <= values["high"]
        fourfold = 4 * max(high, 64)
        assert (values["low"], values["high"]) == (low, high) or (
            values["low"] == 0 and values["high"] < fourfold
        )
    assert all("0..255" in note for note in notes[:1])


def test_the_command_line(tmp_path, capsys):
    source = made.write(tmp_path / "tree", tree(deep_grey(12)))
    main(
        [
            "folder",
            "--source",
            str(source),
            "--image-size",
            "16",
            "--data-dir",
            str(tmp_path),
            "--window",
            "-5",
            "4095",
        ]
    )
    shown = capsys.readouterr().out
    assert "values: the window -5..4095 mapped to 0..255" in shown
    assert "overview: " in shown
