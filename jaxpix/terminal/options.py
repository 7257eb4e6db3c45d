"""Command lines as typed options: flags, and the TOML file of `--config`, which flags override."""

import typing
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import UnionType
from typing import Any, Literal, TypeVar

import tyro
from pydantic import ValidationError

from ..errors import InputError, did_you_mean, explain, shown
from ..storage.settings import build, field_names, read_toml
from .console import say

Options = TypeVar("Options")

MARKERS = (tyro.conf.OmitArgPrefixes, tyro.conf.FlagCreatePairsOff, tyro.conf.DisallowNone)
"""How flags are called and what they take."""


def parse(
    options_type: type[Options],
    door: str,
    description: str,
    arguments: Sequence[str],
    command: str | None = None,
    examples: Sequence[str] = (),
) -> Options:
    """Options of `door` from `--config FILE` (optional) and flags, which win.

    Args:
        options_type: dataclass to fill.
        door: its table of the file.
        description: for `--help`.
        arguments: what was typed.
        command: how the help calls it; default: the door.
        examples: what may be typed after the command; the help ends with them.

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
    return parse_flags(options_type, arguments, command or door, description, default, examples)


def parse_flags(
    options_type: type[Options],
    arguments: Sequence[str],
    command: str,
    description: str,
    default: Options | None = None,
    examples: Sequence[str] = (),
) -> Options:
    """Options from flags alone, or from flags that replace values of `default`.

    Raises:
        InputError: a value that is not allowed; a flag that is wrong ends the process with status 2 and
            tyro's help.
    """
    _check_choices(options_type, arguments)
    try:
        return tyro.cli(
            options_type,
            default=tyro.MISSING_NONPROP if default is None else default,
            args=list(arguments),
            prog=f"python -m jaxpix.{command}",
            description=description,
            config=MARKERS,
        )
    except ValidationError as error:
        raise explain(error, "--") from None
    except SystemExit as stop:
        if not stop.code and {"-h", "--help"}.intersection(arguments) and examples:
            say("examples:")
            for example in examples:
                say(f"  jaxpix {command} {example}")
        raise


def _check_choices(options_type: type[Any], arguments: Sequence[str]) -> None:
    """Refuse a word that is none of a flag's, saying what is near.

    Raises:
        InputError: names the flag, its choices, and the word that may be meant.
    """
    choices = dict(_choices(options_type))
    for flag, *values in _flags(arguments):
        words, most = choices.get(flag, ([], 0))
        for value in values[:most]:
            if value not in words:
                hint = did_you_mean(value, words)
                raise InputError(f"{flag}: expected one of {', '.join(words)}, got {shown(value)!r}{hint}")


def _choices(options_type: type[Any]) -> Iterator[tuple[str, tuple[list[str], int | None]]]:
    """Each flag that takes one of some words, these, and how many it takes (None: any number)."""
    for name, kind in typing.get_type_hints(options_type).items():
        if hasattr(kind, "__dataclass_fields__"):
            yield from _choices(kind)
        elif (words := _words(kind)) is not None:
            yield f"--{name.replace('_', '-')}", (words, None if tuple in _origins(kind) else 1)


def _words(kind: Any) -> list[str] | None:
    """What a `Literal` allows, one that may be left out, or a tuple of them; None: it is of another kind."""
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if origin is Literal:
        return [str(word) for word in inner]
    if origin in (typing.Union, UnionType, tuple):
        kinds = [one for one in inner if one not in (type(None), ...)]
        return _words(kinds[0]) if len(kinds) == 1 else None
    return None


def _origins(kind: Any) -> list[Any]:
    """What a type and those within it are made of."""
    return [typing.get_origin(kind), *(origin for one in typing.get_args(kind) for origin in _origins(one))]


def _flags(arguments: Sequence[str]) -> list[list[str]]:
    """Each flag with what follows it."""
    found: list[list[str]] = []
    for argument in arguments:
        if argument.startswith("--"):
            name, sign, value = argument.partition("=")
            found.append([name.replace("_", "-"), *([value] if sign else [])])
        elif found:
            found[-1].append(argument)
    return found


def _take_config_flag(arguments: list[str]) -> Path | None:
    for index, argument in enumerate(arguments):
        flag, sign, value = argument.partition("=")
        if flag == "--config":
            if not sign and index + 1 == len(arguments):
                raise InputError("--config needs the path of a TOML file")
            del arguments[index]
            return Path(value if sign else arguments.pop(index))
    return None
