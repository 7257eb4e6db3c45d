"""The record: one row per experiment. Public and versioned; every table is computed from records alone."""

import dataclasses
import functools
import json
import sys
import typing
from collections.abc import Sequence
from typing import Annotated, Any, NamedTuple

import pyarrow as pa
from pydantic import Field

from ..config import Task
from ..errors import InputError
from .shown import Shown, Viewer

SCHEMA_VERSION = 3

# The values that are allowed, and how wide a column of a table is: where nothing is said, Arrow's widest.
_Int32 = Annotated[int, pa.int32()]
_Count32 = Annotated[int, Field(ge=0, lt=2**31), pa.int32()]
_Count64 = Annotated[int, Field(ge=0, lt=2**63)]
_Queries = Annotated[int, Field(ge=1, lt=2**63)]
_Float32 = Annotated[float, pa.float32()]
_Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]
_Byte = Annotated[int, pa.uint8()]


class PixelChange(NamedTuple):
    """One changed pixel: column x, row y, and its 0..255 values per channel before and after."""

    x: _Int32
    y: _Int32
    before: list[_Byte]
    after: list[_Byte]


@dataclasses.dataclass(frozen=True, slots=True)
class Record(Shown):
    """One experiment: one image, one attack. Records that were read share equal lists of names: change none.

    Attributes:
        dataset, split, subset: name, split scheme and part ("test") the image comes from.
        image_id: unique within the data set.
        victim_id, victim: hash and name of the classifier.
        task: `multiclass` or `multilabel`.
        class_names: meaning of the confidences, in order.
        normal_classes: classes that are no disease; multi-label: none, the empty set is Normal. Rows of
            version 1 did not say and are read with [].
        num_pixels: K.
        fitness, preset: objective and what names the search: a preset of the evolution, an algorithm of evosax,
            another search, or "exhaustive" and the values that it tried.
        target: label set to reach; None is untargeted.
        seed: of the run; the experiment's own randomness folds in the image id.
        label_before, label_after: names of the classes present, before and after; empty is Normal.
        confidences_before, confidences_after: per class, 0..1, of the saved original and the saved candidate.
        success: the saved candidate, read back, is adversarial for the dense float32 victim.
        verified: the search's claim and the saved image agree.
        refuted_hits: hits whose saved image was not adversarial; the search went on after each.
        null_control: the untouched image, saved and read back, keeps its label.
        pixels: the changed pixels. Of a failure: the fittest candidate found.
        generations: run after the initial population.
        queries: candidates evaluated.
        queries_to_first_hit: candidates up to the first adversarial one; None: none was found. Of an exhaustive
            search in its order, row by row, which means nothing.
        best_fitness: of the returned candidate, as the search saw it; lower is better.
        stop_reason: `adversarial`, `generations` or `exhausted`.
        seconds: wall time of the experiment beside the other slots.
        exhaustive_flips: of an exhaustive search, the candidates that are adversarial, pairs of position and value or
            sets of these; else None.
        exhaustive_positions: likewise, the positions that have any, or are needed in any.
        image_file: saved candidate of a success, relative to the run folder; "" otherwise.
        synthetic: the image was drawn by jaxpix.
        trajectory: the best fitness of all candidates so far, after the initial population, after each generation
            (of more than 127 that were allowed: after every second, third, …), and after the last one; at most 128
            values, none higher than the one before. Rows of versions 1 and 2 are read with [].
        schema_version: of this row.
    """

    dataset: str
    split: str
    subset: str
    image_id: str
    victim_id: str
    victim: str
    task: Task
    class_names: list[str]
    normal_classes: list[str]
    num_pixels: _Count32
    fitness: str
    preset: str
    target: list[str] | None
    seed: _Count64
    label_before: list[str]
    label_after: list[str]
    confidences_before: list[_Float32]
    confidences_after: list[_Float32]
    success: bool
    verified: bool
    refuted_hits: _Count32
    null_control: bool
    pixels: list[PixelChange]
    generations: _Count32
    queries: _Count64
    queries_to_first_hit: _Queries | None
    best_fitness: _Float32
    stop_reason: str
    seconds: _Seconds
    exhaustive_flips: _Count64 | None = None
    exhaustive_positions: _Count64 | None = None
    image_file: str = ""
    synthetic: bool = False
    trajectory: list[_Float32] = dataclasses.field(default_factory=list)
    schema_version: _Int32 = SCHEMA_VERSION

    def _viewer_or_error(self) -> Viewer:
        viewer = self._lent_viewer()
        if viewer is None:
            raise InputError(
                f"the record of {self.image_id!r} does not know its images; expected one that attack_images, "
                "attack_dataset or read_records gave (a copy, such as that of dataclasses.replace, knows none)"
            )
        return viewer


