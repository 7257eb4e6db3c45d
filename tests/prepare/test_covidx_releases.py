"""COVIDx as people have it: other releases, ids with spaces, partial copies."""

import re
from collections import Counter

import pytest
from support import made_trees as made

from jaxpix.errors import InputError


def tree(lists, absent=()):
    """Lists as given, and an image for each (split, file name)."""
    files = {}
    for number, (name, lines) in enumerate(lists.items()):
        files[name] = ("\n".join(line for line, _ in lines) + "\n").encode()
        split = re.match(r"[a-z]+", name.rpartition("/")[2])[0]
        for index, (_, image) in enumerate(lines):
            if image and f"{split}/{image}" not in absent:
                files[f"{split}/{image}"] = made.encoded(100 * number + index)
    return files


def lines_of(classes, origin="rsna", count=3, start=0):
    """Patient, file, class and source, where each source has every class."""
    return [
        (f"p{start + number} {name}{start + number}.png {name} {origin}", f"{name}{start + number}.png")
        for number in range(count)
        for name in classes
    ]


THREE = ("normal", "pneumonia", "COVID-19")
TWO = ("positive", "negative")


def listed(tmp_path, files, **options):
    return made.listing("covid", made.write(tmp_path / "a", files), **options)


def test_a_patient_id_with_spaces(tmp_path):
    sirm = [(f"COVID {n} COVID({n}).png COVID-19 sirm", f"COVID({n}).png") for n in (1, 2, 3)]
    both = lines_of(THREE[:2])
    found = listed(
        tmp_path, tree({"train_COVIDx9A.txt": both + sirm, "test_COVIDx9A.txt": lines_of(THREE, start=9)})
    )
    assert found.num_missing == 0
    of_sirm = [item for item in found.items if item.group.startswith("sirm")]
    assert [item.group for item in of_sirm] == ["sirm COVID 1", "sirm COVID 2", "sirm COVID 3"]
    assert {item.label for item in of_sirm} == {2}
    assert of_sirm[0].image_id == "train_COVID(1).png"
    assert "3 lines have a patient id with spaces (first: 'COVID 1')" in found.notes


def test_a_file_name_with_spaces_and_both(tmp_path):
    odd = [("7 a scan.png normal rsna", "a scan.png"), ("COVID 8 b scan.png COVID-19 rsna", "b scan.png")]
    lists = {"train_COVIDx9A.txt": lines_of(THREE) + odd, "test_COVIDx9A.txt": lines_of(THREE, start=9)}
    found = listed(tmp_path, tree(lists))
    places = {item.member: item.group for item in found.items}
    assert places["train/a scan.png"] == "rsna 7"
    assert places["train/b scan.png"] == "rsna COVID 8"


def test_a_line_of_two_readings_is_refused(tmp_path):
    odd = [("7 a scan.png normal rsna", "a scan.png")]
    lists = {"train_COVIDx9A.txt": odd + lines_of(THREE), "test_COVIDx9A.txt": lines_of(THREE, start=9)}
    files = tree(lists) | {"train/scan.png": made.encoded(999)}
    with pytest.raises(
        InputError, match=r"line 1: two readings.*'a scan.png' of patient '7' and 'scan.png' of patient '7 a'"
    ):
        listed(tmp_path, files)


@pytest.mark.parametrize("allow_missing", [False, True])
@pytest.mark.parametrize(
    ("pattern", "lost"),
    [
        ("COVID-19", "class COVID-19"),
        ("^train/COVID-19", "class COVID-19 in train"),
        ("^test/pneumonia", "class pneumonia in test"),
        ("^test/", "split test"),
    ],
)
def test_a_partial_copy_never_loses_a_class_or_split(tmp_path, pattern, lost, allow_missing):
    files = tree({"train_COVIDx9A.txt": lines_of(THREE), "test_COVIDx9A.txt": lines_of(THREE, start=9)})
    files = {name: content for name, content in files.items() if not re.search(pattern + r".*png$", name)}
    with pytest.raises(InputError, match=f"so that no image is left of {lost};") as raised:
        listed(tmp_path, files, allow_missing=allow_missing)
    assert "--allow-missing prepares the others" not in str(raised.value)


