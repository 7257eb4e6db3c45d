"""Summary and index of a prepared data set, read and checked: what others have sent may be damaged, or made up."""

import collections
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, NotRequired

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import ConfigDict, Field, with_config
from typing_extensions import TypedDict

from ..config import Task
from ..errors import InputError
from ..labels import LabelSpace
from ..storage.documents import checked, read_json, shown
from .info import DatasetInfo
from .places import INDEX_FILE, SUMMARY_FILE

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


@with_config(ConfigDict(strict=True))
class _Info(TypedDict):
    """A `DatasetInfo` as JSON."""

    name: str
    title: str
    task: Task
    class_names: list[str]
    normal_classes: list[str]
    channels: Literal[1, 3]
    split_schemes: list[str]
    kept_fraction: NotRequired[float]
    citation: NotRequired[str]
    licence: NotRequired[str]
    homepage: NotRequired[str]
    synthetic: NotRequired[bool]


@with_config(ConfigDict(strict=True))
class _Settings(TypedDict):
    source: str | None
    seed: int


@with_config(ConfigDict(strict=True))
class _Summary(TypedDict):
    """What jaxpix reads of a summary."""

    info: _Info
    scheme: str
    image_size: Annotated[int, Field(ge=1, le=65_535)]
    num_examples: dict[str, _Count]
    fingerprint: str
    settings: _Settings
    notes: list[str]
    note: NotRequired[str | None]


def prepare_again(path: Path) -> str:
    """What to do about a damaged data set in `path`."""
    return f"delete {path} and run python -m jaxpix.prepare again"


def read_summary(path: Path) -> tuple[dict[str, Any], DatasetInfo]:
    """Summary and description of the prepared data set in `path`.

    Raises:
        InputError: the summary is missing or damaged.
    """
    try:
        summary = read_json(path / SUMMARY_FILE)
        checked(_Summary, summary, f"{path / SUMMARY_FILE}: ")
        stored: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value for key, value in summary["info"].items()
        }
        info = DatasetInfo(**stored)
        LabelSpace(info.task, info.class_names, info.normal_classes)
    except (TypeError, InputError) as error:
        raise InputError(
            f"{path} is no prepared data set, or a damaged one: {error}; {prepare_again(path)}"
        ) from None
    return summary, info


def read_index(path: Path, num_examples: Mapping[str, int], info: DatasetInfo) -> dict[str, list[Any]]:
    """Columns `split`, `image_id`, `group` and `label` (class numbers of each image) of the data set in `path`.

    Args:
        path: its folder.
        num_examples: images of each split.
        info: what it is.

    Raises:
        InputError: the index is missing or damaged, or is not one of these images and classes.
    """
    file = path / INDEX_FILE
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
