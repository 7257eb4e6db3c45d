"""A user's own images, in class folders or with a table."""

from collections import Counter

import pytest
from support import made_trees as made

from jaxpix.config import PrepareConfig
from jaxpix.errors import InputError
from jaxpix.prepare.formats import folder
from jaxpix.prepare.own import naming
from jaxpix.prepare.request import resolve


def test_folder_with_splits(tmp_path):
    source = made.pack(tmp_path / "a.zip", made.class_folders())
    assert resolve("folder", PrepareConfig(source=source)).scheme == "folders"
    found = made.listing("folder", source)
    assert found.info.class_names == ("bad", "normal")
    assert found.info.normal_classes == ("normal",)
    assert (found.info.task, found.info.channels) == ("multiclass", 3)
    assert Counter((item.split, item.label) for item in found.items) == {
        (split, label): 8 for split in ("train", "test") for label in range(2)
    }
    assert found.items[0].image_id == "test__bad__0.png"


def test_folder_without_splits(tmp_path):
    files = {
        name.replace("train/", ""): content for name, content in made.class_folders(("train",), "L").items()
    }
    request = resolve("folder", PrepareConfig(source=made.write(tmp_path / "a", files), name="mine"))
    assert (request.scheme, request.name) == ("random", "mine")
    found = request.listing()
    assert found.info.channels == 1
    assert made.listing("folder", tmp_path / "a", channels=3).info.channels == 3
    assert made.listing("folder", tmp_path / "a", normal_classes=("bad",)).info.normal_classes == ("bad",)


def test_a_source_is_understood_once(tmp_path, monkeypatch):
    """Its meaning settles the scheme, and is not found out anew for the listing."""
    source, understand, calls = made.write(tmp_path / "a", made.class_folders()), folder.understand, []
    monkeypatch.setattr(folder, "understand", lambda *given: calls.append(given) or understand(*given))
    request = resolve("folder", PrepareConfig(source=source))
    first, again = request.listing(), request.listing()
    asked = resolve("folder", PrepareConfig(source=source, split="folders")).listing()
    assert first.items == again.items == asked.items
    assert first.info == again.info == asked.info
    assert len(calls) == 3


def test_folder_with_a_table(tmp_path):
    found = made.listing("folder", made.pack(tmp_path / "a.zip", made.labelled_images()))
    assert (found.info.task, found.info.class_names) == ("multilabel", ("a", "b", "c"))
    assert [item.label for item in found.items[:4]] == [(0, 1), (1,), (), (0, 2)]
    assert found.items[0].image_id == "scan 0.png"


@pytest.mark.parametrize(
    ("extra", "options", "message"),
    [
        ({"mine/train/9.png": made.encoded(9)}, {}, r"1 images lie in no class folder .*train/9\.png"),
        (
            {"mine/test/odd/9.png": made.encoded(9)},
            {},
            "unknown class 'odd' in test; train has bad, normal",
        ),
        (
            {"mine/other/9.png": made.encoded(9)},
            {"split": "folders"},
            r"1 images lie outside of train and test \(first: mine/other/9\.png\)",
        ),
        ({}, {"normal_classes": ("good",)}, "names the unknown class 'good'; allowed: bad, normal"),
        ({}, {"name": "My Data"}, "--name 'My Data': expected small letters"),
        ({}, {"name": "derma"}, "--name 'derma' is a built-in"),
        (
            {},
            {"split": "lesion"},
            "folder: unknown split 'lesion'; allowed: folders, column, patient, random",
        ),
    ],
)
def test_folder_errors(tmp_path, extra, options, message):
    with pytest.raises(InputError, match=message):
        made.listing("folder", made.write(tmp_path / "a", made.class_folders() | extra), **options)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (b"image,labels\r\n", b"", "expected a header like 'image,labels'"),
        (b"scan 1.png", b"scan 0.png", "scan 0.png is listed twice"),
        (b"scan 1.png", b"scan 99.png", "1 of 20 images named by the tables are not in"),
        (b"image,labels", b"image", "expected 1 columns"),
    ],
)
def test_folder_bad_tables(tmp_path, old, new, message):
    files = made.labelled_images()
    files["labels.csv"] = files["labels.csv"].replace(old, new)
    with pytest.raises(InputError, match=message):
        made.listing("folder", made.write(tmp_path / "a", files))


def test_folder_other_errors(tmp_path):
    one = {name: content for name, content in made.class_folders().items() if "bad" in name}
    with pytest.raises(InputError, match="expected at least two classes, got bad"):
        made.listing("folder", made.write(tmp_path / "one", one))
    with pytest.raises(InputError, match="split 'folders' needs every image under train or test"):
        made.listing("folder", made.write(tmp_path / "b", made.labelled_images()), split="folders")
    with pytest.raises(InputError, match="an image without labels is normal"):
        made.listing("folder", tmp_path / "b", normal_classes=("a",))
    unlabelled = made.labelled_images() | {"labels.csv": b"image,labels\nscan 0.png,\n"}
    with pytest.raises(InputError, match="no image has a label"):
        made.listing("folder", made.write(tmp_path / "c", unlabelled))
    clash = made.class_folders() | {
        "mine/train/bad__x/1.png": made.encoded(7),
        "mine/train/bad/x__1.png": made.encoded(8),
    }
    clash["mine/train/bad/_x/1.png"] = made.encoded(9)
    with pytest.raises(InputError, match="two images would be called"):
        made.listing(
            "folder",
            made.write(tmp_path / "d", clash | {"mine/train/bad/x/1.png": made.encoded(6)}),
            class_level=1,
        )


def test_folder_table_as_other_programs_write_it(tmp_path):
    files = made.labelled_images()
    files["labels.csv"] = b'"image","labels"\n"scan 0.png","a|b"\n"scan 1.png","b"\n"scan 2.png",""\n'
    found = made.listing("folder", made.write(tmp_path / "a", files))
    assert [item.label for item in found.items] == [(0, 1), (1,), ()]


def test_folder_tables_whose_columns_are_no_labels(tmp_path, monkeypatch):
    files = made.labelled_images()
    with pytest.raises(InputError, match="several columns are called 'image'"):
        made.listing(
            "folder", made.write(tmp_path / "a", files | {"labels.csv": b"image,image\nscan 0.png,a\n"})
        )
    monkeypatch.setattr(naming, "_MAX_CLASSES", 2)
    with pytest.raises(InputError, match=r"3 classes \('a', 'b', …\), 2 are allowed; are these labels\?"):
        made.listing("folder", made.write(tmp_path / "b", files))


def test_folder_table_that_cannot_be_unpacked(tmp_path):
    path = made.pack(tmp_path / "a.zip", made.labelled_images())
    raw = bytearray(path.read_bytes())
    raw[raw.index(b"scan 0.png,a|b")] ^= 255
    path.write_bytes(raw)
    with pytest.raises(InputError, match=r"a\.zip: labels\.csv cannot be read: .*Bad CRC"):
        made.listing("folder", path)
    with pytest.raises(InputError, match=r"--labels cannot be read: .*File name too long"):
        made.listing("folder", path, labels=tmp_path / ("a" * 300))
