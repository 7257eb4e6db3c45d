"""Command lines and TOML files, as typed options.

A TOML file has one table per door (`[prepare]`, `[train]`, `[attack]`) and `[data]`, whose keys every
door understands that has them. Flags on the command line override the file.
"""

import dataclasses
import difflib
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import tomli_w
import tyro
from pydantic import TypeAdapter, ValidationError

from .errors import InputError

Options = TypeVar("Options")

_MAX_BYTES = 1 << 20
_LONGEST_SHOWN = 200
_MOST_FINDINGS = 10
TABLES = ("data", "prepare", "train", "attack", "report", "bench", "study")


def explain(error: ValidationError, where: str) -> InputError:
    """Turn pydantic's findings, the first ten, into one line each: where, what came, what is allowed."""
    lines = []
    for finding in error.errors(include_url=False, include_context=False)[:_MOST_FINDINGS]:
        path = ".".join(str(part) for part in finding["loc"] if not str(part).startswith("function-"))
        lines.append(f"{where}{shown(path)}: {finding['msg']}, got {_repr(finding['input'])}")
    if error.error_count() > _MOST_FINDINGS:
        lines.append(f"and {error.error_count() - _MOST_FINDINGS:,} more")
    return InputError("\n       ".join(lines))


def _repr(value: Any) -> str:
    try:
        text = repr(value)
    # Python refuses to write out a number of thousands of digits.
    except ValueError:
        return f"a huge {type(value).__name__}"
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"


def shown(key: str) -> str:
    """A key as it may stand in a message: short, and without control characters."""
    return key if key.isprintable() and len(key) <= _LONGEST_SHOWN else _repr(key)


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
            raise InputError(f"{path}: unknown table [{shown(name)}]; allowed: {', '.join(TABLES)}")
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
            close = difflib.get_close_matches(key, known, 1)
            hint = f"; did you mean {close[0]}?" if close else f"; allowed: {', '.join(sorted(known))}"
            raise InputError(f"{where}{shown(key)}: unknown key{hint}")
    nested: dict[str, Any] = {}
    for field in dataclasses.fields(options_type):  # type: ignore[arg-type]
        if isinstance(field.type, type) and dataclasses.is_dataclass(field.type):
            names = {inner.name for inner in dataclasses.fields(field.type)}
            inner_values = {key: flat.pop(key) for key in list(flat) if key in names}
            nested[field.name] = _validate(field.type, inner_values, where)
    return _validate(options_type, {**flat, **nested}, where)


def _validate(options_type: type[Options], values: Mapping[str, Any], where: str) -> Options:
    try:
        return TypeAdapter(options_type).validate_python(dict(values))
    except ValidationError as error:
        raise explain(error, where) from None


def field_names(options_type: type[Any]) -> set[str]:
    """All flat key names that `build` takes for this type."""
    names = set()
    for field in dataclasses.fields(options_type):
        if isinstance(field.type, type) and dataclasses.is_dataclass(field.type):
            names |= field_names(field.type)
        else:
            names.add(field.name)
    return names


def parse(
    options_type: type[Options],
    door: str,
    description: str,
    arguments: Sequence[str],
    command: str | None = None,
) -> Options:
    """Options of `door` from `--config FILE` (optional) and flags, which win.

    Args:
        options_type: dataclass to fill.
        door: its table of the file.
        description: for `--help`.
        arguments: what was typed.
        command: how the help calls it; default: the door.

    Raises:
        InputError: see `build`; a flag that is wrong ends the process with status 2 and tyro's help.
    """
    arguments = list(arguments)
    config_path = _take_config_flag(arguments)
    values: dict[str, Any] = {}
    where = ""
    if config_path is not None:
        content = read_toml(config_path)
        known = field_names(options_type)
        # [data] is shared: a key that another door understands is not an error here.
        values = {key: value for key, value in content.get("data", {}).items() if key in known}
        values |= content.get(door, {})
        where = f"{config_path}: {door}."
    default = build(options_type, values, where)
    description += "\n\n--config FILE reads the same options from a TOML file; flags override it."
    return parse_flags(options_type, arguments, command or door, description, default)


def parse_flags(
    options_type: type[Options],
    arguments: Sequence[str],
    command: str,
    description: str,
    default: Options | None = None,
) -> Options:
    """Options from flags alone, or from flags that replace values of `default`.

    Raises:
        InputError: a value that is not allowed; a flag that is wrong ends the process with status 2 and
            tyro's help.
    """
    try:
        return tyro.cli(
            options_type,
            default=tyro.MISSING_NONPROP if default is None else default,
            args=list(arguments),
            prog=f"python -m jaxpix.{command}",
            description=description,
            config=(tyro.conf.OmitArgPrefixes, tyro.conf.FlagCreatePairsOff),
        )
    except ValidationError as error:
        raise explain(error, "--") from None


def _take_config_flag(arguments: list[str]) -> Path | None:
    for index, argument in enumerate(arguments):
        if argument == "--config":
            if index + 1 == len(arguments):
                raise InputError("--config needs the path of a TOML file")
            del arguments[index]
            return Path(arguments.pop(index))
        if argument.startswith("--config="):
            return Path(arguments.pop(index).removeprefix("--config="))
    return None


def to_plain(options: Any) -> dict[str, Any]:
    """A dataclass as JSON-able values: paths become strings, None stays None."""
    plain: dict[str, Any] = {}
    for field in dataclasses.fields(options):
        value = getattr(options, field.name)
        if dataclasses.is_dataclass(value):
            plain |= to_plain(value)
        else:
            plain[field.name] = str(value) if isinstance(value, Path) else value
    return plain


def to_toml(door: str, options: Any) -> str:
    """The options as a TOML file that `parse` reads back; None is left out."""
    values = {key: value for key, value in to_plain(options).items() if value is not None}
    return tomli_w.dumps({door: values})
