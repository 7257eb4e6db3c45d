"""Files that are whole or absent, whatever happens to the process or the machine that writes them."""

import errno
import hashlib
import os
import re
from pathlib import Path

_UNFINISHED = re.compile(r"\..+\.\d+\.tmp")
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_REFUSED = (errno.EACCES, errno.EPERM, errno.EROFS)
_BROKEN = (errno.EIO, errno.ESTALE, errno.ENODEV, errno.ENXIO)
_KEPT = "nothing finished is lost"


def file_stem(name: str) -> str:
    """A file name for any name: readable, safe on every file system, distinct."""
    readable = re.sub(r"[^A-Za-z0-9._-]+", "_", name).strip("._")[-80:]
    return f"{readable}-{hashlib.sha256(name.encode('utf-8')).hexdigest()[:8]}"


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


def explain_disk_error(error: BaseException) -> str | None:
    """One line for an error of the disk; None where the error is about something else.

    Libraries written in C++ report a failed write as an error of their own, whose text names the cause.
    """
    if isinstance(error, OSError):
        code, what = error.errno, str(error)
    else:
        named = (*_FULL, errno.EROFS, errno.EIO)
        code = next((code for code in named if os.strerror(code) in str(error)), None)
        what = os.strerror(code) if code is not None else ""
    if code in _FULL:
        return f"disk full: {what}; {_KEPT}: free some space, then the same command goes on"
    if code in _REFUSED:
        return f"not allowed to read or write: {what}; {_KEPT}"
    if code in _BROKEN:
        return f"the disk does not answer: {what}; {_KEPT}, the same command goes on from what is saved"
    return None
