"""What a run folder says beside its records, checked before a report is made of it."""

from collections.abc import Mapping, Sequence
from typing import Any, NotRequired

from pydantic import ConfigDict, with_config
from typing_extensions import TypedDict

from ...config import AttackConfig
from ...errors import InputError, shown
from ...labels import LabelSpace
from ...records.attacked import About
from ...records.record import Record
from ...storage.documents import check_plain, checked
from ...storage.settings import build, field_names, to_plain

# The same in all records of a run.
_COMMON = (
    *("dataset", "split", "subset", "victim_id", "victim", "task", "class_names"),
    *("num_pixels", "fitness", "preset", "target", "seed"),
)


@with_config(ConfigDict(strict=True))
class _Options(TypedDict):
    classes: NotRequired[list[str]]


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


def check_records(records: Sequence[Record], about: About, options: Mapping[str, Any], where: str) -> None:
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
        space = LabelSpace(records[0].task, tuple(records[0].class_names))
        try:
            for text in options.get("classes", ()):
                space.parse(text)
        except InputError as error:
            raise InputError(f"{where}/config.toml: {error}") from None