# A row as a dictionary takes many times the room of a record: only so many of them exist at a time.
_ROWS = 4096

# The records of a run say the same few of these over and over; a copy for each took most of their room.
_REPEATED_TEXTS = (
    "dataset",
    "split",
    "subset",
    "victim_id",
    "victim",
    "task",
    "fitness",
    "preset",
    "stop_reason",
)
_REPEATED_NAMES = ("class_names", "normal_classes", "label_before", "label_after")
_MOST_NAMES = 16_384

_ARROW = {str: pa.string(), bool: pa.bool_(), int: pa.int64(), float: pa.float64()}


def _arrow(kind: Any) -> pa.DataType:
    """Arrow's type of an annotation of `Record`."""
    wide = next((one for one in getattr(kind, "__metadata__", ()) if isinstance(one, pa.DataType)), None)
    if wide is not None:
        return wide
    kind = typing.get_args(kind)[0] if typing.get_origin(kind) is Annotated else kind
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if origin is list:
        return pa.list_(_arrow(inner[0]))
    if origin is typing.Literal:
        return pa.string()
    if type(None) in inner:
        return _arrow(next(one for one in inner if one is not type(None)))
    if kind is PixelChange:
        return pa.struct([(name, _arrow(one)) for name, one in fields_of(PixelChange).items()])
    return _ARROW[kind]


def fields_of(kind: type) -> dict[str, Any]:
    """Names and annotations of a `Record` or `PixelChange`, in order, with what they say of values and widths."""
    return typing.get_type_hints(kind, include_extras=True)


SCHEMA = pa.schema(
    [pa.field(name, _arrow(kind)) for name, kind in fields_of(Record).items()],
    metadata={"jaxpix_schema_version": str(SCHEMA_VERSION)},
)


def to_table(records: Sequence[Record]) -> pa.Table:
    """Records as an Arrow table of `SCHEMA`."""
    parts = (records[start : start + _ROWS] for start in range(0, len(records), _ROWS))
    batches = [pa.RecordBatch.from_pylist([_plain(record) for record in part], SCHEMA) for part in parts]
    return pa.Table.from_batches(batches, SCHEMA)


def from_table(table: pa.Table) -> list[Record]:
    """Records of an Arrow table that `to_table` made, of this schema version or an older one.

    Raises:
        InputError: a newer jaxpix wrote it.
    """
    return [_from_plain(row) for batch in table.to_batches(_ROWS) for row in batch.to_pylist()]


def to_json(record: Record) -> str:
    """One record as one line of JSON."""
    return json.dumps(_plain(record), separators=(",", ":"))


def from_json(line: str) -> Record:
    """The record of one line that `to_json` wrote, of this schema version or an older one.

    Raises:
        InputError: a newer jaxpix wrote it.
    """
    return _from_plain(json.loads(line))


def _plain(record: Record) -> dict[str, Any]:
    row = {field.name: getattr(record, field.name) for field in dataclasses.fields(record)}
    row["pixels"] = [pixel._asdict() for pixel in record.pixels]
    return row


def _from_plain(row: dict[str, Any]) -> Record:
    version = row["schema_version"]
    if version > SCHEMA_VERSION:
        raise InputError(
            f"the record of {row.get('image_id')!r} has schema version {version}, this jaxpix reads "
            f"1 to {SCHEMA_VERSION}; read it with the jaxpix that wrote it, or a newer one"
        )
    # Version 1 had no normal_classes; versions before 3 lack what has a default.
    row = {**row, "normal_classes": row.get("normal_classes") or []}
    row["trajectory"] = _steps(row.get("trajectory") or [])
    texts = {name: sys.intern(row[name]) for name in _REPEATED_TEXTS}
    names = {name: _shared(tuple(_list(row[name]))) for name in _REPEATED_NAMES}
    pixels = [PixelChange(**pixel) for pixel in row["pixels"]]
    return Record(**{**row, **texts, **names, "pixels": pixels})


def _list(value: Any) -> list[str]:
    if not isinstance(value, list):
        raise TypeError(f"expected a list of names, got {value!r}")
    return value


def _steps(values: list[float]) -> list[float]:
    """Equal neighbours as one object: the best seldom changes, and a number takes more room than a reference."""
    kept: list[float] = []
    for value in values:
        kept.append(kept[-1] if kept and value == kept[-1] else value)
    return kept


@functools.lru_cache(_MOST_NAMES)
def _shared(names: tuple[str, ...]) -> list[str]:
    return [sys.intern(name) for name in names]
