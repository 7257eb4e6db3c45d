"""COVIDx by its official lists, typing errors included."""

import re
from collections import Counter

import pytest
from support import made_trees as made

from jaxpix.errors import InputError


def test_covid_lists(tmp_path):
    found = made.listing("covid", made.pack(tmp_path / "a.zip", made.covid()))
    assert Counter((item.split, item.label) for item in found.items) == {
        (split, label): count for split, count in (("train", 6), ("test", 3)) for label in range(3)
    }
    assert {item.group.split()[0] for item in found.items} == {"rsna", "cohen"}
    assert any(item.member.endswith(".JPG") for item in found.items)
    assert "class and source are confounded: 1 of 2 sources (cohen)" in found.notes[-1]


def test_covid_finds_names_in_another_case(tmp_path):
    files = {name.replace(".JPG", ".jpg"): content for name, content in made.covid().items()}
    assert len(made.listing("covid", made.write(tmp_path / "a", files)).items) == 27


@pytest.mark.parametrize(
    ("pattern", "replacement", "message"),
    [
        (b"COVID-19 cohen", b"SARS cohen", "unknown class 'SARS'; allowed: normal, pneumonia, COVID-19"),
        (
            b"1 normal(1).png normal rsna",
            b"1 normal(1).png",
            "line 1: expected 'patientid filename class source'",
        ),
        (b"2 normal(2).jpg", b"2 normal(1).png", "the lists name 1 images twice"),
    ],
)
def test_covid_bad_lists(tmp_path, pattern, replacement, message):
    files = made.covid()
    name = "train_COVIDx9A.txt"
    files[name] = files[name].replace(pattern, replacement)
    with pytest.raises(InputError, match=re.escape(message)):
        made.listing("covid", made.write(tmp_path / "a", files))


def test_covid_missing_list_and_images(tmp_path):
    with pytest.raises(InputError, match=r"test_COVIDx9A\.txt not found"):
        made.listing("covid", made.write(tmp_path / "a", made.without(made.covid(), "^test_COVID")))
    with pytest.raises(InputError, match="9 of 27 images named by the tables are not in"):
        made.listing("covid", made.write(tmp_path / "b", made.without(made.covid(), "^test/")))
    lists = {name: content for name, content in made.covid().items() if name.endswith(".txt")}
    images = made.write(tmp_path / "c", made.without(made.covid(), "txt$"))
    assert len(made.listing("covid", images, labels=made.write(tmp_path / "lists", lists)).items) == 27
