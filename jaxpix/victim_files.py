"""A victim's folder: `victim.json`, which says what it is, and the weights."""

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx

from . import checkpoints
from .errors import InputError
from .models.zoo import build

_FORMAT = 1


def write(folder: Path, content: Mapping[str, Any], weights: Any) -> None:
    """Write a victim, complete beside an older folder before two renames swap them."""
    fresh = folder.with_name(f".{folder.name}.{os.getpid()}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    checkpoints.save_tree(fresh / "weights", weights)
    text = json.dumps({"format": _FORMAT, **content}, indent=1) + "\n"
    (fresh / "victim.json").write_text(text, encoding="utf-8")
    older = folder.with_name(f".{folder.name}.{os.getpid()}.old")
    if folder.exists():
        folder.replace(older)
    fresh.replace(folder)
    shutil.rmtree(older, ignore_errors=True)


def read(folder: Path) -> tuple[dict[str, Any], nnx.Module]:
    """What `write` was given: the content, and a model with the weights.

    Raises:
        InputError: no victim there, another format, or weights that do not fit.
    """
    if (folder / "victim" / "victim.json").is_file():  # a training run's folder
        folder = folder / "victim"
    try:
        content: dict[str, Any] = json.loads((folder / "victim.json").read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(
            f"no victim in {folder}: expected a folder with victim.json, as jaxpix.train writes it"
        ) from None
    except json.JSONDecodeError as error:
        raise InputError(f"{folder / 'victim.json'} is damaged: {error}") from None
    if content.get("format") != _FORMAT:
        raise InputError(
            f"{folder / 'victim.json'}: expected format {_FORMAT}, got {content.get('format')!r}"
        )
    channels, num_classes = content["input_shape"][2], len(content["class_names"])
    model = nnx.eval_shape(
        lambda: build(content["architecture"], num_classes=num_classes, channels=channels, seed=0)
    )
    graph, abstract = nnx.split(model)
    restored = checkpoints.restore_tree(folder / "weights", abstract)
    return content, nnx.merge(graph, jax.tree.map(jnp.asarray, restored))
