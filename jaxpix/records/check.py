"""Which values a record may have: what a table or journal says that somebody has sent may be damaged, or made up."""

import dataclasses
import functools
import itertools
import math
from collections.abc import Sequence
from typing import Any

from pydantic import ConfigDict, TypeAdapter, ValidationError, with_config
from typing_extensions import TypedDict

from ..config import TRAJECTORY_POINTS, Task
from ..errors import InputError
from ..labels import LabelSpace
from .record import Record, fields_of

_MOST_SIDE = 65_535
# Softmax and sigmoid round.
_SLACK = 1e-5


@functools.cache
def _types() -> TypeAdapter[Any]:
    strict = with_config(ConfigDict(strict=True))
    return TypeAdapter(strict(TypedDict("_Row", fields_of(Record))))  # type: ignore[operator]


def check_record(record: Record) -> None:
    """Refuse what no experiment ends in, and what tables and figures cannot show.

    Raises:
        ValueError: a value has another type or is out of its range, a label is none of the classes, confidences or
            pixels are too few or too many, or a success did not reach its aim; names the field.
    """
    try:
        row = {field.name: getattr(record, field.name) for field in dataclasses.fields(record)}
        _types().validate_python(row)
    except ValidationError as error:
        finding = error.errors(include_url=False, include_context=False, include_input=False)[0]
        raise ValueError(f"{'.'.join(map(str, finding['loc']))}: {finding['msg']}") from None
    try:
        _check_labels(record)
    except InputError as error:
        raise ValueError(str(error)) from None
    _check_confidences(record)
    _check_pixels(record)
    _check_trajectory(record.trajectory)


@functools.lru_cache(maxsize=64)
def _space(task: Task, class_names: tuple[str, ...], normal_classes: tuple[str, ...]) -> LabelSpace:
    return LabelSpace(task, class_names, normal_classes)


def _check_labels(record: Record) -> None:
    names, normal = tuple(record.class_names), tuple(record.normal_classes)
    space = _space(record.task, names, normal)
    labels = (record.label_before, record.label_after, *([] if record.target is None else [record.target]))
    for label in labels:
        space.vector(label)
        if len(set(label)) != len(label):
            raise ValueError(f"expected distinct classes in a label, got {label}")
    for text in (record.image_id, record.dataset, record.victim, record.fitness, *record.class_names):
        text.encode("utf-8")
    before, after = set(record.label_before), set(record.label_after)
    reached = before != after if record.target is None else after == set(record.target)
    if record.success and not reached:
        raise ValueError(f"success: {record.label_before} to {record.label_after} is none")


def _check_confidences(record: Record) -> None:
    for name in ("confidences_before", "confidences_after"):
        values = getattr(record, name)
        if len(values) != len(record.class_names):
            raise ValueError(f"{name}: expected {len(record.class_names)} values, got {len(values)}")
        # A victim may have no answer to a changed image, which is no success then.
        may_lack = name == "confidences_after" and not record.success
        for value in values:
            if not (-_SLACK <= value <= 1 + _SLACK or (may_lack and math.isnan(value))):
                raise ValueError(f"{name}: expected numbers from 0 to 1, got {value}")


def _check_pixels(record: Record) -> None:
    if len(record.pixels) > record.num_pixels:
        raise ValueError(f"pixels: expected at most {record.num_pixels}, got {len(record.pixels)}")
    for pixel in record.pixels:
        channels = (len(pixel.before), len(pixel.after))
        inside = 0 <= pixel.x < _MOST_SIDE and 0 <= pixel.y < _MOST_SIDE
        values = all(0 <= value <= 255 for value in (*pixel.before, *pixel.after))
        if channels not in ((1, 1), (3, 3)) or not inside or not values:
            raise ValueError(f"pixels: expected a place and 1 or 3 values of 0 to 255 twice, got {pixel}")


def _check_trajectory(best: Sequence[float]) -> None:
    if len(best) > TRAJECTORY_POINTS:
        raise ValueError(f"trajectory: expected at most {TRAJECTORY_POINTS} values, got {len(best)}")
    if any(later > earlier for earlier, later in itertools.pairwise(best)):
        raise ValueError("trajectory: expected the best so far, which never rises")