def test_a_partial_copy_that_loses_no_class(tmp_path):
    lists = {"train_COVIDx9A.txt": lines_of(THREE), "test_COVIDx9A.txt": lines_of(THREE, start=9)}
    found = listed(tmp_path, tree(lists, absent={"train/normal0.png"}), allow_missing=True)
    assert (found.num_missing, len(found.items)) == (1, 17)
    assert "partial copy: 1 of 18 images named by the tables are absent" in found.notes


@pytest.mark.parametrize(
    ("lists", "title"),
    [
        (("train.txt", "test.txt"), "COVIDx (chest X-ray)"),
        (("train_COVIDx9B.txt", "test_COVIDx9B.txt"), "COVIDx V9B (chest X-ray)"),
        (("train_COVIDx_CXR-2A.txt", "test_COVIDx_CXR-2A.txt"), "COVIDx CXR-2A (chest X-ray)"),
        (("labels/train_covidx_cxr-3b.txt", "labels/test_COVIDx_CXR-3B.txt"), "COVIDx CXR-3B (chest X-ray)"),
    ],
)
def test_releases_of_two_classes(tmp_path, lists, title):
    train, test = lists
    found = listed(tmp_path, tree({train: lines_of(TWO), test: lines_of(TWO, start=9, count=2)}))
    assert found.info.title == title
    assert found.info.class_names == ("negative", "positive")
    assert found.info.normal_classes == ("negative",)
    assert Counter((item.split, item.label) for item in found.items) == {
        ("train", 0): 3,
        ("train", 1): 3,
        ("test", 0): 2,
        ("test", 1): 2,
    }
    assert found.notes[0].startswith(f"understood as {title} by ")
    assert "negative means no COVID-19, other pneumonias included; it counts as normal" in found.notes
    assert not any("confounded" in note for note in found.notes)


def test_a_validation_list(tmp_path):
    lists = {
        "train.txt": lines_of(TWO),
        "val.txt": lines_of(TWO, start=5, count=2),
        "test.txt": lines_of(TWO, start=9),
    }
    found = listed(tmp_path, tree(lists))
    assert Counter(item.split for item in found.items) == {"train": 6, "validation": 4, "test": 6}


def test_lists_that_name_a_release_go_before_plain_ones(tmp_path):
    three = {"train_COVIDx9A.txt": lines_of(THREE), "test_COVIDx9A.txt": lines_of(THREE, start=9)}
    plain = {
        "train.txt": lines_of(TWO),
        "test.txt": lines_of(TWO, start=9),
    }
    files = tree(three) | tree(plain)
    found = listed(tmp_path, files)
    assert found.info.class_names == THREE
    assert "lists that were not used: test.txt, train.txt (--labels chooses)" in found.notes
    chosen = listed(tmp_path, files, labels=tmp_path / "a" / "train.txt")
    assert chosen.info.class_names == ("negative", "positive")
    assert {item.split for item in chosen.items} == {"train", "test"}


def test_two_releases_are_refused_until_one_is_named(tmp_path):
    files = tree({"train_COVIDx9A.txt": lines_of(THREE), "test_COVIDx9A.txt": lines_of(THREE, start=9)})
    files |= tree({"train_COVIDx9B.txt": lines_of(TWO), "test_COVIDx9B.txt": lines_of(TWO, start=9)})
    with pytest.raises(InputError, match=r"several releases of COVIDx \(9A, 9B\).*name one with --labels"):
        listed(tmp_path, files)
    found = listed(tmp_path, files, labels=tmp_path / "a" / "test_COVIDx9B.txt")
    assert found.info.title == "COVIDx V9B (chest X-ray)"


