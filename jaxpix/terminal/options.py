"""Command lines as typed options: flags, and the TOML file of `--config`, which flags override."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

import tyro
from pydantic import ValidationError

from ..errors import InputError
from ..storage.documents import explain
from ..storage.settings import build, field_names, read_toml

Options = TypeVar("Options")


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
