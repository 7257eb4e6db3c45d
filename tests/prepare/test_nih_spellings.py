"""NIH ChestX-ray14 as people have it: other spellings, copies in JPEG, paths, delimiters, the sample."""

import re

import pytest
from support import made_trees as made

from jaxpix.data.registry import CHEST_LABELS
from jaxpix.errors import InputError

TABLE = "Data_Entry_2017.csv"


def listed(tmp_path, files, name="a", **options):
    return made.listing("chest", made.write(tmp_path / name, files), **options)


def with_table(files, change):
    return files | {TABLE: change(files[TABLE].decode()).encode()}


@pytest.fixture
def expected(tmp_path):
    return [
        (item.image_id, item.label, item.group, item.split)
        for item in listed(tmp_path, made.chest(), "e").items
    ]


def same(found, expected):
    return [(item.image_id, item.label, item.group, item.split) for item in found.items] == expected


def test_dicom_files_are_those_of_the_table_too(tmp_path, expected):
    scans = {name.replace(".png", ".DCM"): content for name, content in made.chest().items()}
    assert same(listed(tmp_path, scans), expected)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            lambda text: text.replace("Pleural_Thickening", "Pleural Thickening"),
            "'Pleural Thickening' as Pleural_Thick",
        ),
        (
            lambda text: text.replace("Pleural_Thickening", "pleural-thickening"),
            "'pleural-thickening' as Pleural_Thick",
        ),
        (lambda text: text.replace("No Finding", "No finding"), "'No finding' as No Finding (10 times)"),
        (lambda text: text.replace("No Finding", "NO FINDINGS"), "'NO FINDINGS' as No Finding (10 times)"),
        (lambda text: text.replace("Edema", "edema"), "'edema' as Edema"),
        (lambda text: re.sub(r",(\w+)\|(\w+),", r',"\1, \2",', text), "20 rows join findings by ',' or ';'"),
        (
            lambda text: re.sub(r"^(\d)", r"/kaggle/input/data/images_001/images/\1", text, flags=re.M),
            "30 image ind",
        ),
        (lambda text: re.sub(r"^(\d)", r"C:\\xray\\\1", text, flags=re.M), "30 image indices are paths"),
        (lambda text: re.sub(r"^(?=.)", ",", re.sub(r"^(\d)", r"7,\1", text, flags=re.M), count=1), None),
        (lambda text: text.replace("Image Index", "image_index").replace("Patient ID", "PatientId"), None),
    ],
)
def test_other_spellings_give_the_same(tmp_path, expected, change, said):
    found = listed(tmp_path, with_table(made.chest(), change))
    assert same(found, expected)
    assert said is None or any(said in note for note in found.notes)


@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_other_delimiters_give_the_same(tmp_path, expected, delimiter):
    """As a spreadsheet writes the table: the header's commas inside quotes or not."""

    def change(text):
        header, *lines = text.splitlines()
        header = "Image Index,Finding Labels,Follow-up #,Patient ID".replace(",", delimiter)
        return "\n".join([header, *(delimiter.join(line.split(",")[:4]) for line in lines)])

    assert same(listed(tmp_path, with_table(made.chest(), change)), expected)


@pytest.mark.parametrize("words", [("0", "1"), ("0.0", "1.0"), ("False", "True")])
def test_a_column_of_flags_per_finding_gives_the_same(tmp_path, expected, words):
    names = ["No Finding", *(name.replace("_", " ") for name in CHEST_LABELS)]
    lines = [",".join(["", "Image Index", "Patient Age", *names, "Patient ID"])]
    for number, line in enumerate(made.chest()[TABLE].decode().splitlines()[1:]):
        index, findings, _, patient, *_ = line.split(",")
        flags = [words[name in findings.replace("_", " ").split("|")] for name in names]
        lines.append(",".join([str(number), index, "57", *flags, patient]))
    files = made.chest() | {TABLE: "\n".join(lines).encode()}
    found = listed(tmp_path, files)
    assert same(found, expected)
    assert "findings are read from a column of 0 and 1 each" in found.notes
    spoilt = files | {TABLE: files[TABLE].replace(f"57,{words[1]}".encode(), b"57,1,-1", 1)}
    with pytest.raises(InputError, match=r"line 2, column 'Atelectasis': .*got '-1'"):
        listed(tmp_path, spoilt, "spoilt")


