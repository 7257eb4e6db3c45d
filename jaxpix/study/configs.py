"""The studies that jaxpix brings along: found by name, in a checkout and in an installed package alike."""

import itertools
import os
from pathlib import Path

from ..errors import InputError, did_you_mean, shown
from ..storage.settings import read_toml

# In a checkout a link to configs/ at the top; a wheel carries the files themselves.
_FOLDER = Path(__file__).parents[1] / "configs"


def shipped_studies() -> dict[str, Path]:
    """File of every shipped configuration that is a study, by its name, in the order of the names."""
    paths = sorted(_FOLDER.glob("*.toml"), key=lambda path: path.stem)
    return {path.stem: path for path in paths if "study" in read_toml(path)}


def study_file(given: Path) -> Path:
    """The study file that somebody means: a path, or the name of a shipped study; a file of that name wins.

    Raises:
        InputError: neither a file nor a name, or the path of a shipped study that is not there.
    """
    # Not `Path.is_file`, which refuses what is no name at all, such as one of thousands of letters.
    if os.path.isfile(given):  # noqa: PTH113
        return given
    shipped = shipped_studies()
    if given.suffix == ".toml" or len(given.parts) != 1:
        if given.stem in shipped:
            raise InputError(
                f"configuration file not found: {given}; the shipped study is called by its name: {given.stem}"
            )
        return given
    if given.name not in shipped:
        hint = did_you_mean(given.name, shipped)
        raise InputError(
            f"{shown(given.name)} is neither a file nor a shipped study{hint}; allowed: the path of a TOML file, or "
            f"{', '.join(shipped)} (python -m jaxpix.study --list)"
        )
    return shipped[given.name]


def header_of(path: Path) -> list[str]:
    """What a configuration says of itself: the comment at its top, without its signs and empty lines."""
    lines = path.read_text(encoding="utf-8").splitlines()
    header = itertools.takewhile(lambda line: line.startswith("#"), lines)
    return list(filter(None, (line.removeprefix("#").removeprefix(" ") for line in header)))
