"""NIH ChestX-ray14, nested and flat, with and without official lists."""

from collections import Counter

import pytest
from support import made_trees as made

from jaxpix.errors import InputError


@pytest.mark.parametrize("flat", [True, False])
def test_chest_layouts(tmp_path, flat):
    found = made.listing("chest", made.pack(tmp_path / "a.zip", made.chest(flat)))
    assert Counter(item.split for item in found.items) == {"train": 24, "test": 6}
    assert [item.label for item in found.items[:3]] == [(), (1, 6), (2, 7)]
    assert found.items[3].group == "1"
    assert found.items[3].image_id == "00000001_001"
    assert not found.skipped


def test_chest_without_lists(tmp_path):
    source = made.write(tmp_path / "a", made.chest(official=False))
    with pytest.raises(InputError, match=r"official list train_val_list\.txt not found; .* --split patient"):
        made.listing("chest", source)
    assert len(made.listing("chest", source, split="patient").items) == 30


def test_chest_lists_beside_the_table(tmp_path):
    files = made.chest()
    tables = {name: content for name, content in files.items() if "/" not in name}
    beside = made.write(tmp_path / "tables", tables) / "Data_Entry_2017.csv"
    found = made.listing("chest", made.write(tmp_path / "a", made.without(files, "csv$|txt$")), labels=beside)
    assert Counter(item.split for item in found.items) == {"train": 24, "test": 6}


def test_chest_errors(tmp_path):
    files = made.chest()
    bad = files | {"Data_Entry_2017.csv": files["Data_Entry_2017.csv"].replace(b"No Finding", b"Cough", 1)}
    with pytest.raises(InputError, match="unknown finding 'Cough'; allowed: Atelectasis"):
        made.listing("chest", made.write(tmp_path / "a", bad))
    table = files["Data_Entry_2017.csv"]
    twice = files | {"Data_Entry_2017.csv": table + b"\n00000000_000.png,Hernia,0,0,57,M,PA,1,1,1,1,"}
    with pytest.raises(
        InputError, match=r"00000000_000\.png is listed twice with different findings or patients"
    ):
        made.listing("chest", made.write(tmp_path / "e", twice))
    both = files | {"test_list.txt": files["train_val_list.txt"]}
    with pytest.raises(InputError, match=r"00000000_000\.png is in both official lists"):
        made.listing("chest", made.write(tmp_path / "b", both))
    with pytest.raises(InputError, match="1 of 30 images named by the tables"):
        made.listing("chest", made.write(tmp_path / "c", made.without(files, r"00000003_001\.png")))
    with pytest.raises(
        InputError, match=r"no images found; expected images named as in the label table, got 2 \.txt"
    ):
        made.listing("chest", made.write(tmp_path / "d", made.without(files, "png$")))


def test_archives_inside_a_folder_are_pointed_out(tmp_path):
    files = made.without(made.chest(), "png$") | {"images_001.tar.gz": b"x"}
    with pytest.raises(InputError, match="unpack the archives inside it first"):
        made.listing("chest", made.write(tmp_path / "a", files))
