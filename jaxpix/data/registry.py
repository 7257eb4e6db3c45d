"""Every data set by name: what its labels mean, how it may be split, whom to cite."""

import dataclasses
import functools
from collections.abc import Iterable
from typing import Literal

from pydantic import ConfigDict, with_config

from ..config import Task
from ..errors import InputError, did_you_mean
from ..labels import NORMAL, LabelSpace
from .medmnist_files import MEMBERS

CHEST_LABELS = (
    "Atelectasis",
    "Cardiomegaly",
    "Effusion",
    "Infiltration",
    "Mass",
    "Nodule",
    "Pneumonia",
    "Pneumothorax",
    "Consolidation",
    "Edema",
    "Emphysema",
    "Fibrosis",
    "Pleural_Thickening",
    "Hernia",
)
"""The 14 findings of NIH ChestX-ray14, in the order of the paper's Table 4."""


@with_config(ConfigDict(strict=True, extra="forbid"))
@dataclasses.dataclass(frozen=True)
class DatasetInfo:
    """What is known of a data set before any image is read; stored with the images as it is here.

    Attributes:
        name: the word on the command line.
        title: what a person calls it.
        task: `multiclass` (one label an image) or `multilabel` (a set; the empty set is "Normal").
        class_names: in label order. Empty for `folder`, where the user's folders decide.
        normal_classes: the classes that are no disease (multi-label: none; the empty set is normal).
        channels: 1 grey, 3 colour; None where the images decide.
        split_schemes: names of the split schemes, the default (the paper's) first.
        kept_fraction: part of width and height that the centre crop keeps (1: no crop).
        citation, licence, homepage: for reports.
        synthetic: drawn by jaxpix; every figure made from it says so.
    """

    name: str
    title: str
    task: Task
    class_names: tuple[str, ...]
    normal_classes: tuple[str, ...]
    channels: Literal[1, 3] | None
    split_schemes: tuple[str, ...]
    kept_fraction: float = 1.0
    citation: str = ""
    licence: str = ""
    homepage: str = ""
    synthetic: bool = False

    @property
    def space(self) -> LabelSpace:
        """What its labels mean.

        Raises:
            InputError: names that contradict one another.
        """
        return LabelSpace(self.task, self.class_names, self.normal_classes)

    @property
    def counted(self) -> tuple[str, ...]:
        """What images are counted by: the classes, of multi-label data with `Normal` after them."""
        return self.class_names if self.task == "multiclass" else (*self.class_names, NORMAL)

    def names_of(self, label: Iterable[int]) -> list[str]:
        """What an image with these class numbers is counted by."""
        return [self.class_names[index] for index in label] or [NORMAL]

    @property
    def is_downloaded(self) -> bool:
        """Whether jaxpix fetches it where no source is given."""
        return self.name in MEMBERS


_KERMANY = functools.partial(
    DatasetInfo,
    task="multiclass",
    normal_classes=("NORMAL",),
    channels=1,
    split_schemes=("paper", "public", "patient"),
    citation="Kermany et al., Identifying Medical Diagnoses and Treatable Diseases by Image-Based Deep Learning, "
    "Cell 172(5), 2018",
    licence="CC BY 4.0",
    homepage="https://doi.org/10.17632/rscbjbr9sj",
)

_SOURCES = (
    DatasetInfo(
        name="derma",
        title="HAM10000 (dermatoscopy)",
        task="multiclass",
        class_names=("akiec", "bcc", "bkl", "df", "mel", "nv", "vasc"),
        normal_classes=("bkl", "df", "nv"),
        channels=3,
        split_schemes=("paper", "lesion"),
        citation="Tschandl et al., The HAM10000 dataset, Scientific Data 5, 180161, 2018",
        licence="CC BY-NC 4.0",
        homepage="https://doi.org/10.7910/DVN/DBW86T",
    ),
    _KERMANY(
        name="pneumonia", title="Kermany chest X-ray", class_names=("NORMAL", "PNEUMONIA"), kept_fraction=0.8
    ),
    _KERMANY(name="oct", title="Kermany retinal OCT", class_names=("NORMAL", "CNV", "DME", "DRUSEN")),
    DatasetInfo(
        name="covid",
        title="COVIDx V9A (chest X-ray)",
        task="multiclass",
        class_names=("normal", "pneumonia", "COVID-19"),
        normal_classes=("normal",),
        channels=1,
        split_schemes=("official", "patient"),
        citation="Wang, Lin, Wong, COVID-Net, Scientific Reports 10, 19549, 2020",
        licence="several sources, each under its own terms",
        homepage="https://github.com/lindawangg/COVID-Net",
    ),
    DatasetInfo(
        name="chest",
        title="NIH ChestX-ray14",
        task="multilabel",
        class_names=CHEST_LABELS,
        normal_classes=(),
        channels=1,
        split_schemes=("official", "patient"),
        citation="Wang et al., ChestX-ray8, CVPR 2017",
        licence="free use; acknowledge the NIH Clinical Center and cite the paper",
        homepage="https://nihcc.app.box.com/v/ChestXray-NIHCC",
    ),
    DatasetInfo(
        name="folder",
        title="a folder of one's own",
        task="multiclass",
        class_names=(),
        normal_classes=(),
        channels=None,
        split_schemes=("folders", "column", "patient", "random"),
        licence="yours",
    ),
)


_DRAWN = functools.partial(
    DatasetInfo,
    split_schemes=("drawn",),
    synthetic=True,
    citation="Drawn by jaxpix; no patient.",
    licence="Apache-2.0, as jaxpix itself",
)

_PHANTOMS = (
    _DRAWN(
        name="phantom-derma",
        title="Phantom skin lesions (synthetic)",
        task="multiclass",
        class_names=(
            "naevus-like",
            "keratosis-like",
            "fibroma-like",
            "melanoma-like",
            "carcinoma-like",
            "vascular-like",
        ),
        normal_classes=("naevus-like", "keratosis-like", "fibroma-like"),
        channels=3,
    ),
    _DRAWN(
        name="phantom-xray",
        title="Phantom radiographs (synthetic)",
        task="multiclass",
        class_names=("clear-like", "opacity-like", "nodule-like"),
        normal_classes=("clear-like",),
        channels=1,
    ),
    _DRAWN(
        name="phantom-chest",
        title="Phantom chest findings (synthetic)",
        task="multilabel",
        class_names=CHEST_LABELS,
        normal_classes=(),
        channels=1,
    ),
)


_MEDMNIST = [
    DatasetInfo(
        name=name,
        title=f"MedMNIST {name}",
        task=member.task,
        class_names=member.class_names,
        normal_classes=member.normal_classes,
        channels=member.channels,
        split_schemes=("official",),
        citation="Yang et al., MedMNIST v2, Scientific Data 10, 41, 2023",
        licence=member.licence,
        homepage="https://medmnist.com",
    )
    for name, member in MEMBERS.items()
]

PHANTOMS = {info.name: info for info in _PHANTOMS}
DATASETS = PHANTOMS | {info.name: info for info in (*_SOURCES, *_MEDMNIST)}


def names() -> list[str]:
    """All that `prepare` knows, phantoms first."""
    return list(DATASETS)


def lookup(name: str) -> DatasetInfo:
    """What is known of `name`.

    Raises:
        InputError: no such data set; the message lists them.
    """
    if name not in DATASETS:
        raise InputError(
            f"unknown data set {name!r}{did_you_mean(name, names())}; known: {', '.join(names())}"
        )
    return DATASETS[name]
