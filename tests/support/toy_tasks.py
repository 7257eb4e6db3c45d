"""Work for workers that needs no model: what an item says is what happens."""

import dataclasses
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jaxpix.cluster.worker import Facts, Result, Stream, WorkerLeavesError
from jaxpix.data.unreadable import UnreadableImageError
from jaxpix.errors import InputError


@dataclasses.dataclass
class Squares:
    """Squares of numbers; other items make trouble, once each (`trouble` remembers), or always."""

    trouble: Path
    refuses: str = ""
    seconds: float = 0.002
    capacity: int = 2

    def prepare(self) -> Facts:
        if self.refuses:
            raise InputError(self.refuses)
        # NPROC and JAX_PLATFORMS are what XLA is told.
        told = {name: os.environ.get(name) for name in ("NPROC", "JAX_PLATFORMS", "RAY_AUTH_MODE")}
        return Facts({"pid": os.getpid(), **told}, self.capacity)

    def run(self, stream: Stream, put: Callable[[Result], None], word: Any) -> None:
        for chunk in stream.chunks(3):
            for item in chunk:
                if isinstance(item, str):
                    self._make(item)
                time.sleep(self.seconds)
                put(Result([item], (item, word, os.getpid())))

    def _make(self, item: str) -> None:
        kind, _, name = item.partition(" ")
        if item == "always die":
            os.kill(os.getpid(), signal.SIGKILL)
        seen = self.trouble / name
        if name and seen.exists():
            return
        seen.touch()
        match kind:
            case "die":
                os.kill(os.getpid(), signal.SIGKILL)
            case "leave":
                raise WorkerLeavesError("its device is full")
            case "refuse":
                raise InputError("this image has no logits")
            case "exit":
                sys.exit("the victim ends its process")
            case "break":
                raise ZeroDivisionError("a fault of ours")


def squared(trouble: Path, item: int | str) -> tuple[int | str, int]:
    """For a mapping: a number's square (a word's double) and whose it is; words make trouble, as in `Squares`."""
    if isinstance(item, str):
        if item == "unreadable":
            raise UnreadableImageError("a decompression bomb")
        Squares(trouble)._make(item)
    time.sleep(0.002)
    return item * 2 if isinstance(item, str) else item**2, os.getpid()
