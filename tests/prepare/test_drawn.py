"""Phantoms are drawn when they are stored: seeded, in published splits, with labels of all kinds."""

import numpy as np
import pytest

from jaxpix.config import PrepareConfig
from jaxpix.data.prepared import open_prepared
from jaxpix.data.registry import PHANTOMS
from jaxpix.errors import InputError
from jaxpix.prepare.phantoms import drawing as phantom
from jaxpix.prepare.preparation import prepare_dataset


@pytest.mark.parametrize("name", PHANTOMS)
def test_what_is_stored_is_what_is_drawn(tmp_path, name):
    config = PrepareConfig(num_images=12, image_size=32, seed=5, data_dir=tmp_path)
    dataset = prepare_dataset(name, config)
    assert dict(dataset.num_examples) == {"train": 9, "test": 3}
    assert dataset.synthetic
    assert "drawn by jaxpix" in dataset.provenance
    assert open_prepared(name, tmp_path).fingerprint == dataset.fingerprint
    for index in range(12):
        split, place = ("train", index) if index < 9 else ("test", index - 9)
        example = dataset.source(split)[place]
        image, label = phantom.draw(name, index, 5, 32)
        np.testing.assert_array_equal(example["image"], image.reshape(32, 32, -1))
        np.testing.assert_array_equal(example["label"], label)
        np.testing.assert_array_equal(dataset.labels(split)[place], label)


def test_another_seed_draws_others_and_is_no_silent_replacement(tmp_path):
    config = PrepareConfig(num_images=8, image_size=16, data_dir=tmp_path)
    prepare_dataset("phantom-xray", config)
    with pytest.raises(InputError, match=r"num_images 8 \(asked for: 9\)"):
        prepare_dataset("phantom-xray", PrepareConfig(num_images=9, image_size=16, data_dir=tmp_path))
    with pytest.raises(InputError, match="drawn by jaxpix and takes no --source"):
        prepare_dataset("phantom-xray", PrepareConfig(source=tmp_path, data_dir=tmp_path))
