"""Every source can be stored in grey or in colour: for victims that want the other."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support import made_trees as made
from support.bars import prepare_two_classes

from jaxpix import Victim
from jaxpix.attack.options import AttackOptions, open_dataset
from jaxpix.config import PrepareConfig
from jaxpix.data.prepared import PreparedDataset, open_prepared
from jaxpix.errors import InputError
from jaxpix.prepare.preparation import prepare_dataset

SOURCES = {
    "derma": made.derma,
    "pneumonia": made.pneumonia,
    "oct": made.oct_images,
    "covid": made.covid,
    "chest": made.chest,
    "folder": made.class_folders,
    "pneumoniamnist": None,
    "dermamnist": None,
    "phantom-xray": None,
    "phantom-derma": None,
    "phantom-chest": None,
}
GREY = {"pneumonia", "oct", "covid", "chest", "pneumoniamnist", "phantom-xray", "phantom-chest"}


def source_of(name: str, root: Path) -> Path | None:
    make = SOURCES[name]
    if make is not None:
        return made.write(root / "tree", make())
    return made.medmnist(root / f"{name}.npz", name, 28) if name.endswith("mnist") else None


def stored(name: str, source: Path | None, root: Path, channels: int | None) -> PreparedDataset:
    size = 28 if name.endswith("mnist") else 16
    drawn = 16 if name.startswith("phantom") else None
    data_dir = root / f"data-{channels}"
    config = PrepareConfig(
        source=source, image_size=size, channels=channels, data_dir=data_dir, num_images=drawn
    )
    return prepare_dataset(name, config)


def images(dataset: PreparedDataset) -> np.ndarray:
    return np.stack([example["image"] for example in dataset.source("test")])


@pytest.mark.parametrize("name", SOURCES)
def test_any_source_in_grey_and_in_colour(tmp_path: Path, name: str) -> None:
    source = source_of(name, tmp_path)
    usual = stored(name, source, tmp_path, None)
    own = 1 if name in GREY else 3
    assert usual.info.channels == own
    other = stored(name, source, tmp_path, 4 - own)
    assert other.info.channels == 4 - own
    assert open_prepared(name, tmp_path / f"data-{4 - own}").info.channels == 4 - own
    assert other.num_examples == usual.num_examples
    assert other.image_ids("test").tolist() == usual.image_ids("test").tolist()
    np.testing.assert_array_equal(other.labels("test"), usual.labels("test"))
    before, after = images(usual), images(other)
    if own == 1:
        np.testing.assert_array_equal(after, np.repeat(before, 3, axis=-1))
        word = "grey images stored in colour"
    else:
        grey = np.stack([np.asarray(Image.fromarray(image).convert("L")) for image in before])[..., None]
        # They are made grey before they are made smaller, which MedMNIST's are not.
        assert np.abs(after.astype(int) - grey).mean() <= (0 if name == "dermamnist" else 0.7)
        word = "colour images stored in grey"
    assert (word in other.provenance) == (name != "folder")
    assert word not in usual.provenance
    assert other.summary["settings"]["channels"] == 4 - own
    # Asked for again, it is there; in other channels, it is refused.
    assert stored(name, source, tmp_path, 4 - own).fingerprint == other.fingerprint
    config = PrepareConfig(source=source, image_size=usual.image_size, data_dir=tmp_path / f"data-{4 - own}")
    with pytest.raises(InputError, match=rf"other settings: channels {4 - own} \(asked for: None\)"):
        prepare_dataset(name, config)


def test_the_channels_a_source_has_anyway_change_nothing(tmp_path: Path) -> None:
    source = source_of("pneumonia", tmp_path)
    usual, same = (stored("pneumonia", source, tmp_path, channels) for channels in (None, 1))
    assert usual.fingerprint == same.fingerprint
    assert usual.summary["notes"] == same.summary["notes"]


def test_a_victim_of_other_channels_names_the_option(tmp_path: Path) -> None:
    prepare_two_classes(tmp_path)
    colour = Victim.from_function(
        lambda images: images.mean((1, 2))[:, :2] - 128,
        class_names=["left", "right"],
        input_shape=(32, 32, 3),
    )
    options = AttackOptions(dataset="bars", data_dir=tmp_path / "data")
    message = (
        r"holds images \[32, 32, 1\], the victim takes \[32, 32, 3\]; prepare it with --channels 3 in another"
    )
    with pytest.raises(InputError, match=message):
        open_dataset(options, colour)
