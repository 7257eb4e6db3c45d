"""Kermany's trees: every image once, patients from file names, the public folders."""

from collections import Counter

import pytest
from support import made_trees as made

from jaxpix.errors import InputError
from jaxpix.prepare.formats.kermany import oct_patient, pneumonia_patient


@pytest.mark.parametrize("form", ["zip", "tree"])
def test_pneumonia_counts_the_nested_copy_once(tmp_path, form):
    files = made.pneumonia()
    source = made.pack(tmp_path / "a.zip", files) if form == "zip" else made.write(tmp_path / "a", files)
    found = made.listing("pneumonia", source)
    assert Counter(item.label for item in found.items) == {0: 16, 1: 16}
    assert made.reasons(found) == {"second copy of an image": 32, "left by an operating system": 33}
    assert all("chest_xray/chest_xray" not in item.member for item in found.items)
    assert len({item.image_id for item in found.items}) == 32


def test_pneumonia_public_merges_the_tiny_validation_folder(tmp_path):
    found = made.listing("pneumonia", made.write(tmp_path / "a", made.pneumonia()), split="public")
    assert Counter(item.split for item in found.items) == {"train": 22, "test": 10}
    assert "the 2 images of the folder val are too few" in found.notes[0]


def test_pneumonia_public_keeps_a_validation_folder_that_is_large_enough(tmp_path):
    files = made.pneumonia(4) | {
        f"chest_xray/val/NORMAL/IM-{number:04}-0001.jpeg": made.encoded(500 + number, ".jpeg")
        for number in range(1000, 1050)
    }
    found = made.listing("pneumonia", made.write(tmp_path / "a", files), split="public")
    assert Counter(item.split for item in found.items)["validation"] == 52


def test_pneumonia_public_needs_the_public_folders(tmp_path):
    files = {
        f"all/{name}/person{i}_virus_{i}.jpeg": made.encoded(i)
        for i, name in enumerate(["NORMAL", "PNEUMONIA"])
    }
    with pytest.raises(InputError, match="split 'public' needs the folders train and test"):
        made.listing("pneumonia", made.write(tmp_path / "a", files), split="public")


def test_unknown_class_folder(tmp_path):
    files = made.pneumonia(4) | {"chest_xray/train/COVID/person9_virus_9.jpeg": made.encoded(999)}
    with pytest.raises(InputError, match="unknown class folder 'COVID'; expected NORMAL, PNEUMONIA"):
        made.listing("pneumonia", made.write(tmp_path / "a", files))


def test_two_different_images_of_one_name(tmp_path):
    files = made.pneumonia(4)
    name = next(name for name in files if name.startswith("chest_xray/chest_xray/train"))
    with pytest.raises(InputError, match="two different images are called train_"):
        made.listing("pneumonia", made.write(tmp_path / "a", files | {name: made.encoded(999, ".jpeg")}))


@pytest.mark.parametrize(
    ("stem", "patient"),
    [
        ("person1_virus_6", "virus-1"),
        ("person1_bacteria_6", "bacteria-1"),
        ("person0100_bacteria_475", "bacteria-100"),
        ("person1140_virus_1_2", "virus-1140"),
        ("IM-0115-0001", "IM-115"),
        ("NORMAL2-IM-0115-0001-0002", "NORMAL2-IM-115"),
        ("NORMAL-745902-0001", "normal-745902"),
        ("BACTERIA-7422-0002", "bacteria-7422"),
        ("whatever", ""),
    ],
)
def test_pneumonia_patients(stem, patient):
    assert pneumonia_patient(stem) == patient


def test_a_number_of_thousands_of_digits_names_nobody():
    for stem in ("person{}_virus_1", "IM-{}-0001", "NORMAL-{}-1"):
        assert pneumonia_patient(stem.format("9" * 5000)) == ""


def test_oct_folder_with_a_trailing_space(tmp_path):
    found = made.listing("oct", made.pack(tmp_path / "a.zip", made.oct_images()), split="public")
    assert Counter((item.split, item.label) for item in found.items) == {
        (split, label): 5 for split in ("train", "test") for label in range(4)
    }
    assert {item.group for item in found.items} == {"100", "101", "102", "103"}
    assert oct_patient("CNV-53018-2") == oct_patient("DRUSEN-53018-7") == "53018"
