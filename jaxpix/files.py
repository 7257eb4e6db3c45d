"""Files that are whole or absent, whatever happens to the process or the machine that writes them."""

import json
import math
import os
import re
from pathlib import Path
from typing import Any

from .errors import InputError

# The positions of eight million images.
_MOST_BYTES = 64 << 20
_MOST_BITS = 64
_DEEPEST = 50
_UNFINISHED = re.compile(r"\..+\.\d+\.tmp")


def write_atomically(path: Path, content: bytes | str) -> None:
    """Write a file so that a reader, a kill or a power cut leaves the old content or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    data = content.encode("utf-8") if isinstance(content, str) else content
    try:
        with temporary.open("wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    sync(path.parent)


def remove_unfinished(folder: Path) -> None:
    """Remove what writers that were killed have left below `folder`, which nobody else may be writing to."""
    for path in folder.rglob(".*.tmp"):
        if _UNFINISHED.fullmatch(path.name):
            path.unlink(missing_ok=True)


def sync(path: Path) -> None:
    """Have a file's content, or a folder's list of names, on the disk before going on."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_tree(folder: Path) -> None:
    """`sync` for a folder and all that is in it; other libraries write without."""
    for path in folder.rglob("*"):
        sync(path)
    sync(folder)


def read_json(path: Path) -> dict[str, Any]:
    """The object that a JSON file of ours holds.

    Raises:
        InputError: it cannot be read, is damaged, or holds what jaxpix never writes: something else than an object,
            numbers that are not finite or have more than 64 bits, text that is none, brackets in brackets without
            end, or more bytes than fit into memory with ease.
    """
    try:
        with path.open("rb") as stream:
            raw = stream.read(_MOST_BYTES + 1)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from None
    if len(raw) > _MOST_BYTES:
        raise InputError(f"{path} is damaged: expected at most {_MOST_BYTES:,} bytes")
    try:
        content = json.loads(raw.decode("utf-8"))
        check_plain(content)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is damaged: {error}") from None
    if not isinstance(content, dict):
        raise InputError(f"{path} is damaged: expected an object, got {type(content).__name__}")
    return content


def check_plain(value: Any, depth: int = 0) -> None:
    """Refuse what a JSON file of ours never holds, though Python's reader takes it.

    Raises:
        ValueError: NaN, an infinite number or one of more than 64 bits, a lone surrogate, lists in lists without
            end, or a type that JSON does not have.
    """
    if depth > _DEEPEST:
        raise ValueError(f"more than {_DEEPEST} lists or objects in one another")
    if isinstance(value, dict):
        for key, inner in value.items():
            key.encode("utf-8")
            check_plain(inner, depth + 1)
    elif isinstance(value, list):
        for inner in value:
            check_plain(inner, depth + 1)
    elif isinstance(value, str):
        value.encode("utf-8")
    elif isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"expected finite numbers, got {value}")
    elif isinstance(value, int) and value.bit_length() > _MOST_BITS:
        raise ValueError(f"expected numbers of at most {_MOST_BITS} bits, got one of {value.bit_length():,}")
    elif not isinstance(value, str | int | float | None):
        raise ValueError(f"expected text, numbers, lists and tables, got {type(value).__name__}")
