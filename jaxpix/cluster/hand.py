"""What the driver knows of one worker, and what is said of one that is lost or of no use."""

from __future__ import annotations

import dataclasses
import math
import time
from typing import Any

from ..errors import InputError

SECONDS_IN_HAND = 15.0
"""For which a worker has something to do beside what it works on."""


@dataclasses.dataclass(eq=False)
class Hand:
    """What the driver knows of one worker.

    Attributes:
        name: for people.
        actor: Ray's handle.
        is_here: its process runs.
        capacity: items that it works on at a time, once it is prepared; 0: it is not.
        outstanding: items that it was given and that are not done.
        num_done: items that it has done.
        since: when it was given the first.
        is_closed: it was told that no more items follow.
        is_late: it came for another one, or when the cluster grew.
    """

    name: str
    actor: Any
    is_late: bool
    is_here: bool = False
    capacity: int = 0
    outstanding: dict[Any, None] = dataclasses.field(default_factory=dict)
    num_done: int = 0
    since: float = 0.0
    is_closed: bool = False

    def wants(self) -> int:
        """How many items more it should have in hand."""
        rate = self.num_done / max(1e-3, time.monotonic() - self.since) if self.num_done else 0.0
        ahead = max(1, math.ceil(rate * SECONDS_IN_HAND))
        return self.capacity + ahead - len(self.outstanding)


def why_refused(error: Any) -> str:
    """Why a worker's call has failed: the words of an `InputError`, all of them, else what Python says last."""
    return str(error.cause) if isinstance(error.cause, InputError) else _last_line(error)


def why_lost(error: Any) -> str:
    """Why a worker's process is gone, in a line."""
    import ray

    text = str(error).strip()
    if isinstance(error, ray.exceptions.ActorDiedError) and "creation task" in text:
        # It has not even begun: nothing of ours can be read there.
        return f"jaxpix does not begin there: {_last_line(error)}; install the same everywhere"
    return text.partition("\n")[0] or type(error).__name__


def _last_line(error: Any) -> str:
    return str(error).strip().rpartition("\n")[2].strip() or type(error).__name__
