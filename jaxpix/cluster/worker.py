"""A worker's side: a thread works through a stream of items, while the driver brings items and takes results."""

from __future__ import annotations

import queue
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, Protocol

from ..errors import InputError
from ..version import __version__, version_of

_SECONDS_PER_REPORT = 1.0
# What finishes together is taken together.
_SECONDS_TO_GATHER = 0.05


class Stream:
    """Items that come while others are worked on; iterated over once, by the thread that works on them."""

    def __init__(self) -> None:
        self._queue: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self.is_waited_for = False

    def add(self, items: list[Any], *, is_last: bool) -> None:
        """More items; `is_last`: none will follow."""
        for item in items:
            self._queue.put(item)
        if is_last:
            self._queue.put(_END)

    def chunks(self, most: int) -> Iterator[list[Any]]:
        """What has come, up to `most` items at a time; waits only while there is none."""
        for first in iter(self._next, _END):
            chunk = [first]
            while len(chunk) < most and not self._queue.empty():
                chunk.append(self._queue.get())
                if chunk[-1] is _END:
                    yield chunk[:-1]
                    return
            yield chunk

    def _next(self) -> Any:
        self.is_waited_for = self._queue.empty()
        item = self._queue.get()
        self.is_waited_for = False
        return item


_END = object()


class Result(NamedTuple):
    """What came of some items, and the items that need no more work; either may be empty."""

    items: list[Any]
    content: Any


class Facts(NamedTuple):
    """What a worker says of itself before it begins.

    Attributes:
        environment: JSON-able, versions and devices.
        capacity: items that it works on at a time.
    """

    environment: dict[str, Any]
    capacity: int


class Report(NamedTuple):
    """What a worker has to say.

    Attributes:
        results: since its last report.
        is_waiting: it has nothing to do until it is given more.
        is_done: it has done all of a stream that has ended.
        error: what ended its work instead.
    """

    results: list[Result]
    is_waiting: bool
    is_done: bool
    error: Exception | None


class Task(Protocol):
    """What workers do."""

    def prepare(self) -> Facts:
        """Load what is needed; once, in the worker."""

    def run(self, stream: Stream, put: Callable[[Result], None], word: Any) -> None:
        """Work through a stream; `word` is what the driver has to say about it."""


class WorkerLeavesError(Exception):
    """This worker cannot go on, and another one may: its device has no memory left."""


class Worker:
    """The actor. Its methods are called one at a time, and none of them takes long once it is prepared."""

    def __init__(self) -> None:
        self._results: queue.SimpleQueue[Result] = queue.SimpleQueue()
        self._stream: Stream | None = None
        self._thread: threading.Thread | None = None
        self._error: Exception | None = None

    def check(self, versions: dict[str, str]) -> None:
        """Compare versions with the driver's, before anything of it is read.

        Raises:
            InputError: names those that differ.
        """
        here = versions_here()
        other = [
            f"{name} {here[name]}, the driver has {version}"
            for name, version in versions.items()
            if here[name] != version
        ]
        if other:
            raise InputError(
                f"its versions are not the driver's: {'; '.join(other)}; install the same everywhere"
            )

    def prepare(self, task: Task) -> Facts:
        """Load what the task needs.

        Raises:
            InputError: it is not here.
        """
        self._task = task
        return task.prepare()

    def exchange(self, items: list[Any], is_last: bool, word: Any) -> Report:
        """Take items and give what has come of those before, after a second at most."""
        if items and self._stream is None:
            self._stream, self._error = Stream(), None
            self._thread = threading.Thread(target=self._work, args=(self._stream, word), daemon=True)
            self._thread.start()
        if self._stream is not None:
            self._stream.add(items, is_last=is_last)
        until = time.monotonic() + _SECONDS_PER_REPORT
        while time.monotonic() < until and not self._has_news():
            time.sleep(_SECONDS_TO_GATHER)
        return self._report()

    def _work(self, stream: Stream, word: Any) -> None:
        try:
            self._task.run(stream, self._results.put, word)
        except (InputError, WorkerLeavesError) as error:
            self._error = error
        # A victim may also end its process, which here ends this thread.
        except BaseException:
            # As text: what other libraries raise cannot always be pickled.
            self._error = RuntimeError(traceback.format_exc())

    def _has_news(self) -> bool:
        thread, stream = self._thread, self._stream
        if stream is None or thread is None:
            return True
        return not self._results.empty() or stream.is_waited_for or not thread.is_alive()

    def _report(self) -> Report:
        is_alive = self._thread is not None and self._thread.is_alive()
        is_waiting = is_alive and self._stream is not None and self._stream.is_waited_for
        # Asked before: what a thread has put before it ended is all there.
        results = []
        while not self._results.empty():
            results.append(self._results.get())
        if not is_alive:
            self._stream = None
        return Report(results, is_waiting, not is_alive and self._error is None, self._error)


def versions_here() -> dict[str, str]:
    """What must be the same everywhere for the same results, and more; Ray looks at its own and Python's."""
    names = ("jax", "jaxlib", "flax", "evosax", "numpy", "pillow")
    found = {name: version_of(name) or "none" for name in names}
    return found | {"jaxpix": __version__}
