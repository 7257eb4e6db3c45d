"""Typed settings: TOML files and flat values become dataclasses, and dataclasses become TOML again.

A TOML file has one table per door (`[prepare]`, `[train]`, `[attack]`) and `[data]`, whose keys every
door understands that has them.
"""

import dataclasses
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import tomli_w
from pydantic import TypeAdapter, ValidationError

from ..errors import InputError, did_you_mean, explain, shown

Options = TypeVar("Options")

_MAX_BYTES = 1 << 20
TABLES = ("data", "prepare", "train", "attack", "report", "bench", "study", "defend")


def parse_toml(text: str, where: str) -> dict[str, Any]:
    """TOML as a dictionary.

    Raises:
        InputError: it is no TOML, or only a parser's torture.
    """
    try:
        return tomllib.loads(text)
    # Besides its own errors: numbers of thousands of digits, brackets in thousands of brackets.
    except (ValueError, RecursionError) as error:
        raise InputError(f"{where} is not valid TOML: {error}") from None


def read_toml(path: Path) -> dict[str, Any]:
    """Read a configuration file and check the names of its tables."""
    try:
        with path.open("rb") as file:
            raw = file.read(_MAX_BYTES + 1)
    except FileNotFoundError:
        raise InputError(f"configuration file not found: {path}") from None
    except (OSError, ValueError) as error:
        raise InputError(f"configuration file {path} cannot be read: {error}") from None
    if len(raw) > _MAX_BYTES:
        raise InputError(f"{path}: more than {_MAX_BYTES:,} bytes; is this a configuration file?")
    try:
        content = parse_toml(raw.decode("utf-8").replace("\r\n", "\n"), str(path))
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not valid TOML: {error}") from None
    for name, table in content.items():
        if name not in TABLES or not isinstance(table, dict):
            hint = did_you_mean(name, TABLES)
            raise InputError(f"{path}: unknown table [{shown(name)}]{hint}; allowed: {', '.join(TABLES)}")
    return content


def build(options_type: type[Options], values: Mapping[str, Any], where: str) -> Options:
    """Build options from flat `values`; a nested dataclass field takes the keys that are its own.

    Raises:
        InputError: an unknown key or a value of the wrong type, naming its path.
    """
    flat = dict(values)
    known = field_names(options_type)
    for key in flat:
        if key not in known:
            hint = did_you_mean(key, sorted(known)) or f"; allowed: {', '.join(sorted(known))}"
            raise InputError(f"{where}{shown(key)}: unknown key{hint}")
    nested: dict[str, Any] = {}
    for name, inner_type in _nested(options_type).items():
        inner_values = {key: flat.pop(key) for key in field_names(inner_type) if key in flat}
        nested[name] = _validate(inner_type, inner_values, where)
    return _validate(options_type, {**flat, **nested}, where)


def _validate(options_type: type[Options], values: Mapping[str, Any], where: str) -> Options:
    try:
        return TypeAdapter(options_type).validate_python(dict(values))
    except ValidationError as error:
        raise explain(error, where) from None


def field_names(options_type: type[Any]) -> set[str]:
    """All flat key names that `build` takes for this type."""
    nested = _nested(options_type)
    own = {field.name for field in dataclasses.fields(options_type)} - nested.keys()
    return own.union(*map(field_names, nested.values()))


def _nested(options_type: type[Any]) -> dict[str, type[Any]]:
    """The fields that hold dataclasses."""
    kinds = ((field.name, field.type) for field in dataclasses.fields(options_type))
    return {name: kind for name, kind in kinds if isinstance(kind, type) and dataclasses.is_dataclass(kind)}


def to_plain(options: Any) -> dict[str, Any]:
    """A dataclass as JSON-able values: paths become strings, None stays None."""
    plain: dict[str, Any] = {}
    for field in dataclasses.fields(options):
        value = getattr(options, field.name)
        if dataclasses.is_dataclass(value):
            plain |= to_plain(value)
        else:
            plain[field.name] = tuple(map(_plain, value)) if isinstance(value, tuple) else _plain(value)
    return plain


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, Path) else value


def to_toml(door: str, options: Any) -> str:
    """The options as a TOML file that `parse` reads back; None is left out."""
    values = {key: value for key, value in to_plain(options).items() if value is not None}
    return tomli_w.dumps({door: values})
