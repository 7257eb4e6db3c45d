"""Every data set by name: what its labels mean, how it may be split, whom to cite."""

from ..errors import InputError
from .info import CHEST_LABELS, DatasetInfo
from .medmnist_files import MEMBERS

_KERMANY = (
    "Kermany et al., Identifying Medical Diagnoses and Treatable Diseases by Image-Based Deep Learning, "
    "Cell 172(5), 2018"
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
    DatasetInfo(
        name="pneumonia",
        title="Kermany chest X-ray",
        task="multiclass",
        class_names=("NORMAL", "PNEUMONIA"),
        normal_classes=("NORMAL",),
        channels=1,
        split_schemes=("paper", "public", "patient"),
        kept_fraction=0.8,
        citation=_KERMANY,
        licence="CC BY 4.0",
        homepage="https://doi.org/10.17632/rscbjbr9sj",
    ),
    DatasetInfo(
        name="oct",
        title="Kermany retinal OCT",
        task="multiclass",
        class_names=("NORMAL", "CNV", "DME", "DRUSEN"),
        normal_classes=("NORMAL",),
        channels=1,
        split_schemes=("paper", "public", "patient"),
        citation=_KERMANY,
        licence="CC BY 4.0",
        homepage="https://doi.org/10.17632/rscbjbr9sj",
    ),
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
        split_schemes=("folders", "random"),
        licence="yours",
    ),
)


_DRAWN_CITATION = "Drawn by jaxpix; no patient."
_DRAWN_LICENCE = "Apache-2.0, as jaxpix itself"

PHANTOMS: dict[str, DatasetInfo] = {
    "phantom-derma": DatasetInfo(
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
        split_schemes=("drawn",),
        synthetic=True,
        citation=_DRAWN_CITATION,
        licence=_DRAWN_LICENCE,
    ),
    "phantom-xray": DatasetInfo(
        name="phantom-xray",
        title="Phantom radiographs (synthetic)",
        task="multiclass",
        class_names=("clear-like", "opacity-like", "nodule-like"),
        normal_classes=("clear-like",),
        channels=1,
        split_schemes=("drawn",),
        synthetic=True,
        citation=_DRAWN_CITATION,
        licence=_DRAWN_LICENCE,
    ),
    "phantom-chest": DatasetInfo(
        name="phantom-chest",
        title="Phantom chest findings (synthetic)",
        task="multilabel",
        class_names=CHEST_LABELS,
        normal_classes=(),
        channels=1,
        split_schemes=("drawn",),
        synthetic=True,
        citation=_DRAWN_CITATION,
        licence=_DRAWN_LICENCE,
    ),
}


def _medmnist(name: str) -> DatasetInfo:
    member = MEMBERS[name]
    return DatasetInfo(
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


DATASETS: dict[str, DatasetInfo] = (
    PHANTOMS | {info.name: info for info in _SOURCES} | {name: _medmnist(name) for name in MEMBERS}
)


def names() -> list[str]:
    """All that `prepare` knows, phantoms first."""
    return list(DATASETS)


def lookup(name: str) -> DatasetInfo:
    """What is known of `name`.

    Raises:
        InputError: no such data set; the message lists them.
    """
    if name not in DATASETS:
        raise InputError(f"unknown data set {name!r}; known: {', '.join(names())}")
    return DATASETS[name]
