"""What was read from a file or a command line, checked: the one place where what others wrote is understood."""

import functools
import json
import math
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from ..errors import InputError, explain
from .files import write_atomically

Kind = TypeVar("Kind")

# The positions of eight million images.
_MOST_BYTES = 64 << 20
_MOST_BITS = 64
_DEEPEST = 50


def read_json(path: Path) -> dict[str, Any]:
    """The object that a JSON file of ours holds.

    Raises:
        InputError: it cannot be read, is damaged, or holds what jaxpix never writes: something else than an object,
            numbers that are not finite or have more than 64 bits, text that is none, brackets in brackets without
            end, or more bytes than fit into memory with ease.
    """
    try:
        with path.open("rb") as stream:
            raw = stream.read(_MOST_BYTES + 1)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from None
    if len(raw) > _MOST_BYTES:
        raise InputError(f"{path} is damaged: expected at most {_MOST_BYTES:,} bytes")
    try:
        content = json.loads(raw.decode("utf-8"))
        check_plain(content)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is damaged: {error}") from None
    if not isinstance(content, dict):
        raise InputError(f"{path} is damaged: expected an object, got {type(content).__name__}")
    return content


def check_plain(value: Any, depth: int = 0) -> None:
    """Refuse what a JSON file of ours never holds, though Python's reader takes it.

    Raises:
        ValueError: NaN, an infinite number or one of more than 64 bits, a lone surrogate, lists in lists without
            end, or a type that JSON does not have.
    """
    if depth > _DEEPEST:
        raise ValueError(f"more than {_DEEPEST} lists or objects in one another")
    if isinstance(value, dict):
        for key, inner in value.items():
            key.encode("utf-8")
            check_plain(inner, depth + 1)
    elif isinstance(value, list):
        for inner in value:
            check_plain(inner, depth + 1)
    elif isinstance(value, str):
        value.encode("utf-8")
    elif isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"expected finite numbers, got {value}")
    elif isinstance(value, int) and value.bit_length() > _MOST_BITS:
        raise ValueError(f"expected numbers of at most {_MOST_BITS} bits, got one of {value.bit_length():,}")
    elif not isinstance(value, str | int | float | None):
        raise ValueError(f"expected text, numbers, lists and tables, got {type(value).__name__}")


@functools.cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def load(path: Path, kind: type[Kind]) -> Kind:
    """A JSON file of ours as a `kind`: a dataclass or `TypedDict` whose types, lengths and ranges it must have.

    Keys that `kind` does not name are left out. A strict `kind` takes lists for tuples and objects for
    dataclasses, which JSON has no other words for.

    Raises:
        InputError: as `read_json` and `checked`; the message names file and key.
    """
    adapter: TypeAdapter[Kind] = _adapter(kind)  # type: ignore[arg-type]
    try:
        return adapter.validate_json(json.dumps(read_json(path)))
    except ValidationError as error:
        raise explain(error, f"{path} is damaged: ") from None


def dump(path: Path, value: Any, indent: int | None = 1, *, ascii_only: bool = True) -> None:
    """Write what `load` reads back, atomically; `indent` None: on one line, for what may be long."""
    adapter: TypeAdapter[Any] = _adapter(type(value))  # type: ignore[arg-type]
    plain = adapter.dump_python(value, mode="json")
    write_atomically(path, json.dumps(plain, indent=indent, ensure_ascii=ascii_only) + "\n")


def checked(kind: type[Kind], value: Any, where: str) -> Kind:
    """`value`, which must be as the `TypedDict` `kind` says; keys that it does not name are left out.

    Args:
        kind: numbers, texts and lists are converted into one another only where its configuration allows.
        value: what a file holds.
        where: begins the message, which names the key.

    Raises:
        InputError: a key is missing, or a value is of another type or out of its range.
    """
    adapter: TypeAdapter[Kind] = _adapter(kind)  # type: ignore[arg-type]
    try:
        return adapter.validate_python(value)
    except ValidationError as error:
        raise explain(error, where) from None
