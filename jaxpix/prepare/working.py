"""Who decodes images: threads of this process, or workers of Ray; what comes of it is the same, in the same order."""

from __future__ import annotations

import contextlib
import functools
import itertools
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from ..cluster.mapping import Mapping, room_of
from ..cluster.session import is_wanted, joined

if TYPE_CHECKING:
    from ..config import RayConfig

Given: TypeAlias = "tuple[Any, ...]"
"""What is read of an image, its bytes or pixels first, and what else is needed of it: all that a worker gets."""

Workers: TypeAlias = "Callable[[], AbstractContextManager[Work]]"
"""Opens who works."""

# Decoders release Python's lock for nearly all of their time, so there is a thread for each core. Some more do not
# harm, and readers of a disk elsewhere wait; but what is done under the lock lets no more than these work.
_FEWEST_THREADS, _MOST_THREADS = 4, 32
_LOOK_AHEAD = 64
# As what was read is held until a worker takes it.
_READ_AHEAD = 8
# They decide what comes out of DICOM files.
_DECODERS = ("pydicom", "pylibjpeg", "pylibjpeg-libjpeg", "pylibjpeg-openjpeg")


class Work(Protocol):
    """Does something with many images."""

    def __call__(
        self,
        tasks: Iterable[Any],
        read: Callable[[Any], Given],
        function: Callable[[Any, Given], Any],
        told: Any,
    ) -> Iterator[Any]:
        """`function(told, read(task))` of each task, in order.

        Args:
            tasks: what `read` is given, always in this process.
            read: reads the source.
            function: of a module: it may run elsewhere, where the source is not.
            told: what is the same for all images.
        """


def by_threads(
    tasks: Iterable[Any], read: Callable[[Any], Given], function: Callable[[Any, Given], Any], told: Any
) -> Iterator[Any]:
    """`Work` by threads of this process."""
    threads = min(max(_FEWEST_THREADS, usable_cores()), _MOST_THREADS)
    return _ahead(lambda task: function(told, read(task)), tasks, threads, _LOOK_AHEAD)


def usable_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def alone() -> AbstractContextManager[Work]:
    """Threads of this process work."""
    return contextlib.nullcontext(by_threads)


def workers(config: RayConfig, say: Callable[[str], None]) -> Workers:
    """Who works: this process, or with `--ray` workers, which are there as long as the context lasts.

    Raises:
        InputError: workers are described without `--ray`; when it is opened, see `joined`.
    """
    return functools.partial(_joined, config, say) if is_wanted(config) else alone


@contextlib.contextmanager
def _joined(config: RayConfig, say: Callable[[str], None]) -> Iterator[Work]:
    with joined(config) as session:
        mapping = Mapping(session, _DECODERS, say)
        say(f"images are decoded by Ray, {session.where}, {room_of(session).cores} cores each worker")

        def work(
            tasks: Iterable[Any],
            read: Callable[[Any], Given],
            function: Callable[[Any, Given], Any],
            told: Any,
        ) -> Iterator[Any]:
            return mapping(function, told, _ahead(read, tasks, _FEWEST_THREADS, _READ_AHEAD), _bytes_of)

        yield work
        if config.verbose:
            for where, count in sorted(mapping.num_done.items()):
                say(f"{where}: {count:,} images")


def _ahead(
    function: Callable[[Any], Any], tasks: Iterable[Any], threads: int, look_ahead: int
) -> Iterator[Any]:
    """`function` of each task, in order; threads work on a few of them ahead."""
    rest = iter(tasks)
    with ThreadPoolExecutor(threads) as pool:
        waiting: deque[Future[Any]] = deque(
            pool.submit(function, task) for task in itertools.islice(rest, look_ahead)
        )
        try:
            while waiting:
                result = waiting.popleft().result()
                waiting.extend(pool.submit(function, task) for task in itertools.islice(rest, 1))
                yield result
        finally:
            for future in waiting:
                future.cancel()


def _bytes_of(given: Given) -> int:
    content = given[0]
    return len(content) if isinstance(content, bytes) else getattr(content, "nbytes", 0)
