"""`jaxpix DOOR …`: the same doors as `python -m jaxpix.DOOR`."""

import importlib
import sys
from types import ModuleType
from typing import Any

from .errors import InputError, did_you_mean
from .terminal.console import run_door, say
from .version import __version__

DOORS = {
    "prepare": "make a data set ready for training and attack",
    "train": "train a classifier, the later victim",
    "attack": "attack a victim by differential evolution",
    "report": "tables, figures and one HTML page from finished attacks",
    "check": "say whether the rates of attacks keep their limits, for pipelines",
    "defend": "measure defences by attacks that go through them",
    "study": "train, attack and report as a configuration file says",
    "bench": "measure speed, beside other libraries or on a whole data set",
    "doctor": "say what is installed, prepared and trained here, and whether it is sound",
}
_USAGE = "usage: jaxpix DOOR [OPTIONS], or python -m jaxpix.DOOR; --help after a door lists its options"
_PRINT, _INSTALL = "--print-completion", "--install-completion"


def _door(name: str) -> ModuleType:
    return importlib.import_module(f".{name}.__main__", __package__)


def _complete(arguments: list[str]) -> None:
    """Print or install what completes doors and flags in a shell."""
    from .terminal.completion import SHELLS, completion_script, install_completion

    if len(arguments) != 2:
        raise InputError(f"{arguments[0]} needs the name of a shell: {', '.join(SHELLS)}")
    flag, shell = arguments
    options: dict[str, type[Any]] = {name: _door(name).OPTIONS for name in DOORS}
    script = completion_script(shell, options)
    if flag == _PRINT:
        sys.stdout.write(script)
        return
    path, use = install_completion(shell, script)
    say(f"completion for {shell}: {path}")
    say(use)


def _show_doors() -> None:
    say(_USAGE)
    for name, purpose in DOORS.items():
        say(f"  {name:<10}{purpose}")
    say(f"jaxpix {_INSTALL} bash (or zsh, fish) lets the shell complete doors and flags; jaxpix --version")


def main() -> None:
    """Dispatch to a door by its name."""
    arguments = sys.argv[1:]
    first = arguments[0] if arguments else "--help"
    if arguments == ["--version"]:
        say(__version__)
    elif first in (_PRINT, _INSTALL):
        run_door(_complete, arguments)
    elif first in DOORS:
        run_door(_door(first).main, arguments[1:])
    elif first in ("--help", "-h"):
        _show_doors()
    else:
        run_door(_refuse, arguments)


def _refuse(arguments: list[str]) -> None:
    hint = did_you_mean(arguments[0], [*DOORS, "--version", _INSTALL, _PRINT])
    raise InputError(f"unknown door {arguments[0]!r}{hint}; there are {', '.join(DOORS)} (jaxpix --help)")


if __name__ == "__main__":
    main()
