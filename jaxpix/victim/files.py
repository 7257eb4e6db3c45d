"""A victim's folder: `victim.json`, which says what it is, and the weights.

A folder cannot be renamed onto another one, so a new victim takes an older one's place in two steps. Whoever is
killed between them leaves the older one, complete, under the name of a leftover, where `read` finds it.
"""

import json
import os
import re
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

import jax
from flax import nnx
from pydantic import ConfigDict, Field, with_config
from typing_extensions import TypedDict

from ..config import ModelName, Task
from ..errors import InputError
from ..storage import checkpoints
from ..storage.documents import checked, read_json
from ..storage.files import sync, write_atomically

_FORMAT = 1
_DESCRIPTION, _WEIGHTS = "victim.json", "weights"
_Side = Annotated[int, Field(ge=1, le=4096)]
_Finite = Annotated[float, Field(allow_inf_nan=False)]
_Spread = Annotated[float, Field(gt=0, allow_inf_nan=False)]


@with_config(ConfigDict(strict=True, extra="allow"))
class _Provenance(TypedDict, total=False):
    """What others read of it; whoever makes a victim may add more."""

    dataset: str | None
    split: str | None
    fingerprint: str | None


@with_config(ConfigDict(strict=True))
class _Content(TypedDict):
    """What `victim.json` holds."""

    name: str
    victim_id: str
    task: Task
    class_names: list[str]
    normal_classes: list[str]
    threshold: _Finite
    architecture: ModelName
    input_shape: Annotated[list[_Side], Field(min_length=3, max_length=3)]
    mean: list[_Finite]
    std: list[_Spread]
    provenance: _Provenance


@with_config(ConfigDict(strict=True, extra="forbid"))
class _MadeBy(TypedDict):
    """The function that makes a victim, and the hash of its file."""

    file: str
    function: str
    sha256: str


@with_config(ConfigDict(strict=True))
class _ByReference(TypedDict):
    """What `victim.json` holds of a victim that a file makes."""

    name: str
    victim_id: str
    made_by: _MadeBy


def write(folder: Path, content: Mapping[str, Any], weights: Any | None) -> None:
    """Write a victim, complete beside an older folder before two renames swap them; by reference without weights."""
    folder = folder.absolute()
    fresh = folder.with_name(f".{folder.name}.{os.getpid()}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    try:
        if weights is not None:
            checkpoints.save_tree(fresh / _WEIGHTS, weights)
        write_atomically(fresh / _DESCRIPTION, json.dumps({"format": _FORMAT, **content}, indent=1) + "\n")
    except BaseException:
        shutil.rmtree(fresh, ignore_errors=True)
        raise
    older = folder.with_name(f".{folder.name}.{os.getpid()}.old")
    if folder.exists():
        folder.replace(older)
    fresh.replace(folder)
    sync(folder.parent)
    for leftover in (*_leftovers(folder, "old"), *_leftovers(folder, "new")):
        shutil.rmtree(leftover, ignore_errors=True)


def _leftovers(folder: Path, kind: str) -> list[Path]:
    """What writers that were killed have left beside `folder`."""
    parent, pattern = folder.parent, re.compile(rf"\.{re.escape(folder.name)}\.\d+\.{kind}")
    if not parent.is_dir():
        return []
    return sorted(path for path in parent.iterdir() if pattern.fullmatch(path.name))


def _place(folder: Path) -> Path:
    """Where the victim named `folder` lies: there, in a training run there, or where a killed writer left it."""
    whole = folder.absolute()
    for name in (whole / "victim", whole):
        for place in (name, *([] if name.exists() else _leftovers(name, "old"))):
            if (place / _DESCRIPTION).is_file():
                return place
    raise InputError(
        f"no victim in {folder}: expected a folder with {_DESCRIPTION}, as jaxpix.train writes it"
    )


def read(
    folder: Path, structure_of: Callable[[ModelName, int, int], Any]
) -> tuple[dict[str, Any], nnx.Module | None]:
    """What `write` was given: the content, and a model with the weights; None if a file makes the victim.

    Args:
        folder: of the victim, or of the training run that made it.
        structure_of: (architecture, number of classes, channels) -> what `nnx.split` gives of that network.

    Raises:
        InputError: no victim there, another format, or weights that do not fit.
    """
    folder = _place(folder)
    path = folder / _DESCRIPTION
    content = read_json(path)
    if content.get("format") != _FORMAT:
        raise InputError(f"{path}: expected format {_FORMAT}, got {content.get('format')!r}")
    if "made_by" in content:
        return dict(checked(_ByReference, content, f"{path} is damaged: ")), None
    content = dict(checked(_Content, content, f"{path} is damaged: "))
    channels, num_classes = content["input_shape"][2], len(content["class_names"])
    if not len(content["mean"]) == len(content["std"]) == channels:
        raise InputError(f"{path} is damaged: expected {channels} values of mean and of std")
    graph, abstract = structure_of(content["architecture"], num_classes, channels)
    restored = checkpoints.restore_tree(folder / _WEIGHTS, abstract)
    return content, nnx.merge(graph, jax.device_put(restored))
