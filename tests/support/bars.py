"""Small data sets that are learned in seconds: noise with a bright bar on the left, on the right."""

import csv
from pathlib import Path

import numpy as np
from PIL import Image

from jaxpix.config import PrepareConfig
from jaxpix.data.prepared import PreparedDataset
from jaxpix.prepare.preparation import prepare_dataset

SIZE = 32
NAMES = ("left", "right")
STUDY = """
[data]
dataset = "bars"
[train]
model = "resnet14"
epochs = 2
batch_size = 16
learning_rate = 0.02
stop_accuracy = 1.0
[attack]
per_class = 4
population = 8
generations = 2
evaluator = "dense"
[study]
title = "Bars of light"
num_pixels = [1, 20]
[[study.attacks]]
name = "untargeted"
[[study.attacks]]
name = "to-left"
classes = ["right"]
target = "left"
all = true
"""


def draw(random: np.random.Generator, label: tuple[int, ...]) -> np.ndarray:
    """One uint8 [32, 32] image with the bars of `label`."""
    image = random.integers(0, 80, (SIZE, SIZE))
    for index in label:
        image[:, 4 + 16 * index : 12 + 16 * index] += 150
    return image.astype(np.uint8)


def prepare_two_classes(root: Path) -> PreparedDataset:
    """`bars`, multiclass: 72 images for training, 20 for the test; prepared in `root/data`."""
    random = np.random.default_rng(0)
    for split, count in (("train", 36), ("test", 10)):
        for label, name in enumerate(NAMES):
            folder = root / "tree" / split / name
            folder.mkdir(parents=True)
            for index in range(count):
                Image.fromarray(draw(random, (label,))).save(folder / f"{split}{name}{index}.png")
    config = PrepareConfig(source=root / "tree", image_size=SIZE, data_dir=root / "data", name="bars")
    return prepare_dataset("folder", config)


def prepare_label_sets(root: Path, names: tuple[str, ...] = NAMES) -> PreparedDataset:
    """`sets`, multi-label: 120 images of left, right, both or neither; prepared in `root/data`.

    Of `names` alone the table tells.
    """
    random = np.random.default_rng(1)
    (root / "tree").mkdir()
    with (root / "labels.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["image", "labels"])
        for index in range(120):
            label: tuple[int, ...] = ((0,), (1,), (0, 1), ())[index % 4]
            Image.fromarray(draw(random, label)).save(root / "tree" / f"i{index}.png")
            table.writerow([f"i{index}.png", "|".join(NAMES[i] for i in label if NAMES[i] in names)])
    config = PrepareConfig(
        source=root / "tree",
        labels=root / "labels.csv",
        image_size=SIZE,
        data_dir=root / "data",
        name="sets",
        task="multilabel",
    )
    return prepare_dataset("folder", config)
