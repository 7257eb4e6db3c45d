"""Completion of `jaxpix` in a shell: doors, flags, and the words that flags take. tyro writes the scripts."""

import contextlib
import io
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Union

import tyro

from ..errors import InputError, did_you_mean
from ..storage.files import write_atomically
from .options import MARKERS

SHELLS = ("bash", "zsh", "fish")
_PROGRAM = "jaxpix"
_SPEC = "COMPLETION_SPEC = "


def completion_script(shell: str, doors: Mapping[str, type[Any]]) -> str:
    """A script for a shell; it needs nothing but a Python 3 there.

    Args:
        shell: `bash`, `zsh` or `fish`.
        doors: options of each door.

    Raises:
        InputError: another shell.
    """
    if shell not in SHELLS:
        raise InputError(
            f"completion: expected one of {', '.join(SHELLS)}, got {shell!r}{did_you_mean(shell, SHELLS)}"
        )
    members = [Annotated[kind, tyro.conf.subcommand(name)] for name, kind in doors.items()]
    union: Any = Union[tuple(members)]  # noqa: UP007
    written = io.StringIO()
    # tyro prints the script and ends the process.
    with contextlib.redirect_stdout(written), contextlib.suppress(SystemExit):
        tyro.cli(
            union,
            prog=_PROGRAM,
            args=["--tyro-print-completion", shell],
            config=(*MARKERS, tyro.conf.OmitSubcommandPrefixes),
        )
    return "".join(map(_cleaned, written.getvalue().splitlines(keepends=True)))


def _cleaned(line: str) -> str:
    """The line that holds all flags, without what is no word to type."""
    if not line.startswith(_SPEC):
        return line
    # A line break within a description would begin another word.
    line = re.sub(r"\\+n(?! )", " ", line)
    return re.sub(r"(?<='choices': \[)[^\]]*", _words, line)


def _words(choices: re.Match[str]) -> str:
    return ", ".join(sorted(word for word in choices[0].split(", ") if "None" not in word))


def install_completion(shell: str, script: str) -> tuple[Path, str]:
    """Write the script where the shell looks for it; the file, and what is to be done to use it."""
    data = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    config = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    path, use = {
        "bash": (
            data / "bash-completion" / "completions" / _PROGRAM,
            "new shells have it where the package bash-completion is installed; else add to ~/.bashrc: source {path}",
        ),
        "zsh": (
            data / "zsh" / "site-functions" / f"_{_PROGRAM}",
            "add to ~/.zshrc, before compinit: fpath+=({folder}); then begin a new shell",
        ),
        "fish": (config / "fish" / "completions" / f"{_PROGRAM}.fish", "new shells have it"),
    }[shell]
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, script)
    return path, use.format(path=path, folder=path.parent)
