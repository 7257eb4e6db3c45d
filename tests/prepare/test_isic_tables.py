"""HAM10000 by the ground truth of ISIC's challenges: one-hot labels, lesions from another table."""

import re
from collections import Counter

import pytest
from support import made_trees as made

from jaxpix.data.registry import DATASETS
from jaxpix.errors import InputError

NAMES = DATASETS["derma"].class_names
IN_2018 = ("MEL", "NV", "BCC", "AKIEC", "BKL", "DF", "VASC")
IN_2019 = ("MEL", "NV", "BCC", "AK", "BKL", "DF", "VASC", "SCC", "UNK")
TRUTH = "ISIC2018_Task3_Training_GroundTruth.csv"
GROUPS = "ISIC2018_Task3_Training_LesionGroupings.csv"


def truth(columns=IN_2018, ones=("1.0", "0.0"), classes=NAMES, suffix="", per=2):
    """One-hot rows, two images a class."""
    lines = [",".join(("image", *columns))]
    for number in range(per * len(classes)):
        name = classes[number // per].upper()
        name = "AK" if name == "AKIEC" and "AK" in columns else name
        lines.append(",".join([f"ISIC_{number:07}{suffix}", *(ones[column != name] for column in columns)]))
    return "\n".join(lines).encode()


def groups(count=14):
    lines = ["image,lesion_id,diagnosis_confirm_type"]
    lines += [f"ISIC_{number:07},HAM_{number // 2:07},histopathology" for number in range(count)]
    return "\n".join(lines).encode()


def images(suffix="", count=14):
    return {
        f"ISIC2018_Task3_Training_Input/ISIC_{number:07}{suffix}.jpg": made.encoded(number, ".jpg", "RGB")
        for number in range(count)
    }


def listed(tmp_path, files, **options):
    return made.listing("derma", made.write(tmp_path / "a", files), **options)


@pytest.mark.parametrize("ones", [("1.0", "0.0"), ("1", "0"), ("True", "False"), ("true", "FALSE")])
def test_the_ground_truth_of_2018(tmp_path, ones):
    found = listed(tmp_path, images() | {TRUTH: truth(ones=ones)})
    assert found.info.class_names == NAMES
    assert Counter(item.label for item in found.items) == dict.fromkeys(range(7), 2)
    assert [item.label for item in found.items] == [number // 2 for number in range(14)]
    assert found.notes[0] == f"labels are the columns {', '.join(IN_2018)} of {TRUTH}"
    assert (
        "no table says which images show the same lesion: a split by image may separate them" in found.notes
    )


def test_it_is_prepared_as_by_the_metadata(tmp_path):
    metadata = ["lesion_id,image_id,dx"]
    metadata += [f"HAM_{number // 2:07},ISIC_{number:07},{NAMES[number // 10]}" for number in range(70)]
    fingerprints = []
    for number, tables in enumerate(
        ({"HAM10000_metadata.csv": "\n".join(metadata).encode()}, {TRUTH: truth(per=10), GROUPS: groups(70)})
    ):
        folder = tmp_path / str(number)
        folder.mkdir()
        dataset = made.prepared(folder, "derma", images(count=70) | tables, size=8, split="lesion")
        fingerprints.append(dataset.fingerprint)
    assert fingerprints[0] == fingerprints[1]


def test_as_labels_with_the_groupings_beside(tmp_path):
    tables = made.write(tmp_path / "t", {"mine.csv": truth(), GROUPS: groups()})
    found = listed(tmp_path, images(), labels=tables / "mine.csv", split="lesion")
    assert found.items[3].group == "HAM_0000001"
    assert f"lesions are those of {GROUPS}" in found.notes
    folder = made.write(tmp_path / "f", {TRUTH: truth(), GROUPS: groups()})
    assert len(listed(tmp_path, images(), labels=folder, split="lesion").items) == 14


def test_lesions_that_no_table_tells(tmp_path):
    files = images() | {TRUTH: truth()}
    with pytest.raises(
        InputError, match=r"so --split lesion is not possible; put ISIC2018_Task3.*LesionGroupings"
    ):
        listed(tmp_path, files, split="lesion")
    blank = {"ISIC_2019_Training_Metadata.csv": b"image,age_approx,lesion_id,sex\nISIC_0000001,40,,male\n"}
    with pytest.raises(InputError, match="--split lesion is not possible"):
        listed(tmp_path, files | blank, split="lesion")
    some = {"ISIC_2019_Training_Metadata.csv": b"image,age_approx,lesion_id,sex\nISIC_0000001,40,L1,male\n"}
    found = listed(tmp_path, files | some, split="lesion")
    assert "13 images have no lesion id: each counts as its own lesion" in found.notes


def test_the_ground_truth_of_2019(tmp_path):
    table = {"ISIC_2019_Training_GroundTruth.csv": truth(IN_2019, suffix="_downsampled")}
    found = listed(tmp_path, images("_downsampled") | table)
    assert [item.label for item in found.items] == [number // 2 for number in range(14)]
    assert found.items[0].image_id == "ISIC_0000000"
    assert "AK of ISIC 2019 is read as akiec" in found.notes
    assert "14 images are called …_downsampled, which ids leave out" in found.notes
    assert any(note.startswith("14 ids of the table are file names") for note in found.notes)


@pytest.mark.parametrize("suffix", ["", "_downsampled"])
def test_either_side_may_say_downsampled(tmp_path, suffix):
    other = {"": "_downsampled", "_downsampled": ""}[suffix]
    assert len(listed(tmp_path, images(suffix) | {TRUTH: truth(suffix=other)}).items) == 14


@pytest.mark.parametrize("name", ["SCC", "UNK"])
def test_classes_that_ham10000_does_not_have(tmp_path, name):
    classes = (*NAMES[:6], name.lower())
    table = {"ISIC_2019_Training_GroundTruth.csv": truth(IN_2019, classes=classes)}
    with pytest.raises(
        InputError, match=f"2 images are of the class {name}.*prepare this table with 'folder'"
    ):
        listed(tmp_path, images() | table)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (b"ISIC_0000000,0.0,0.0,0.0,1.0", b"ISIC_0000000,0.0,0.0,1.0,1.0", r"has 2 classes \(AKIEC, BCC\)"),
        (b"ISIC_0000000,0.0,0.0,0.0,1.0", b"ISIC_0000000,0.0,0.0,0.0,0.0", r"has 0 classes \(all are 0\)"),
        (b"ISIC_0000000,0.0", b"ISIC_0000000,0.3", r"line 2, column 'MEL': .* a probability"),
        (b"ISIC_0000000,0.0", b"ISIC_0000000,", r"line 2, column 'MEL': .* a blank"),
        (b"ISIC_0000001,", b"ISIC_0000003,", "ISIC_0000003 is listed twice"),
        (b"image,", b"picture,", "expected a column image, image_id"),
        (b"BKL", b"mel", "several columns are of the class mel"),
    ],
)
def test_bad_ground_truths(tmp_path, old, new, message):
    assert old in truth()
    with pytest.raises(InputError, match=message):
        listed(tmp_path, images() | {TRUTH: truth().replace(old, new)})


def test_several_ground_truths_are_no_single_data_set(tmp_path):
    files = images() | {TRUTH: truth(), "ISIC2018_Task3_Test_GroundTruth.csv": truth()}
    with pytest.raises(InputError, match=r"several ground truths .*choose one with --labels"):
        listed(tmp_path, files)
    assert len(listed(tmp_path, files, labels=tmp_path / "a" / TRUTH).items) == 14


def test_the_metadata_goes_before_a_ground_truth_and_says_so(tmp_path):
    files = made.derma() | {TRUTH: truth()}
    found = listed(tmp_path, files)
    assert len(found.items) == 70
    assert f"labels are those of HAM10000_metadata.csv, not of {TRUTH}" in found.notes


@pytest.mark.parametrize("allow_missing", [False, True])
def test_a_partial_copy_never_loses_a_class(tmp_path, allow_missing):
    files = made.without(images(), "ISIC_000001[23]") | {TRUTH: truth()}
    with pytest.raises(InputError, match="so that no image is left of class vasc;"):
        listed(tmp_path, files, allow_missing=allow_missing)


def test_a_class_that_the_table_never_names_is_said(tmp_path):
    files = {name: content for name, content in images().items() if not re.search("1[23]\\.jpg$", name)}
    found = listed(tmp_path, files | {TRUTH: truth(classes=NAMES[:6])})
    assert "warning: no image is of the class vasc" in found.notes


def test_ids_that_are_paths(tmp_path):
    table = truth().replace(b"ISIC_", b"C:\\kaggle\\ISIC_").replace(b"0,0.0", b"0.jpg,0.0", 1)
    found = listed(tmp_path, images() | {TRUTH: table})
    assert [item.image_id for item in found.items][:2] == ["ISIC_0000000", "ISIC_0000001"]
    assert any(note.startswith("14 ids of the table") for note in found.notes)


def test_a_misspelled_diagnosis(tmp_path):
    files = made.derma()
    files["HAM10000_metadata.csv"] = files["HAM10000_metadata.csv"].replace(b",vasc,", b",vasculr,")
    with pytest.raises(InputError, match=r"unknown class 'vasculr' of ISIC_\d+; .*did you mean vasc\?"):
        listed(tmp_path, files)


def test_masks_of_the_same_name_are_no_images(tmp_path):
    masks = {f"HAM10000_segmentations_lesion/ISIC_{number:07}.png": made.encoded(99) for number in range(14)}
    found = listed(tmp_path, images() | masks | {TRUTH: truth()})
    assert made.reasons(found)["in a folder of masks"] == 14
    with pytest.raises(InputError, match="no images found"):
        listed(tmp_path / "only", masks | {TRUTH: truth()})
