"""A victim's folder: `victim.json`, which says what it is, and the weights.

A folder cannot be renamed onto another one, so a new victim takes an older one's place in two steps. Whoever is
killed between them leaves the older one, complete, under the name of a leftover, where `read` finds it.
"""

import json
import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx

from . import checkpoints
from .errors import InputError
from .files import read_json, sync, write_atomically
from .models.zoo import build

_FORMAT = 1
_DESCRIPTION, _WEIGHTS = "victim.json", "weights"
_KEYS = {
    *("name", "victim_id", "task", "class_names", "normal_classes", "threshold"),
    *("architecture", "input_shape", "mean", "std", "provenance"),
}


def write(folder: Path, content: Mapping[str, Any], weights: Any) -> None:
    """Write a victim, complete beside an older folder before two renames swap them."""
    folder = folder.absolute()
    fresh = folder.with_name(f".{folder.name}.{os.getpid()}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    try:
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


def read(folder: Path) -> tuple[dict[str, Any], nnx.Module]:
    """What `write` was given: the content, and a model with the weights.

    Raises:
        InputError: no victim there, another format, or weights that do not fit.
    """
    folder = _place(folder)
    path = folder / _DESCRIPTION
    content = read_json(path)
    if content.get("format") != _FORMAT:
        raise InputError(f"{path}: expected format {_FORMAT}, got {content.get('format')!r}")
    missing = _KEYS - content.keys()
    if missing:
        raise InputError(f"{path} is damaged: it lacks {', '.join(sorted(missing))}")
    channels, num_classes = content["input_shape"][2], len(content["class_names"])
    model = nnx.eval_shape(
        lambda: build(content["architecture"], num_classes=num_classes, channels=channels, seed=0)
    )
    graph, abstract = nnx.split(model)
    restored = checkpoints.restore_tree(folder / _WEIGHTS, abstract)
    return content, nnx.merge(graph, jax.tree.map(jnp.asarray, restored))
