"""SIGTERM and SIGINT end a door within seconds. What is finished is on the disk before any signal comes."""

import contextlib
import math
import os
import select
import signal
import sys
import threading
import time
from collections.abc import Iterator
from types import FrameType
from typing import NoReturn

PATIENCE_SECONDS = 5.0

# A place that an exception does not leave is left by then.
_SECONDS_AGAIN = 0.05
# JAX's hook of the garbage collector, where a Ctrl-C often falls, and destructors.
_CLEANING_UP = {"_xla_gc_callback", "__del__"}

_WORDS = {signal.SIGINT: "interrupted", signal.SIGTERM: "terminated"}
_SHOW_CURSOR = "\x1b[?25h"


class Interrupted(KeyboardInterrupt):
    """Raised in the main thread by the first signal, so that files are closed and half-made folders removed."""


def farewell(number: int) -> str:
    """What a stopped door says, and how to go on."""
    return f"{_WORDS[signal.Signals(number)]}; the same command goes on from what is saved"


class Watch:
    """Turns signals into `Interrupted`, and ends a process that cannot be interrupted.

    Python runs a signal's handler between two of its own instructions: not while the main thread compiles, and
    an exception that a handler raises where Python cleans up is printed and lost. So a thread watches too. It brings
    a signal again that came at such a place, and ends the process `PATIENCE_SECONDS` after the first signal, and at
    once after the second. As with SIGKILL, nothing finished is lost.
    """

    def __init__(self) -> None:
        self._ending = threading.Lock()
        self._first: int | None = None
        self._is_raised, self._came_amiss = False, False
        self._reading, self._writing = os.pipe()
        os.set_blocking(self._writing, False)
        self._thread = threading.Thread(target=self._wait, name="jaxpix-signals", daemon=True)

    def start(self) -> None:
        """Take over the signals that are not ignored, as `nohup` and a shell's `&` have them."""
        self._wanted = [number for number in _WORDS if signal.getsignal(number) is not signal.SIG_IGN]
        self._before = {number: signal.signal(number, self._raise) for number in self._wanted}
        self._wakeup = signal.set_wakeup_fd(self._writing, warn_on_full_buffer=False)
        self._thread.start()

    def stop(self) -> None:
        """Give the signals back; after a signal, end the process.

        Its threads may still compute for JAX, which crashes a Python that takes itself down the ordinary way.
        """
        if self._first is not None:
            with contextlib.suppress(OSError, ValueError):
                sys.stdout.flush()
            self._end(self._first)
        signal.set_wakeup_fd(self._wakeup)
        for number, handler in self._before.items():
            signal.signal(number, handler)
        os.write(self._writing, b"\0")
        self._thread.join()
        os.close(self._reading)
        os.close(self._writing)

    def _end(self, number: int) -> NoReturn:
        # The lock is never released: whichever thread is first says the line, and ends the process.
        with self._ending:
            cursor = _SHOW_CURSOR if sys.stderr.isatty() else ""
            os.write(2, f"{cursor}{farewell(number)}\n".encode())
            os._exit(128 + number)

    def _raise(self, number: int, frame: FrameType | None) -> None:
        self._first = self._first or number
        if self._is_raised:
            return
        self._came_amiss = _is_cleaning_up(frame)
        if not self._came_amiss:
            self._is_raised = True
            raise Interrupted

    def _wait(self) -> None:
        number = self._next(None)
        if number is None:
            return
        deadline, brought = time.monotonic() + PATIENCE_SECONDS, 0
        while time.monotonic() < deadline:
            if self._next(min(_SECONDS_AGAIN, _left(deadline) or 0.0)) is not None:
                brought -= 1
                if brought < 0:
                    break
            elif self._came_amiss:
                self._came_amiss, brought = False, brought + 1
                # To the main thread: what it waits in ends only by a signal of its own.
                signal.pthread_kill(threading.main_thread().ident or 0, number)
        self._end(number)

    def _next(self, seconds: float | None) -> int | None:
        """The next signal of ours; None: after `seconds` there was none, or there will be none."""
        # Other signals that Python handles, such as an alarm that comes again and again, wake this up, too.
        deadline = math.inf if seconds is None else time.monotonic() + seconds
        while select.select([self._reading], [], [], _left(deadline))[0]:
            number = os.read(self._reading, 1)[0]
            if number == 0:
                return None
            if number in self._wanted:
                return number
        return None


def _is_cleaning_up(frame: FrameType | None) -> bool:
    """Whether what is running is called by Python itself, which lets no exception out of it."""
    while frame is not None:
        if frame.f_code.co_name in _CLEANING_UP:
            return True
        frame = frame.f_back
    return False


def _left(deadline: float) -> float | None:
    """Seconds until then, as `select` takes them."""
    return None if deadline == math.inf else max(0.0, deadline - time.monotonic())


@contextlib.contextmanager
def stopped_by_signals() -> Iterator[None]:
    """Within, SIGTERM and SIGINT stop the process, see `Watch`. Only the main thread can have that."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    watch = Watch()
    watch.start()
    try:
        yield
    finally:
        watch.stop()
