"""The tables of HAM10000: its metadata, or the one-hot ground truth of ISIC's challenges."""

import contextlib
import dataclasses
import re
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from ...config import PrepareConfig
from ...errors import InputError
from ..sources.one_hot import read_flags
from ..sources.spelling import file_name, without_suffix
from ..sources.tables import header as header_of
from ..sources.tables import read_text, rows
from ..sources.trees import FolderSource, Source

METADATA = r"HAM10000_metadata(\.csv|\.tab|\.tsv|\.txt)?(\.gz)?"
_GROUND_TRUTH = r"(ISIC.*_)?Ground_?Truth.*\.csv(\.gz)?"
_LESIONS = r"ISIC.*(Lesion_?Groupings|Metadata).*\.csv(\.gz)?"
_IMAGE_COLUMNS = ("image", "image_id", "isic_id", "image_name")
# ISIC 2019 took Bowen's disease out of HAM10000's akiec; what is left is still akiec.
_ALIASES = {"ak": "akiec"}
_OTHER_CLASSES = ("scc", "unk")
_DOWNSAMPLED = "_downsampled"


@dataclasses.dataclass
class Table:
    """What a table says of each image.

    Attributes:
        member: of the source it came from; None: another place.
        where: it lies, for messages.
        labels: class and lesion ("" where unknown) of each image id.
        notes: what was read otherwise than it stands there.
        knows_lesions: some table said which lesion each image shows.
        num_other_names: ids that stand there as file names, as paths or with `_downsampled`.
    """

    member: str | None
    where: str
    labels: dict[str, tuple[str, str]]
    notes: list[str] = dataclasses.field(default_factory=list)
    knows_lesions: bool = True
    num_other_names: int = 0


def image_id(cell: str) -> str:
    """`ISIC_0024306` of a file name, path or id in a table, with or without `_downsampled`."""
    return without_suffix(file_name(cell)).removesuffix(_DOWNSAMPLED)


def read_table(source: Source, config: PrepareConfig) -> Table:
    """The table of the source, or the user's.

    Raises:
        InputError: none, several ground truths, an image without exactly one class, or a class that HAM10000 lacks.
    """
    given = config.labels
    found = _tables(FolderSource(given) if given is not None and given.is_dir() else source, given)
    truths = [name for name in found if re.fullmatch(_GROUND_TRUTH, name, re.IGNORECASE)]
    has_metadata = len(truths) < len(found)
    if not has_metadata and len(truths) > 1:
        raise InputError(
            f"{source.path}: several ground truths ({', '.join(truths)}); choose one with --labels, or prepare "
            f"their splits with 'folder'"
        )
    pattern = METADATA if has_metadata or not truths else re.escape(truths[0])
    text, member, where = read_text(source, pattern, config.labels, "HAM10000_metadata.csv")
    header = header_of(text, where)
    columns = {name.lower(): name for name in header}
    if {"mel", "nv"} <= columns.keys():
        return _one_hot(Table(member, where, {}, knows_lesions=False), text, header, source, config)
    table = Table(member, where, {})
    for lesion, cell, diagnosis in rows(text, ("lesion_id", "image_id", "dx"), where):
        _enter(table, cell, diagnosis, lesion)
    if truths:
        table.notes.append(f"labels are those of {_base(where)}, not of {', '.join(truths)}")
    return table


def _base(where: str) -> str:
    """The file name of a place in a message."""
    return PurePosixPath(where.rpartition(": ")[2]).name


def _tables(place: Source, given: Path | None) -> list[str]:
    """Base names of the tables there are to choose from; none where the user named a file."""
    if given is not None and not given.is_dir():
        return []
    names = sorted({PurePosixPath(member).name for member in place.members})
    return [name for name in names if re.fullmatch(f"{METADATA}|{_GROUND_TRUTH}", name, re.IGNORECASE)]


def _enter(table: Table, cell: str, diagnosis: str, lesion: str) -> None:
    name, entry = image_id(cell), (diagnosis, lesion)
    table.num_other_names += name != cell
    if table.labels.setdefault(name, entry) != entry:
        raise InputError(f"{table.where}: {name} is listed twice with different lesions or classes")


def _one_hot(table: Table, text: str, header: Sequence[str], source: Source, config: PrepareConfig) -> Table:
    """Fill a table from ISIC's ground truth, and from the lesion groupings beside it."""
    where = table.where
    image = next((name for name in header if name.lower() in _IMAGE_COLUMNS), None)
    if image is None:
        raise InputError(f"{where}: expected a column {', '.join(_IMAGE_COLUMNS)}; got {', '.join(header)}")
    classes = [name for name in header if name.lower() in _CLASS_COLUMNS]
    names = [_ALIASES.get(name.lower(), name.lower()) for name in classes]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise InputError(f"{where}: several columns are of the class {twice}: {', '.join(classes)}")
    table_rows = rows(text, [image, *classes], where)
    flags = read_flags([image, *classes], table_rows, classes, where)
    lesions = _lesions(source, config, table)
    for row, present in zip(table_rows, flags.positives, strict=True):
        if len(present) != 1:
            raise InputError(
                f"{where}: {row[0]} has {len(present)} classes ({', '.join(sorted(present)) or 'all are 0'}); "
                f"expected exactly one"
            )
        name = names[classes.index(next(iter(present)))]
        _enter(table, row[0], name, lesions.get(image_id(row[0]), ""))
    _refuse_other_classes(table)
    table.notes.append(f"labels are the columns {', '.join(classes)} of {_base(where)}")
    if "AK" in (name.upper() for name in classes):
        table.notes.append("AK of ISIC 2019 is read as akiec")
    return table


_CLASS_COLUMNS = frozenset({"akiec", "bcc", "bkl", "df", "mel", "nv", "vasc", *_ALIASES, *_OTHER_CLASSES})


def _refuse_other_classes(table: Table) -> None:
    for name in _OTHER_CLASSES:
        count = sum(label == name for label, _ in table.labels.values())
        if count:
            raise InputError(
                f"{table.where}: {count:,} images are of the class {name.upper()}, which HAM10000 does not have; "
                f"prepare this table with 'folder' (its classes are then those of the table)"
            )


def _lesions(source: Source, config: PrepareConfig, table: Table) -> dict[str, str]:
    """Lesion of each image id, from ISIC's groupings or metadata in the source or beside `--labels`."""
    given, near = config.labels, []
    if given is not None:
        with contextlib.suppress(OSError):
            near = sorted((given.parent if given.is_file() else given).iterdir())
    places: list[Path | None] = [path for path in near if re.fullmatch(_LESIONS, path.name, re.IGNORECASE)]
    for path in [*places, *([None] if source.find(_LESIONS) else [])]:
        text, _, name = read_text(source, _LESIONS, path, "the lesion groupings")
        header = header_of(text, name)
        image = next((column for column in header if column.lower() in _IMAGE_COLUMNS), None)
        if image is None or "lesion_id" not in header:
            continue
        found = {image_id(cell): lesion for cell, lesion in rows(text, (image, "lesion_id"), name) if lesion}
        table.knows_lesions = bool(found)
        table.notes.append(f"lesions are those of {_base(name)}")
        return found
    return {}
