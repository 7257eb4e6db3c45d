"""What is known of a data set before any image is read."""

import dataclasses

from ..config import Task

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


@dataclasses.dataclass(frozen=True)
class DatasetInfo:
    """What is known of a data set before any image is read.

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
    channels: int | None
    split_schemes: tuple[str, ...]
    kept_fraction: float = 1.0
    citation: str = ""
    licence: str = ""
    homepage: str = ""
    synthetic: bool = False
