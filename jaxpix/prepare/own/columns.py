"""Which column of a table is what: by what people call columns, and by what the cells hold."""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING

from ...errors import InputError, listed
from ..sources.one_hot import is_flag
from ..sources.spelling import split_named

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...config import PrepareConfig
    from ..sources.spreadsheets import Table
    from .matching import Names


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_IMAGE = _words(
    "image images imageid imageids imagename imagefile imagefilename imagepath imageindex filename filenames file "
    "files filepath path paths img imgid imgname imgpath imgfile id name dicomid sopinstanceuid"
)
_LABEL = _words(
    "label labels class classes classname classlabel category categories diagnosis diagnoses dx target targets "
    "finding findings findinglabels imagelabel groundtruth gt y disease diseases pathology condition level grade "
    "diagnosticlabel labelnames classid"
)
_PATIENT = _words(
    "patient patientid patients patientids patientname patientnumber pid subject subjectid case caseid person "
    "personid lesionid"
)
_SPLIT = _words("split splits set subset partition dataset phase usage")
# Known to be none of these.
_OTHER = _words(
    "index idx row rownumber number age patientage ageapprox sex gender patientsex patientgender race ethnicity "
    "date time year studydate width height rows columns site anatomsite anatomsitegeneral "
    "anatomsitegeneralchallenge localization localisation location laterality side view viewposition position "
    "projection modality followup fold folds kfold cv dxtype diagnosisconfirmtype source url license licence "
    "copyright attribution note notes comment comments remark remarks mask maskpath maskname segmentation bbox "
    "boundingbox x x1 x2 y2 xmin xmax ymin ymax weight height confidence score probability prob md5 sha256 hash "
    "smoker smoking male female ismale isfemale dead deceased death survival valid quality usable augmented "
    "studyid studyinstanceuid seriesid seriesinstanceuid institution hospital manufacturer device scanner"
)
_SHOWN = 4


@dataclasses.dataclass(frozen=True)
class Columns:
    """Places of columns.

    Attributes:
        image, labels, patient, split: the ones used; `labels` has several where each class has one of 0 and 1.
        sure: whether the user or its name says that the label column holds labels.
        ignored: all others.
    """

    image: int
    labels: tuple[int, ...]
    patient: int | None
    split: int | None
    sure: bool
    ignored: tuple[int, ...]


def _plain(name: str) -> str:
    return re.sub(r"[^0-9a-z]", "", name.casefold())


def _is_index(name: str) -> bool:
    """What spreadsheets and pandas call the column of row numbers."""
    return not name or re.fullmatch(r"Unnamed: ?\d+", name) is not None


def find_columns(table: Table, config: PrepareConfig, names: Names) -> Columns:
    """Find the columns of images, labels, patients and splits.

    Raises:
        InputError: a column that the user named is absent, or several may be meant and the user chose none.
    """
    plain = [_plain(name) for name in table.columns]

    def chosen(name: str | None, flag: str) -> int | None:
        return None if name is None else table.place(name, flag)

    patient = chosen(config.patient_column, "--patient-column")
    split = chosen(config.split_column, "--split-column")
    labels = tuple(table.place(name, "--label-column") for name in config.label_column or ())
    taken = {place for place in (patient, split, *labels) if place is not None}
    image = chosen(config.image_column, "--image-column")
    if image is None:
        image = _image_column(table, plain, taken, names)
    taken.add(image)
    if patient is None and config.patient_pattern is None:
        patient = _known(plain, _PATIENT, taken)
    if split is None:
        split = _checked_split(table, _known(plain, _SPLIT, taken), plain, config)
    taken |= {place for place in (patient, split) if place is not None}
    labels = labels or _label_columns(table, plain, taken)
    used = taken | set(labels)
    ignored = tuple(place for place in range(len(plain)) if place not in used)
    sure = config.label_column is not None or all(plain[place] in _LABEL for place in labels)
    return Columns(image, labels, patient, split, sure, ignored)


def _image_column(table: Table, plain: Sequence[str], taken: set[int], names: Names) -> int:
    """The column whose cells are files of the source, else the one that is called so."""
    shares = {
        place: names.share(table.column(place))
        for place in range(len(plain))
        if place not in taken and plain[place] not in _LABEL | _OTHER and not _is_index(table.columns[place])
    }
    called = [place for place in shares if plain[place] in _IMAGE]
    fitting = [place for place, share in shares.items() if share > 0]
    best = [place for place in fitting if shares[place] == max(shares.values())]
    if len(best) > 1 and len(set(best) & set(called)) == 1:
        best = [place for place in best if place in called]
    if len(best) > 1 and _agree(table, best, names):
        best = best[:1]
    best = best or called
    if len(best) == 1:
        return best[0]
    what = "several columns name images" if best else "no column is known to name images"
    raise InputError(f"{table.where}: {what}; choose one with --image-column: {_shown(table)}")


def _agree(table: Table, places: Sequence[int], names: Names) -> bool:
    """Whether these columns name the same images."""
    first, *others = (names.match(table.column(place), table.where)[0] for place in places)
    return all(other == first for other in others)


def _checked_split(
    table: Table, place: int | None, plain: Sequence[str], config: PrepareConfig
) -> int | None:
    """A column called `set` may hold anything; one called `split` is meant so."""
    if place is None or all(map(split_named, table.column(place))):
        return place
    if plain[place] in ("split", "splits", "partition") and config.split is None:
        odd = next(cell for cell in table.column(place) if not split_named(cell))
        raise InputError(
            f"{table.where}: the column {table.columns[place]!r} holds {odd!r}; expected train, val or test. "
            "--split random leaves it aside"
        )
    return None


def _known(plain: Sequence[str], called: frozenset[str], taken: set[int]) -> int | None:
    """The first free column with one of these names, in the order that puts a patient before a lesion."""
    found = [place for place, name in enumerate(plain) if name in called and place not in taken]
    return min(found, key=lambda place: (plain[place] == "lesionid", place), default=None)


def _label_columns(table: Table, plain: Sequence[str], taken: set[int]) -> tuple[int, ...]:
    free = [
        place
        for place in range(len(plain))
        if place not in taken
        and plain[place] not in _OTHER | _SPLIT | _PATIENT
        and not _is_index(table.columns[place])
    ]
    called = [place for place in free if plain[place] in _LABEL]
    flags = [place for place in free if all(map(is_flag, set(table.column(place))))]
    # A column of 0 and 1 that is called `disease`, beside others, may be one class of several.
    if len(called) == 1 and (called[0] in flags) + 1 > len(flags):
        return tuple(called)
    if len(flags) > 1 and set(flags) == set(free):
        return tuple(flags)
    if len(free) == 1:
        return tuple(free)
    what = "no column may hold labels" if not free else "several columns may hold labels"
    advice = "" if not flags else "; several of 0 and 1, one a class: --label-column A B C"
    raise InputError(f"{table.where}: {what}; choose with --label-column{advice}: {_shown(table)}")


def _shown(table: Table) -> str:
    """All columns with some of their values."""
    parts = []
    for place, name in enumerate(table.columns):
        values = list(dict.fromkeys(table.column(place)))
        parts.append(f"{name or '(no name)'} ({listed(values, _SHOWN)})")
    return "; ".join(parts)
