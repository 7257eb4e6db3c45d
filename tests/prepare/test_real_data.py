"""The real images beside the checkout are prepared as their README says they are."""

import pytest

from jaxpix.config import PrepareConfig
from jaxpix.errors import InputError
from jaxpix.prepare.preparation import prepare_dataset


@pytest.mark.real
def test_real_pneumonia(real_data, tmp_path):
    config = PrepareConfig(
        source=real_data / "chest_xray_224.zip", split="public", image_size=16, data_dir=tmp_path
    )
    summary = prepare_dataset("pneumonia", config).summary
    assert summary["classes"] == {
        "train": {"NORMAL": 1341, "PNEUMONIA": 3875},
        "test": {"NORMAL": 234, "PNEUMONIA": 390},
    }
    assert summary["leaks"]["groups_in_several_splits"] == 0


@pytest.mark.real
def test_real_derma_by_lesion(real_data, tmp_path):
    config = PrepareConfig(
        source=real_data / "ham10000_224_subset.zip",
        labels=real_data / "HAM10000_metadata.csv",
        image_size=16,
        data_dir=tmp_path,
        allow_missing=True,
        split="lesion",
    )
    summary = prepare_dataset("derma", config).summary
    assert summary["num_missing"] == 10015 - 1567
    total = [
        sum(counts[name] for counts in summary["classes"].values()) for name in summary["classes"]["test"]
    ]
    assert total == [183, 264, 340, 60, 340, 300, 80]


@pytest.mark.real
def test_real_chest(real_data, tmp_path):
    options = {
        "source": real_data / "nih1000_64px.zip",
        "labels": real_data / "Data_Entry_2017_v2020.csv.gz",
        "image_size": 16,
        "data_dir": tmp_path,
        "split": "patient",
    }
    with pytest.raises(InputError, match="111,120 of 112,120 images named by the tables are not in"):
        prepare_dataset("chest", PrepareConfig(**options))
    summary = prepare_dataset("chest", PrepareConfig(**options, allow_missing=True)).summary
    assert sum(summary["num_examples"].values()) == 1000
    assert summary["leaks"]["groups_in_several_splits"] == 0


@pytest.mark.real
def test_real_full_size_chest(real_data, tmp_path):
    config = PrepareConfig(
        source=real_data / "nih_fullsize_1024.zip",
        labels=real_data / "Data_Entry_2017_v2020.csv.gz",
        data_dir=tmp_path,
        allow_missing=True,
        split="patient",
    )
    dataset = prepare_dataset("chest", config)
    assert sum(dataset.num_examples.values()) == 16
    assert dataset.source("train")[0]["image"].shape == (224, 224, 1)
