"""What an exhaustive search has found of one image so far, kept on disk where a kill must not lose it."""

from __future__ import annotations

import contextlib
import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .program import Found

if TYPE_CHECKING:
    from collections.abc import Iterator

_ROW = np.dtype([("distance", "<f4"), ("fitness", "<f4"), ("confidence", "<f4"), ("reached", "<i2")])


class Ledger:
    """Rows of the candidates 0, 1, … of one image, in order.

    Args:
        size: candidates of the image.
        path: file that holds the rows, and goes on with those that it holds; None: memory alone.
        identity: what decides the rows; a file of another identity is begun anew.
    """

    def __init__(self, size: int, path: Path | None, identity: bytes):
        self._rows = np.zeros(size, _ROW)
        self._path, self._head = path, hashlib.sha256(identity).digest()
        self.done = 0
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._begin(path)

    def _begin(self, path: Path) -> None:
        """Read whole rows of this identity; what a kill has torn is cut off."""
        content = path.read_bytes() if path.exists() else b""
        if content[: len(self._head)] == self._head:
            body = content[len(self._head) :]
            self.done = min(len(body) // _ROW.itemsize, len(self._rows))
            self._rows[: self.done] = np.frombuffer(body, _ROW, self.done)
        with path.open("r+b" if content else "wb") as stream:
            stream.write(self._head)
            stream.truncate(len(self._head) + self.done * _ROW.itemsize)

    def cut(self, count: int) -> None:
        """Forget all rows but the first so many."""
        self.done = count
        if self._path is not None:
            os.truncate(self._path, len(self._head) + self.done * _ROW.itemsize)

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """Within this context `add` writes to the file."""
        with contextlib.ExitStack() as stack:
            self._stream = None if self._path is None else stack.enter_context(self._path.open("ab"))
            yield

    def add(self, found: Found, count: int) -> None:
        """Keep the first so many of a block, arrays [B]."""
        rows = self._rows[self.done : self.done + count]
        for name, values in found._asdict().items():
            rows[name] = np.asarray(values)[:count]
        if self._stream is not None:
            self._stream.write(rows.tobytes())
            self._stream.flush()
        self.done += count

    @property
    def found(self) -> Found:
        """All rows, as arrays [size]."""
        return Found(*(self._rows[name] for name in Found._fields))

    def discard(self) -> None:
        """Remove the file."""
        if self._path is not None:
            self._path.unlink(missing_ok=True)
