"""The contact sheet shows stored images of every class, always the same ones, in less than a megabyte."""

import io

import numpy as np
from PIL import Image
from support import made_trees as made

from jaxpix.config import PrepareConfig
from jaxpix.prepare.preparation import prepare_dataset


def noise(count: int, names: list[str], side: int = 16) -> dict[str, bytes]:
    random = np.random.default_rng(0)
    files = {}
    for name in names:
        for index in range(count):
            buffer = io.BytesIO()
            Image.fromarray(random.integers(0, 256, (side, side, 3), dtype=np.uint8)).save(buffer, "PNG")
            files[f"{name}/{name[:8]}{index}.png"] = buffer.getvalue()
    return files


def test_stored_images_are_on_it(tmp_path):
    dataset = made.prepared(tmp_path, "derma", made.derma(), size=32)
    with Image.open(dataset.path / "overview.png") as picture:
        sheet = np.asarray(picture)
    found = 0
    for split in dataset.num_examples:
        for example in dataset.source(split):
            # Shown larger by whole pixels: its first row can be found as it is.
            row = np.repeat(example["image"][0], 2, axis=0)
            found += any(
                (sheet[down, left : left + 64] == row).all()
                for down in range(40, sheet.shape[0] - 64, 2)
                for left in np.flatnonzero((sheet[down] == row[0]).all(axis=1))
                if left + 64 <= sheet.shape[1]
            )
    # Seven classes; four images of 8 for training, the two for the test.
    assert found == 7 * (4 + 2)


def test_it_is_the_same_each_time_and_part_of_no_fingerprint(tmp_path):
    sheets, prints = [], set()
    for name in ("one", "two"):
        config = PrepareConfig(num_images=40, image_size=32, data_dir=tmp_path / name)
        dataset = prepare_dataset("phantom-chest", config)
        sheets.append((dataset.path / "overview.png").read_bytes())
        prints.add(dataset.fingerprint)
    assert sheets[0] == sheets[1]
    assert len(prints) == 1
    assert Image.open(io.BytesIO(sheets[0])).mode == "L"


def test_many_classes_and_long_names_of_noise_stay_small(tmp_path):
    names = [f"class {number:02} with a name that is far too long for any column" for number in range(30)]
    dataset = made.prepared(tmp_path, "folder", noise(8, [*names, "皮膚"], 96), size=96)
    path = dataset.path / "overview.png"
    assert path.stat().st_size < 1_000_000
    with Image.open(path) as picture:
        # 24 rows, and a line on the seven that are left out.
        assert picture.height == 40 + 24 * (picture.height - 56) // 24 + 16
        assert np.asarray(picture)[-16:].min() < 255


def test_a_class_without_images_in_a_split_leaves_a_gap(tmp_path):
    files = noise(6, ["train/a", "train/b", "test/a"])
    dataset = made.prepared(tmp_path, "folder", files, split="folders")
    assert (dataset.path / "overview.png").is_file()
