"""What lies in <data folder>/<name>/<scheme>-<size>/<version>/ beside the images: a summary, an index, an overview.

Both are checked when they are read: what others have sent may be damaged, or made up.
"""

import collections
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, NotRequired

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import ConfigDict, Field, with_config
from typing_extensions import TypedDict

from ..errors import InputError, shown
from ..storage.documents import dump, load
from .registry import DatasetInfo

VERSION = "1.0.0"
_SUMMARY_FILE = "summary.json"
_INDEX_FILE = "index.parquet"
OVERVIEW_FILE = "overview.png"
# More than any data set has; room is made for as many as a summary claims.
_Count = Annotated[int, Field(ge=0, lt=10_000_000)]


INDEX_SCHEMA = pa.schema(
    [
        ("split", pa.string()),
        ("image_id", pa.string()),
        ("group", pa.string()),
        ("label", pa.list_(pa.int16())),
        ("source_sha256", pa.string()),
    ]
)


class Settings(TypedDict):
    """The options that decide what is stored; files are named without their folders."""

    source: str | None
    source_bytes: int | None
    labels: str | None
    channels: int | None
    normal_classes: list[str] | None
    num_images: int | None
    seed: int
    reading: NotRequired[dict[str, str | int | list[str]]]
    window: NotRequired[list[float] | None]
    frames: NotRequired[Literal["first", "all"]]


class Skipped(TypedDict):
    """How many files were left out for one reason, and some of them."""

    count: int
    files: list[str]


class Duplicates(TypedDict):
    """Images that repeat another one byte for byte; `examples` are ids of some sets."""

    images: int
    sets: int
    sets_with_different_labels: int
    examples: list[list[str]]


class Leaks(TypedDict):
    """What test images have in common with other splits."""

    test_images_identical_to_another_splits: int
    groups: int
    groups_in_several_splits: int
    test_images_of_such_groups: int


class Values(TypedDict):
    """How values of more than 8 bits a channel became 0..255.

    `how` is "bits" (as many as are used), "range" (lowest to highest), "window" (chosen), or "windows" (each file's
    own, without `low` and `high`); `files` counts the deep ones.
    """

    how: Literal["bits", "range", "window", "windows"]
    low: float | None
    high: float | None
    files: int


@with_config(ConfigDict(strict=True))
class Summary(TypedDict):
    """What `prepare` stored, what it left out, and what leaks; `classes` counts images by split and class, and
    `understood` says what the source was taken for."""

    info: DatasetInfo
    scheme: str
    image_size: Annotated[int, Field(ge=1, le=65_535)]
    num_examples: dict[str, _Count]
    fingerprint: str
    settings: Settings
    classes: dict[str, dict[str, int]]
    num_missing: int
    skipped: dict[str, Skipped]
    duplicates: Duplicates
    leaks: Leaks
    notes: list[str]
    understood: NotRequired[list[list[str]]]
    note: NotRequired[str | None]
    values: NotRequired[Values | None]
    dicom_tags: NotRequired[list[str]]
    jaxpix: str


def span_of(values: Values | None) -> tuple[float, float] | None:
    """The values that become 0 and 255; None: images say so themselves."""
    if values is None or values["low"] is None or values["high"] is None:
        return None
    return values["low"], values["high"]


def folder_name(name: str) -> str:
    """What a data set's folder is called."""
    return name.replace("-", "_")


def finished(folder: Path, pattern: str) -> list[Path]:
    """Folders of finished data sets; `pattern` leads there from `folder`, without the version."""
    return [path.parent for path in sorted(folder.glob(f"{pattern}/{VERSION}/{_SUMMARY_FILE}"))]


def prepare_again(path: Path) -> str:
    """What to do about a damaged data set in `path`."""
    return f"delete {path} and run python -m jaxpix.prepare again"


def read_summary(path: Path) -> Summary:
    """Summary of the prepared data set in `path`.

    Raises:
        InputError: the summary is missing or damaged.
    """
    try:
        summary = load(path / _SUMMARY_FILE, Summary)
        if summary["info"].channels is None:
            raise InputError(f"{path / _SUMMARY_FILE}: info.channels: expected 1 or 3, got None")
        # Names that contradict one another are found here.
        _ = summary["info"].space
    except InputError as error:
        raise InputError(
            f"{path} is no prepared data set, or a damaged one: {error}; {prepare_again(path)}"
        ) from None
    return summary


def write_summary(path: Path, summary: Summary) -> None:
    """Write the summary of the data set in `path`, whole or not at all."""
    dump(path / _SUMMARY_FILE, summary, ascii_only=False)


def write_index(path: Path, rows: Mapping[str, list[Any]]) -> None:
    """Write the columns of `INDEX_SCHEMA`, one row an image, into the folder `path`."""
    pq.write_table(pa.table(rows, schema=INDEX_SCHEMA), path / _INDEX_FILE)


def read_index(path: Path, num_examples: Mapping[str, int], info: DatasetInfo) -> dict[str, list[Any]]:
    """Columns `split`, `image_id`, `group` and `label` (class numbers of each image) of the data set in `path`.

    Args:
        path: its folder.
        num_examples: images of each split.
        info: what it is.

    Raises:
        InputError: the index is missing or damaged, or is not one of these images and classes.
    """
    file = path / _INDEX_FILE
    try:
        with pq.ParquetFile(file) as table:
            found = {name: table.schema_arrow.field(name).type for name in INDEX_SCHEMA.names}
            if list(found.values()) != INDEX_SCHEMA.types:
                raise ValueError(f"columns of other types: {', '.join(map(str, found.values()))}")
            # Before room is made for as many rows as its header claims.
            if table.metadata.num_rows != sum(num_examples.values()):
                raise ValueError(f"{table.metadata.num_rows:,} rows, expected {dict(num_examples)}")
            columns = table.read(columns=["split", "image_id", "group", "label"])
        index = {name: columns.column(name).to_pylist() for name in columns.column_names}
        _check_index(index, num_examples, info)
    except (OSError, pa.ArrowException, KeyError, ValueError) as error:
        raise InputError(f"{file} is damaged ({error}); {prepare_again(path)}") from None
    return index


def _check_index(index: dict[str, list[Any]], num_examples: Mapping[str, int], info: DatasetInfo) -> None:
    counts = collections.Counter(index["split"])
    if counts != collections.Counter(num_examples):
        raise ValueError(f"images of {shown(str(dict(counts)))}, expected {dict(num_examples)}")
    names, num_classes = index["image_id"], len(info.class_names)
    if None in names or None in index["group"] or len(set(names)) != len(names):
        raise ValueError("an image is listed twice, or one has no name")
    for name, labels in zip(names, index["label"], strict=True):
        allowed = labels is not None and all(
            label is not None and 0 <= label < num_classes for label in labels
        )
        if not allowed or len(set(labels)) != len(labels) or (info.task == "multiclass" and len(labels) != 1):
            raise ValueError(
                f"classes {shown(str(labels))} of {shown(repr(name))}, expected some of 0 to {num_classes - 1}"
            )
