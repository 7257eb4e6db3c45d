"""What a run folder says beside its records, checked before a report is made of it."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, NotRequired

from pydantic import ConfigDict, Field, with_config
from typing_extensions import TypedDict

from ..config import AttackConfig, Count, Task
from ..errors import InputError
from ..labels import LabelSpace
from ..records.record import Record
from ..storage.documents import check_plain, checked, shown
from ..storage.settings import build, field_names, to_plain

_STRICT = with_config(ConfigDict(strict=True))
# The same in all records of a run.
_COMMON = (
    *("dataset", "split", "subset", "victim_id", "victim", "task", "class_names"),
    *("num_pixels", "fitness", "preset", "target", "seed"),
)


@_STRICT
class _Dataset(TypedDict):
    name: str
    title: str
    citation: str
    licence: str
    task: Task
    class_names: list[str]
    normal_classes: list[str]
    image_size: Annotated[int, Field(ge=1, le=65_535)]
    channels: Literal[1, 3]
    split: str
    subset: str
    synthetic: bool
    note: str | None


@_STRICT
class _Provenance(TypedDict):
    training: NotRequired[dict[str, Any]]


@_STRICT
class _Victim(TypedDict):
    name: str
    id: str
    architecture: str | None
    provenance: _Provenance
    test_metrics: dict[str, Any] | None


@_STRICT
class _About(TypedDict):
    dataset: _Dataset
    victim: _Victim


@_STRICT
class _Group(TypedDict):
    indices: list[int]


@_STRICT
class _Selection(TypedDict):
    groups: list[_Group]
    asked: Count | None


@_STRICT
class _Identity(TypedDict):
    data_fingerprint: NotRequired[str]


@_STRICT
class _Options(TypedDict):
    classes: NotRequired[list[str]]


def check_about(content: Mapping[str, Any], where: str) -> None:
    """Refuse an `about.json` that a report cannot be made of."""
    checked(_About, content, where)


def check_selection(content: Mapping[str, Any], where: str) -> None:
    """Refuse a `selection.json` that does not say which images were chosen."""
    checked(_Selection, content, where)


def check_identity(content: Mapping[str, Any], where: str) -> None:
    """Refuse an `identity.json` whose data have no fingerprint that is text."""
    checked(_Identity, content, where)


def options_of(config: Mapping[str, Any], where: str) -> dict[str, Any]:
    """The attack's options in a `config.toml`, those of the search as `AttackConfig` reads them.

    Raises:
        InputError: there are none, or a value is none that the option has.
    """
    options = config.get("attack")
    try:
        check_plain(options)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{where}{error}") from None
    checked(_Options, options, f"{where}attack.")
    assert isinstance(options, dict), "checked above"
    search = {name: value for name, value in options.items() if name in field_names(AttackConfig)}
    values = to_plain(build(AttackConfig, search, f"{where}attack."))
    return {name: values[name] if name in search else value for name, value in options.items()}


def check_records(
    records: Sequence[Record], about: Mapping[str, Any], options: Mapping[str, Any], where: str
) -> None:
    """Refuse records that are of different attacks, or that are not of the images described.

    Raises:
        InputError: names the record.
    """
    image = about["dataset"]
    if len({record.image_id for record in records}) != len(records):
        raise InputError(
            f"{where}: an image has two records; delete records.parquet, which jaxpix.attack writes again"
        )
    for record in records:
        try:
            for name in _COMMON:
                if getattr(record, name) != getattr(records[0], name):
                    raise ValueError(f"{name} is not that of the others")
            for pixel in record.pixels:
                if max(pixel.x, pixel.y) >= image["image_size"] or len(pixel.after) != image["channels"]:
                    raise ValueError(f"{pixel} is outside, or of other images than about.json describes")
        except ValueError as error:
            raise InputError(f"{where}: the record of {shown(repr(record.image_id))}: {error}") from None
    if records:
        space = LabelSpace(records[0].task, tuple(records[0].class_names))  # type: ignore[arg-type]
        try:
            for text in options.get("classes", ()):
                space.parse(text)
        except InputError as error:
            raise InputError(f"{where}/config.toml: {error}") from None
