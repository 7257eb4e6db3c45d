"""Victims that a function in a Python file makes: `my_module.py:make_victim`. Kept by reference, never copied."""

from __future__ import annotations

import dataclasses
import hashlib
import importlib.util
import re
import sys
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ..errors import InputError

if TYPE_CHECKING:
    from .frameworks import OtherFrameworks

AnyVictim = TypeVar("AnyVictim", bound="OtherFrameworks")

_REFERENCE = re.compile(r"(?P<file>.+\.py):(?P<function>[^:/\\]*)")


@dataclasses.dataclass(frozen=True)
class Reference:
    """A function that makes a victim.

    Attributes:
        file: the Python file, absolute.
        function: its name there.
        sha256: of the file.
    """

    file: str
    function: str
    sha256: str

    def __str__(self) -> str:
        return f"{Path(self.file).name}:{self.function}, sha256 {self.sha256[:16]}"


def reference_to(place: str | Path) -> Reference | None:
    """What `FILE.py:FUNCTION` names; None where `place` is none.

    Raises:
        InputError: there is no such file, or no function is named.
    """
    match = _REFERENCE.fullmatch(str(place))
    if match is None:
        if str(place).endswith(".py"):
            raise InputError(f"{place}: which function makes the victim? expected {place}:make_victim")
        return None
    path = Path(match["file"])
    if not path.is_file():
        raise InputError(f"no file {path} (expected FILE.py:FUNCTION, a function that returns a Victim)")
    if not match["function"].isidentifier():
        raise InputError(
            f"{place}: expected the name of a function after the colon, got {match['function']!r}"
        )
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return Reference(str(path.resolve()), match["function"], digest)


def made(kind: type[AnyVictim], reference: Reference) -> AnyVictim:
    """The victim that the function makes, which says so.

    Raises:
        InputError: the file does not run, has no such function, the function fails, or it returns something else.
    """
    victim = _returned(reference)
    if not isinstance(victim, kind):
        raise InputError(
            f"{reference.file}: {reference.function}() returned {type(victim).__name__}, no Victim"
        )
    made_by = f"{reference.file}:{reference.function}"
    provenance = {**victim.provenance, "made_by": made_by, "sha256": reference.sha256}
    known: Any = victim
    return dataclasses.replace(known, reference=reference, provenance=provenance)


def remade(kind: type[AnyVictim], folder: Path, content: Mapping[str, Any]) -> AnyVictim:
    """A victim that was saved by reference, made again.

    Args:
        kind: `Victim`.
        folder: where the reference was saved.
        content: of `victim.json` there.

    Raises:
        InputError: the file has changed, is gone, or makes another victim than it did.
    """
    before = Reference(**content["made_by"])
    now = reference_to(f"{before.file}:{before.function}")
    assert now is not None, "it names a file and a function"
    if now.sha256 != before.sha256:
        raise InputError(
            f"{folder}: {before.file} has changed since the victim was saved (sha256 {before.sha256[:16]}, now "
            f"{now.sha256[:16]}); load {before.file}:{before.function} and save it again if that is meant"
        )
    victim = made(kind, now)
    if victim.victim_id != content["victim_id"]:
        raise InputError(
            f"{folder}: {before.function}() of {before.file} makes another victim than it did (id "
            f"{victim.victim_id}, it was {content['victim_id']}): have its weights changed?"
        )
    return victim


def _returned(reference: Reference) -> Any:
    """What the function returns; the folder of its file can be imported from meanwhile.

    Raises:
        InputError: the file does not run, has no such function, or the function fails; names the line.
    """
    path = Path(reference.file)
    name = f"_victim_{path.stem}_{reference.sha256[:8]}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None, "it ends with .py"
    assert spec.loader is not None, "it ends with .py"
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    sys.path.insert(0, str(path.parent))
    try:
        spec.loader.exec_module(module)
        function = getattr(module, reference.function, None)
        if not callable(function):
            names = [n for n, value in vars(module).items() if getattr(value, "__module__", None) == name]
            raise InputError(
                f"there is no function {reference.function!r}; there are {', '.join(names) or 'none'}"
            )
        return function()
    except Exception as error:
        raise InputError(f"{path}{_line(error, path)}: {_said(error)}") from error
    finally:
        sys.path.remove(str(path.parent))


def _said(error: Exception) -> str:
    return str(error) if isinstance(error, InputError) else f"{type(error).__name__}: {error}"


def _line(error: Exception, path: Path) -> str:
    """` line N`, the last one in the file; of a file that cannot be parsed, the one Python names."""
    if isinstance(error, SyntaxError):
        return f" line {error.lineno}"
    lines = [
        frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)
    ]
    return f" line {lines[-1]}" if lines else ""
