"""A prepared data set is read back exactly, by whoever holds it, and says what it is."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support import made_trees as made

from jaxpix.config import PrepareConfig
from jaxpix.data.images import decode, fit
from jaxpix.data.prepared import open_prepared
from jaxpix.data.prepared_files import INDEX_SCHEMA
from jaxpix.errors import InputError
from jaxpix.prepare.preparation import prepare_dataset


def test_what_is_stored_is_what_was_there(tmp_path):
    files = made.pneumonia()
    dataset = made.prepared(tmp_path, "pneumonia", files, split="public")
    assert dict(dataset.num_examples) == {"train": 22, "test": 10}
    by_id = {f"{Path(name).parts[1]}_{Path(name).stem}": name for name in files if name.count("/") == 3}
    source = dataset.source("test")
    assert len(source) == 10
    for index in range(-1, 9):
        example = source[index]
        name = by_id[example["image_id"]]
        expected = np.asarray(fit(decode(files[name], 1), 16, 0.8))[:, :, None]
        np.testing.assert_array_equal(example["image"], expected)
        assert example["image"].dtype == np.uint8
        assert example["label"] == ("PNEUMONIA" in name)
        assert example["image_id"] == dataset.image_ids("test")[index]
        assert example["label"] == dataset.labels("test")[index]
        assert example["group"] == dataset.groups("test")[index] != ""
    with pytest.raises(IndexError, match="index 10 of 10"):
        source[10]


def test_multilabel_labels_are_vectors(tmp_path):
    dataset = made.prepared(tmp_path, "chest", made.chest(), split="patient")
    labels = dataset.labels("train")
    assert (labels.dtype, labels.shape[1]) == (np.uint8, 14)
    examples = [dataset.source("train")[index] for index in range(len(labels))]
    np.testing.assert_array_equal(np.stack([example["label"] for example in examples]), labels)
    assert examples[0]["label"].dtype == np.uint8
    total = sum(counts["Normal"] for counts in dataset.summary["classes"].values())
    assert total == 10
    assert dataset.summary["leaks"]["groups_in_several_splits"] == 0


def test_sources_are_named_alike_in_every_run(tmp_path):
    source = made.prepared(tmp_path, "derma", made.derma(), size=8).source("train")
    assert repr(source) == "ExampleSource(derma/paper-8/1.0.0, train, 56)"


def test_open_prepared_says_what_there_is(tmp_path):
    data_dir = tmp_path / "data"
    with pytest.raises(
        InputError,
        match=r"derma is not prepared in .*; prepared: nothing\. Run: python -m jaxpix\.prepare derma",
    ):
        open_prepared("derma", data_dir)
    small = made.prepared(tmp_path, "derma", made.derma(), size=8)
    assert open_prepared("derma", data_dir) == small
    assert open_prepared("derma", data_dir, split="paper", image_size=8).fingerprint == small.fingerprint
    with pytest.raises(
        InputError, match=r"derma --split lesion is not prepared .* --split paper --image-size 8"
    ):
        open_prepared("derma", data_dir, split="lesion")
    made.prepared(tmp_path, "derma", made.derma(), size=9)
    with pytest.raises(
        InputError, match=r"prepared several times in .*; choose one: --split paper --image-size 8, "
    ):
        open_prepared("derma", data_dir)
    with pytest.raises(InputError, match=r"unknown data set 'dermis' .*; known: .*; prepared in .*: derma"):
        open_prepared("dermis", data_dir)
    with pytest.raises(InputError, match="no split 'validation'; available: train, test"):
        small.source("validation")
    with pytest.raises(InputError, match="no split 'all'"):
        small.labels("all")


def test_a_note_is_kept_replaced_and_removed_and_changes_no_image(tmp_path):
    for name in ("plain", "noted"):
        (tmp_path / name).mkdir()
    plain = made.prepared(tmp_path / "plain", "derma", made.derma(), size=8)
    assert plain.note is None
    noted = made.prepared(
        tmp_path / "noted", "derma", made.derma(), size=8, note=" resized by\n a third party "
    )
    assert noted.note == "resized by a third party"
    assert noted.fingerprint == plain.fingerprint
    assert noted.provenance.endswith("; resized by a third party")
    again = PrepareConfig(
        source=tmp_path / "noted" / "source.zip", image_size=8, data_dir=tmp_path / "noted" / "data"
    )
    for given, kept in (
        (None, "resized by a third party"),
        ("cropped, too", "cropped, too"),
        ("", None),
    ):
        opened = prepare_dataset("derma", dataclasses.replace(again, note=given))
        assert opened.note == kept
        assert open_prepared("derma", tmp_path / "noted" / "data").note == kept
        assert opened.fingerprint == plain.fingerprint


def test_a_data_set_of_before_there_were_notes_has_none(tmp_path):
    dataset = made.prepared(tmp_path, "derma", made.derma(), size=8)
    summary = json.loads((dataset.path / "summary.json").read_text())
    del summary["note"]
    (dataset.path / "summary.json").write_text(json.dumps(summary))
    assert open_prepared("derma", tmp_path / "data").note is None


@pytest.mark.parametrize(
    ("name", "command"),
    [
        ("pneumonia", "pneumonia --source PATH"),
        ("pneumoniamnist", "pneumoniamnist"),
        ("phantom-chest", "phantom-chest"),
        ("my_eyes", "folder --name my_eyes --source PATH"),
    ],
)
def test_what_is_not_prepared_says_the_whole_command(tmp_path, name, command):
    (tmp_path / name.replace("-", "_")).mkdir()
    with pytest.raises(InputError) as raised:
        open_prepared(name, tmp_path, split="paper", image_size=64)
    end = f"Run: python -m jaxpix.prepare {command} --split paper --image-size 64 --data-dir {tmp_path}"
    assert str(raised.value).endswith(end)


def test_a_damaged_data_set_is_named(tmp_path):
    dataset = made.prepared(tmp_path, "derma", made.derma(), size=8)
    (dataset.path / "summary.json").write_text("{")
    with pytest.raises(InputError, match="is no prepared data set, or a damaged one"):
        open_prepared("derma", tmp_path / "data")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"image_size": "8"}, "image_size: Input should be a valid integer"),
        ({"num_examples": {"train": -1}}, r"num_examples\.train: Input should be greater than or equal to 0"),
        ({"num_examples": {"train": 10**12}}, r"num_examples\.train: Input should be less than"),
        ({"info": {"name": "derma"}}, r"info\.title: Field required"),
        ({"notes": 3}, "notes: Input should be a valid array"),
    ],
)
def test_a_summary_that_is_none_says_what_to_do(tmp_path, change, message):
    path = made.prepared(tmp_path, "derma", made.derma(), size=8).path
    summary = json.loads((path / "summary.json").read_text())
    (path / "summary.json").write_text(json.dumps({**summary, **change}))
    with pytest.raises(
        InputError, match=rf"(?s){message}.*; delete .* and run python -m jaxpix\.prepare again"
    ):
        open_prepared("derma", tmp_path / "data")


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("label", [[99]] * 70, "classes .99. of '.*', expected some of 0 to 6"),
        ("label", [[0, 1]] * 70, "classes .0, 1. of"),
        ("label", ["a"] * 70, "columns of other types"),
        ("image_id", ["a"] * 70, "an image is listed twice"),
        ("split", ["train"] * 70, "images of {'train': 70}, expected"),
        ("split", None, "Column split does not exist"),
    ],
)
def test_an_index_that_is_none_of_these_images(tmp_path, column, value, message):
    dataset = made.prepared(tmp_path, "derma", made.derma(), size=8)
    table = pq.read_table(dataset.path / "index.parquet")
    place = table.column_names.index(column)
    if value is None:
        table = table.remove_column(place)
    else:
        table = table.set_column(
            place, column, pa.array(value, None if value[0] == "a" else INDEX_SCHEMA.field(column).type)
        )
    pq.write_table(table, dataset.path / "index.parquet")
    with pytest.raises(InputError, match=rf"index\.parquet is damaged .*{message}.*jaxpix\.prepare again"):
        dataset.labels("train")


def test_a_description_of_features_cannot_have_a_module_imported(tmp_path, monkeypatch):
    (tmp_path / "made_up_features.py").write_text("raise SystemExit('this code has run')")
    monkeypatch.syspath_prepend(tmp_path)
    dataset = made.prepared(tmp_path, "derma", made.derma(), size=8)
    path = dataset.path / "features.json"
    path.write_text(
        path.read_text().replace("tensorflow_datasets.core.features.text_feature", "made_up_features")
    )
    with pytest.raises(
        InputError, match=r"expected features of TFDS, got 'made_up_features\.Text' in features\.json"
    ):
        dataset.source("test")[0]


def test_images_of_another_size_than_the_summary_says(tmp_path):
    dataset = made.prepared(tmp_path, "derma", made.derma(), size=8)
    summary = json.loads((dataset.path / "summary.json").read_text())
    (dataset.path / "summary.json").write_text(json.dumps({**summary, "image_size": 9}))
    with pytest.raises(InputError, match=r"expected uint8 \[9, 9, 3\], got uint8 \[8, 8, 3\]"):
        dataset.source("test")[0]


def test_a_folder_of_ones_own_keeps_its_name(tmp_path):
    dataset = made.prepared(tmp_path, "folder", made.class_folders(), name="my_eyes")
    assert open_prepared("my_eyes", tmp_path / "data").info.class_names == ("bad", "normal")
    assert dataset.path.parts[-3:] == ("my_eyes", "folders-16", "1.0.0")
    assert dataset.source("train")[0]["image"].shape == (16, 16, 3)


def test_medmnist_from_a_local_file(tmp_path):
    path = made.medmnist(tmp_path / "a.npz")
    dataset = prepare_dataset("pneumoniamnist", PrepareConfig(source=path, data_dir=tmp_path / "data"))
    assert (dataset.image_size, dataset.scheme) == (28, "official")
    with np.load(path, allow_pickle=False) as arrays:
        stored = [dataset.source("validation")[index]["image"][..., 0] for index in range(4)]
        np.testing.assert_array_equal(np.stack(stored), arrays["val_images"])