@pytest.mark.parametrize(
    ("lists", "message"),
    [
        ({"train_COVIDx9A.txt": THREE, "test_COVIDx9B.txt": TWO}, "lists of several releases of COVIDx"),
        (
            {"train.txt": THREE, "test.txt": TWO},
            "classes of two kinds of COVIDx releases are mixed: COVID-19 \\(.*line 3",
        ),
        ({"train.txt": TWO}, r"test\.txt not found"),
        ({"train.txt": TWO, "training.txt": TWO, "test.txt": TWO}, "two lists for train: "),
        ({"train.txt": ("normal",), "test.txt": ("normal",)}, "images of one class only"),
        (
            {"train.txt": ("normal", "pneumonia"), "test.txt": THREE},
            "the train list names no image of the class",
        ),
    ],
)
def test_lists_that_do_not_go_together(tmp_path, lists, message):
    files = tree({name: lines_of(classes, start=9 * i) for i, (name, classes) in enumerate(lists.items())})
    with pytest.raises(InputError, match=message):
        listed(tmp_path, files)


def test_classes_in_another_case_and_lists_without_sources(tmp_path):
    lines = [
        (f"{n} {name}{n}.png {name}", f"{name}{n}.png") for n in range(2) for name in ("Normal", "covid-19")
    ]
    found = listed(tmp_path, tree({"train_COVIDx2.txt": lines, "test_COVIDx2.txt": lines}))
    assert found.info.class_names == ("normal", "COVID-19")
    assert {item.group for item in found.items} == {"0", "1"}
    assert "4 lines spell the class normal 'Normal'" in found.notes
    assert "the lists do not say which source an image is from" in found.notes
    assert "the lists name no image of pneumonia" in found.notes


@pytest.mark.parametrize(
    ("sources", "warning"),
    [
        ({"rsna": THREE, "cohen": THREE}, None),
        ({"rsna": THREE}, None),
        ({"rsna": THREE, "sirm": THREE[2:]}, r"1 of 2 sources \(sirm\) has images of one class only"),
        (
            {"rsna": THREE[:2], "sirm": THREE[2:], "ricord": THREE[2:]},
            r"2 of 3 sources \(ricord, sirm\) have images of one class only",
        ),
    ],
)
def test_confounding_is_said_only_where_there_is_some(tmp_path, sources, warning):
    lines = {
        start: [
            line
            for n, (origin, classes) in enumerate(sources.items())
            for line in lines_of(classes, origin, start=start + 20 * n)
        ]
        for start in (0, 100)
    }
    found = listed(tmp_path, tree({"train_COVIDx9A.txt": lines[0], "test_COVIDx9A.txt": lines[100]}))
    said = [note for note in found.notes if "confounded" in note]
    assert len(said) == (warning is not None)
    if warning:
        assert re.search(warning, said[0])


def test_labels_that_are_no_lists(tmp_path):
    files = tree({"train.txt": lines_of(TWO), "test.txt": lines_of(TWO, start=9)})
    other = made.write(tmp_path / "t", {"my.csv": b"x"}) / "my.csv"
    with pytest.raises(InputError, match=r"expected a list called like train_COVIDx9A\.txt or train\.txt"):
        listed(tmp_path, files, labels=other)
    with pytest.raises(InputError, match="--labels not found"):
        listed(tmp_path, files, labels=tmp_path / "nowhere")


def test_the_summary_says_which_release_it_is(tmp_path):
    files = tree({"train.txt": lines_of(TWO, count=6), "test.txt": lines_of(TWO, start=9)})
    dataset = made.prepared(tmp_path, "covid", files)
    assert dataset.summary["notes"][0] == (
        "understood as COVIDx (chest X-ray) by train.txt, test.txt: classes negative, positive"
    )
    assert dataset.info.class_names == ("negative", "positive")
