"""Trees of arrays on disk (the only user of Orbax): whole or not at all, and checked when read back.

A checkpoint is a folder that holds one complete, numbered save. A new one is written beside it under
a temporary name, renamed to the next number, and only then is the old one removed: whoever reads, and
whenever the writer is killed, finds a complete save.
"""

import contextlib
import hashlib
import json
import logging
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

import jax
import numpy as np
import orbax.checkpoint as ocp

from ..errors import InputError, first_line, shown
from .documents import read_json
from .files import explain_disk_error, sync, sync_tree, write_atomically

Tree = TypeVar("Tree")

_ARRAYS = "arrays"
_MANIFEST = "manifest.json"


def save_tree(path: Path, tree: Any) -> None:
    """Save a pytree of JAX or NumPy arrays (any shape and dtype) as the checkpoint `path`.

    An older checkpoint at `path` stays readable until the new one is complete.

    Raises:
        InputError: `path` cannot be written, or its disk is full.
    """
    leaves, _ = jax.tree_util.tree_flatten_with_path(jax.device_get(tree))
    arrays = {_name(key): np.asarray(leaf) for key, leaf in leaves}
    unfinished = path / f"unfinished-{os.getpid()}"
    try:
        path.mkdir(parents=True, exist_ok=True)
        for leftover in path.glob("unfinished-*"):
            shutil.rmtree(leftover, ignore_errors=True)
        older = _complete_saves(path)
        unfinished.mkdir()
        with _without_tracebacks(), ocp.PyTreeCheckpointer() as checkpointer:
            checkpointer.save(unfinished.absolute() / _ARRAYS, arrays)
        manifest = {
            name: {"shape": list(array.shape), "dtype": array.dtype.name, "sha256": _digest(array)}
            for name, array in arrays.items()
        }
        write_atomically(unfinished / _MANIFEST, json.dumps(manifest))
        sync_tree(unfinished)
        number = int(older[-1].name) + 1 if older else 0
        unfinished.rename(path / f"{number:08d}")
        sync(path)
    except Exception as error:
        # What was written of it is in the way of whoever has to make room.
        shutil.rmtree(unfinished, ignore_errors=True)
        # Orbax has errors of its own for a write that failed; others are our mistakes.
        line = explain_disk_error(error) or (str(error) if isinstance(error, OSError) else None)
        if line is None:
            raise
        raise InputError(f"cannot write the checkpoint {path}: {line}") from error
    for old in older:
        shutil.rmtree(old, ignore_errors=True)


@contextlib.contextmanager
def _without_tracebacks() -> Iterator[None]:
    """Orbax logs the traceback of every thread that fails to write, besides raising its error."""
    logger = logging.getLogger("absl")
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(before)


def restore_tree(path: Path, like: Tree) -> Tree:
    """Read the checkpoint `path` into the structure of `like`, as NumPy arrays.

    Args:
        path: what `save_tree` was given.
        like: a pytree whose leaves have the shapes and dtypes that are expected (arrays or
            `jax.ShapeDtypeStruct`).

    Raises:
        InputError: there is no checkpoint, it is damaged, or an array's name, shape or dtype differs
            from `like`; the message names the array and both sides.
    """
    # A writer may remove the save that was just found, once it has completed a newer one.
    for _ in range(3):
        saves = _complete_saves(path)
        if not saves:
            raise InputError(f"no checkpoint at {path}")
        with contextlib.suppress(FileNotFoundError):
            return _restore(saves[-1], like)
        if saves[-1].is_dir():
            break
    raise InputError(f"the checkpoint {path} is damaged: files are missing")


def has_checkpoint(path: Path) -> bool:
    """Whether a complete checkpoint lies at `path`."""
    return bool(_complete_saves(path))


def _restore(save: Path, like: Tree) -> Tree:
    manifest = _manifest(save)
    leaves, structure = jax.tree_util.tree_flatten_with_path(like)
    expected = {_name(key): leaf for key, leaf in leaves}
    _check_manifest(save, manifest, expected)
    arguments = {name: ocp.RestoreArgs(restore_type=np.ndarray) for name in expected}
    try:
        with ocp.PyTreeCheckpointer() as checkpointer:
            _check_sizes(checkpointer.metadata((save / _ARRAYS).absolute()), expected)
            arrays = checkpointer.restore((save / _ARRAYS).absolute(), restore_args=arguments)
    except FileNotFoundError:
        raise
    except Exception as error:
        raise InputError(f"the checkpoint {save} is damaged: {first_line(error)}") from error
    for name, array in arrays.items():
        if _digest(array) != manifest[name]["sha256"]:
            raise InputError(f"the checkpoint {save} is damaged: the content of {name} has changed")
    return jax.tree_util.tree_unflatten(structure, [arrays[name] for name in expected])


def _manifest(save: Path) -> dict[str, Any]:
    if not (save / _MANIFEST).exists():
        raise FileNotFoundError(save / _MANIFEST)
    try:
        manifest = read_json(save / _MANIFEST)
    except InputError as error:
        raise InputError(f"the checkpoint {save} is damaged: {error}") from None
    for name, entry in manifest.items():
        if not isinstance(entry, dict) or not {"shape", "dtype", "sha256"} <= entry.keys():
            raise InputError(f"the checkpoint {save} is damaged: {_MANIFEST}: {shown(name)} is no array")
    return manifest


def _check_sizes(metadata: Any, expected: dict[str, Any]) -> None:
    """Compare what the arrays' own files say, before room is made for them: a few bytes may claim gigabytes."""
    tree = metadata.item_metadata.tree
    for name, leaf in expected.items():
        if tuple(tree[name].shape) != tuple(leaf.shape):
            raise ValueError(f"{name}: expected shape {list(leaf.shape)}, got {list(tree[name].shape)}")


def _check_manifest(save: Path, manifest: dict[str, Any], expected: dict[str, Any]) -> None:
    missing, extra = sorted(expected.keys() - manifest.keys()), sorted(manifest.keys() - expected.keys())
    if missing or extra:
        raise InputError(
            f"the checkpoint {save} does not fit: missing {_some(missing)}, not expected {_some(extra)}"
        )
    for name, leaf in expected.items():
        found = manifest[name]
        if found["shape"] != list(leaf.shape) or found["dtype"] != np.dtype(leaf.dtype).name:
            raise InputError(
                f"the checkpoint {save} does not fit: {name}: expected {np.dtype(leaf.dtype).name}"
                f"{list(leaf.shape)}, got {shown(str(found['dtype']))}{shown(str(found['shape']))}"
            )


def _some(names: list[str]) -> str:
    if not names:
        return "nothing"
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _complete_saves(path: Path) -> list[Path]:
    if not path.is_dir():
        return []
    return sorted(entry for entry in path.iterdir() if entry.name.isascii() and entry.name.isdigit())


def _name(key_path: tuple[Any, ...]) -> str:
    return jax.tree_util.keystr(key_path, simple=True, separator=".")


def _digest(array: np.ndarray) -> str:
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()