@pytest.mark.parametrize("suffix", [".jpg", ".jpeg", ".PNG"])
def test_copies_in_another_format_are_matched_by_stem(tmp_path, expected, suffix):
    files = {
        re.sub(r"\.png$", suffix, name): made.encoded(n, ".jpg") if name.endswith(".png") else content
        for n, (name, content) in enumerate(made.chest().items())
    }
    found = listed(tmp_path, files)
    assert same(found, expected)
    assert any(note.startswith("30 images are copies in another format") for note in found.notes)


def test_a_file_that_the_table_names_goes_before_its_copy(tmp_path, expected):
    files = made.chest() | {"jpeg/00000000_000.jpg": made.encoded(1, ".jpg")}
    found = listed(tmp_path, files)
    assert same(found, expected)
    assert made.reasons(found) == {"the same image in another format": 1}
    assert not any("copies" in note for note in found.notes)


def test_two_copies_that_differ_are_refused(tmp_path):
    files = made.without(made.chest(), r"00000000_000\.png$")
    files |= {
        f"{suffix}/00000000_000.{suffix}": made.encoded(n, f".{suffix}")
        for n, suffix in enumerate(("jpg", "jpeg"))
    }
    with pytest.raises(InputError, match="two different images are called 00000000_000"):
        listed(tmp_path, files)


def test_the_sample_release(tmp_path):
    files = made.chest(flat=True, official=False)
    table = files.pop(TABLE)
    files = {f"sample/{name}": content for name, content in files.items()} | {"sample_labels.csv": table}
    found = listed(tmp_path, files, split="patient")
    assert (len(found.items), found.num_missing) == (30, 0)
    with pytest.raises(InputError, match=r"train_val_list\.txt not found; .*--split patient"):
        listed(tmp_path, files)


def test_a_second_table_is_said(tmp_path):
    files = made.chest()
    files["Data_Entry_2017_v2020.csv"] = files[TABLE]
    found = listed(tmp_path, files)
    assert "label tables that were not used: Data_Entry_2017_v2020.csv (--labels chooses)" in found.notes


def test_lists_of_paths_and_of_kaggles_name(tmp_path, expected):
    files = made.chest()
    for name in ("train_val_list", "test_list"):
        lines = files.pop(f"{name}.txt").decode().splitlines()
        files[f"{name}_NIH.txt"] = "\n".join(f"images/{line}" for line in lines).encode()
    assert same(listed(tmp_path, files), expected)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text.replace("Edema", "Edemma"), r"unknown finding 'Edemma'; .*did you mean Edema\?"),
        (lambda text: text.replace("No Finding", "no fnding"), r"did you mean No Finding\?"),
        (lambda text: text.replace("No Finding", ""), "unknown finding ''"),
        (
            lambda text: text.replace("No Finding", "No Finding|Mass"),
            "says that there is no finding, and names some",
        ),
        (lambda text: text.replace("Patient ID", "Who"), "column 'Patient ID' not found"),
        (
            lambda text: text.replace("Patient ID,Patient Age", "patient_id,PATIENTID"),
            "several columns could be",
        ),
    ],
)
def test_what_cannot_be_read_is_refused(tmp_path, change, message):
    with pytest.raises(InputError, match=message):
        listed(tmp_path, with_table(made.chest(), change))


@pytest.mark.parametrize("allow_missing", [False, True])
def test_a_partial_copy_never_loses_a_split(tmp_path, allow_missing):
    files = made.without(made.chest(), r"/000000(1[2-4])_00\d\.png$")
    with pytest.raises(InputError, match="so that no image is left of split test;"):
        listed(tmp_path, files, allow_missing=allow_missing)


def test_findings_of_which_nothing_is_left_are_said(tmp_path):
    found = listed(tmp_path, made.chest())
    assert sum(note.startswith("warning: no image in test has the finding") for note in found.notes) == 1
    files = made.without(made.chest(official=False), r"/000000(0[1-9]|1\d)_.*png$")
    found = listed(tmp_path, files, "partial", split="patient", allow_missing=True)
    left = {label for item in found.items for label in item.label}
    gone = [name for label, name in enumerate(found.info.class_names) if label not in left]
    assert gone
    assert f"warning: no image has the finding {', '.join(gone)}" in found.notes


def test_masks_of_the_same_name_are_no_images(tmp_path, expected):
    files = made.chest()
    files |= {f"masks/{name.rpartition('/')[2]}": made.encoded(99) for name in files if name.endswith(".png")}
    found = listed(tmp_path, files)
    assert same(found, expected)
    assert made.reasons(found) == {"in a folder of masks": 30}
