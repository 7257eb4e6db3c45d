"""What `python -m jaxpix.defend` is told, and what is made of it: victims, defences, images."""

from __future__ import annotations

import dataclasses
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..attack.options import AttackOptions, open_dataset
from ..attack.selection import Choice, in_seeded_order
from ..config import AttackConfig, Count, EngineConfig
from ..data.prepared import Example, PreparedDataset
from ..errors import InputError

if TYPE_CHECKING:
    from ..victim.victim import Victim


@dataclasses.dataclass(frozen=True)
class DefendOptions:
    """Options of `python -m jaxpix.defend`."""

    victim: Path | None = None
    """Run folder of `jaxpix.train`, a saved victim, or FILE.py:FUNCTION. Default: the built-in one."""
    victims: tuple[Path, ...] = ()
    """Several of them, in place of --victim: each is defended, and what was made for one is shown to the others."""
    defences: tuple[str, ...] = ("median3", "jpeg75")
    """What stands before the victim: median3, median5, gaussian1, bilateral5, jpeg75, bits4, resize2, with other
    numbers too; `jpeg75+median3` is one behind the other."""
    ensembles: tuple[str, ...] = ()
    """Of several victims: mean (of confidences), vote."""
    attacks: tuple[str, ...] = ("evolution",)
    """Attacks that go through each defence. An image counts as broken where any of them breaks it."""
    checks: tuple[str, ...] = ("transfer", "gradient", "planted", "pixels", "generations", "random")
    """Lines that check the evaluation itself. The last three attack --check-images images once more each."""
    check_images: Count = 20
    """Images of the checks that attack once more."""
    dataset: str | None = None
    """Prepared data set whose images are attacked. Default: the one the victim was trained on."""
    data_dir: Path = Path("data")
    """Folder that holds all prepared data sets."""
    split: str | None = None
    """Split scheme, where several are prepared. Default: the victim's."""
    image_size: int | None = None
    """Image size, where several are prepared. Default: the victim's."""
    subset: str = "test"
    """Part of the data set: test, train or validation."""
    classes: tuple[str, ...] = ()
    """Classes, or label sets like "Infiltration|Nodule" or Normal. Default: every class; multi-label: the
    commonest label sets."""
    per_class: Count = 100
    """Images per class or label set, chosen by seed, whatever the victim says of them."""
    label_sets: Count = 5
    """Multi-label: how many of the commonest label sets."""
    run: Path | None = None
    """Run folder. Default: runs/defend-DATASET-VICTIM. An interrupted run goes on."""
    config: AttackConfig = dataclasses.field(default_factory=AttackConfig)
    engine: EngineConfig = dataclasses.field(default_factory=EngineConfig)


@dataclasses.dataclass(frozen=True, repr=False)
class ChosenImages(PreparedDataset):
    """Some images of a prepared data set, as one whose every image is attacked.

    Attributes:
        subset: of the data set.
        indices: which of its images, in order.
        whole: the data set.
    """

    subset: str
    indices: tuple[int, ...]
    whole: PreparedDataset

    def source(self, split_name: str) -> list[Example]:  # type: ignore[override]
        """The images."""
        every = self.whole.source(split_name)
        return [every[index] for index in self.indices]

    def labels(self, split_name: str) -> np.ndarray:
        """Their labels, as those of a split."""
        return self.whole.labels(split_name)[list(self.indices)]

    def image_ids(self, split_name: str) -> np.ndarray:
        """Their ids, str [B]."""
        return self.whole.image_ids(split_name)[list(self.indices)]

    def first(self, count: int) -> ChosenImages:
        """Of these, so many, taken evenly from all."""
        places = np.unique(np.linspace(0, len(self.indices) - 1, min(count, len(self.indices))).astype(int))
        return chosen(self.whole, self.subset, [self.indices[place] for place in places])

    @property
    def stack(self) -> np.ndarray:
        """Images uint8 [B, H, W, C]."""
        return np.stack([example["image"] for example in self.source(self.subset)])


def chosen(dataset: PreparedDataset, subset: str, indices: list[int]) -> ChosenImages:
    """These images of a data set; their fingerprint is their own."""
    known = {field.name: getattr(dataset, field.name) for field in dataclasses.fields(PreparedDataset)}
    digest = hashlib.sha256(repr((dataset.fingerprint, subset, indices)).encode()).hexdigest()
    known |= {"fingerprint": digest, "num_examples": {subset: len(indices)}}
    return ChosenImages(**known, subset=subset, indices=tuple(indices), whole=dataset)


def choose(options: DefendOptions, dataset: PreparedDataset) -> ChosenImages:
    """Images of each label in a seeded order, whatever a victim says of them: so every victim is shown the same.

    Raises:
        InputError: there is none, or a class is unknown.
    """
    space = dataset.info.space
    labels = space.from_stored(dataset.labels(options.subset))
    choice = Choice(options.subset, options.classes, options.per_class, options.label_sets)
    indices: list[int] = []
    for vector in choice.wanted(space, dataset) or []:
        indices += in_seeded_order(labels, vector, options.config.seed)[: options.per_class].tolist()
    if not indices:
        raise InputError(f"{dataset.name}: no image of the wanted classes is in {options.subset!r}")
    return chosen(dataset, options.subset, indices)


def open_images(options: DefendOptions, victims: list[Victim]) -> tuple[ChosenImages, list[Victim]]:
    """The images to attack, and the victims with the classes of their data set in its order.

    Raises:
        InputError: no data set is named or prepared, or a victim does not fit it.
    """
    if options.config.target is not None:
        raise InputError("--target: defences are measured by untargeted attacks; leave it out")
    places = {name: getattr(options, name) for name in ("dataset", "data_dir", "split", "image_size")}
    fitting = []
    for victim in victims:
        dataset, fitted = open_dataset(AttackOptions(**places), victim)
        # The first victim says what the others are shown.
        places |= {"dataset": dataset.name, "split": dataset.scheme, "image_size": dataset.image_size}
        fitting.append(fitted)
    return choose(options, dataset), fitting
