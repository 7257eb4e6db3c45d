"""A time limit for one measurement: first an exception, then the end of a process that does not hear it."""

import os
import signal
import threading
from collections.abc import Callable
from types import FrameType

RESTART_STATUS = 75
"""Exit status that asks whoever started the process to start it again."""

PATIENCE_SECONDS = 10.0
"""From the exception to the end of the process."""

# An exception that a signal's handler raises inside a destructor is lost.
_AGAIN_SECONDS = 1.0

# A module whose import an exception ended is half there, and what needs it next fails.
_AFTER_IMPORT_SECONDS = 0.05


class OverLimit(BaseException):
    """Raised in the main thread when the time is over; no library's `except Exception` swallows it."""


def within(
    seconds: float,
    work: Callable[[], None],
    on_hang: Callable[[], None],
    patience_seconds: float = PATIENCE_SECONDS,
) -> None:
    """Do `work` in the main thread for at most `seconds`.

    Python runs a signal's handler between two of its own instructions, so a compiler in C++ is not interrupted.
    A module that is being imported is imported to its end. `patience_seconds` after the limit a thread calls
    `on_hang` and leaves with `RESTART_STATUS`.

    Args:
        seconds: above 0.
        work: what is limited.
        on_hang: writes down what happened; called in another thread.
        patience_seconds: see above.

    Raises:
        OverLimit: the time is over.
    """
    limit = _Limit(seconds + patience_seconds, on_hang)
    before = signal.signal(signal.SIGALRM, limit.expire)
    limit.start()
    try:
        try:
            signal.setitimer(signal.ITIMER_REAL, seconds, _AGAIN_SECONDS)
            work()
        finally:
            limit.end()
    finally:
        # Once more, because the alarm may have come before the first time was over; the next one is a second away.
        limit.end()
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


class _Limit:
    def __init__(self, seconds: float, on_hang: Callable[[], None]):
        self._seconds, self._on_hang = seconds, on_hang
        self._over = False
        self._done = threading.Event()
        self._ending = threading.Lock()
        self._thread = threading.Thread(target=self._watch, name="jaxpix-limit", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def end(self) -> None:
        self._over = True
        with self._ending:
            self._done.set()

    def expire(self, number: int, frame: FrameType | None) -> None:
        if self._over:
            return
        if _imports(frame):
            signal.setitimer(signal.ITIMER_REAL, _AFTER_IMPORT_SECONDS, _AGAIN_SECONDS)
            return
        raise OverLimit

    def _watch(self) -> None:
        if self._done.wait(self._seconds):
            return
        # Held for ever where the process ends: work that returns at this moment must not be written down too.
        with self._ending:
            if not self._done.is_set():
                try:
                    self._on_hang()
                finally:
                    os._exit(RESTART_STATUS)


def _imports(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False
