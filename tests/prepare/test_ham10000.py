"""HAM10000 in every layout, whole and in part."""

from collections import Counter

import pytest
from support import made_trees as made

from jaxpix.errors import InputError


@pytest.mark.parametrize(
    ("delimiter", "table"),
    [
        (",", "HAM10000_metadata.csv"),
        ("\t", "HAM10000_metadata.tab"),
        (",", "HAM10000_metadata.tab"),
        (",", "HAM10000_metadata"),
    ],
)
def test_derma_layouts(tmp_path, delimiter, table):
    found = made.listing("derma", made.pack(tmp_path / "a.zip", made.derma(delimiter, table)))
    assert [Counter(item.label for item in found.items)[label] for label in range(7)] == [10] * 7
    assert made.reasons(found) == {"second copy of an image": 35, "not in the metadata": 1}
    assert len({item.group for item in found.items}) == 36
    assert found.items[0].image_id == "ISIC_0024001"


def test_derma_partial_copy(tmp_path):
    source = made.write(tmp_path / "a", made.without(made.derma(), "part_2"))
    with pytest.raises(
        InputError, match=r"35 of 70 images named by the tables are not in .* --allow-missing"
    ):
        made.listing("derma", source)
    found = made.listing("derma", source, allow_missing=True)
    assert (len(found.items), found.num_missing) == (35, 35)
    assert found.notes == ["partial copy: 35 of 70 images named by the tables are absent"]


def test_derma_labels_given_apart(tmp_path):
    files = made.derma()
    table = made.write(tmp_path / "t", {"my table.csv": files.pop("HAM10000_metadata.csv")}) / "my table.csv"
    source = made.write(tmp_path / "a", files)
    with pytest.raises(
        InputError, match=r"HAM10000_metadata\.csv not found; put it there or give it with --labels"
    ):
        made.listing("derma", source)
    with pytest.raises(InputError, match="--labels not found"):
        made.listing("derma", source, labels=tmp_path / "nowhere.csv")
    assert len(made.listing("derma", source, labels=table).items) == 70


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (b",akiec,", b",tumour,", "unknown class 'tumour' of ISIC_0024001; allowed: akiec, bcc"),
        (b"image_id", b"image", "column 'image_id' not found; expected lesion_id, image_id, dx"),
        (b"ISIC_0024002", b"ISIC_0024001", "ISIC_0024001 is listed twice"),
    ],
)
def test_derma_bad_tables(tmp_path, old, new, message):
    files = made.derma()
    files["HAM10000_metadata.csv"] = files["HAM10000_metadata.csv"].replace(old, new)
    with pytest.raises(InputError, match=message):
        made.listing("derma", made.write(tmp_path / "a", files))


def test_derma_other_bad_tables(tmp_path):
    source = made.write(tmp_path / "a", made.derma())
    empty = made.write(tmp_path, {"empty.csv": b""}) / "empty.csv"
    with pytest.raises(InputError, match=r"empty\.csv"):
        made.listing("derma", source, labels=empty)
    short = made.write(tmp_path, {"short.csv": b"lesion_id,image_id,dx\nHAM_1,ISIC_1\n"}) / "short.csv"
    with pytest.raises(InputError, match="line 2: expected 3 columns"):
        made.listing("derma", source, labels=short)
    broken = made.write(tmp_path, {"broken.csv.gz": b"\x1f\x8bnonsense"}) / "broken.csv.gz"
    with pytest.raises(InputError, match="not readable as gzip"):
        made.listing("derma", source, labels=broken)
