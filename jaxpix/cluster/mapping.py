"""A map in order: a function of many items on the cluster's cores, by tasks of Ray that any of them can do again."""

from __future__ import annotations

import collections
import functools
import math
import os
import socket
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from ..errors import InputError
from .hand import why_lost
from .worker import check_versions, versions_here

if TYPE_CHECKING:
    from .session import Session

ITEMS_PER_TASK = 64
"""At most; what Ray does for a task takes about a millisecond."""

BYTES_PER_TASK = 4 * 2**20
"""So many are enough for a task."""

# Half of the store of a cluster of this machine's own.
_BYTES_IN_HAND = 128 * 2**20
# For each task that runs or waits for a core: those whose results wait for an earlier one.
_FINISHED_AHEAD = 4
_RETRIES = 3
_SECONDS_BETWEEN_LOOKS = 1.0
_SECONDS_BEFORE_SAYING = 30.0


class Done(NamedTuple):
    """What a task gives back.

    Attributes:
        where: machine and process.
        results: one for each of its items.
    """

    where: str
    results: list[Any]


class Room(NamedTuple):
    """What the cluster has for tasks now.

    Attributes:
        cores: of a task.
        tasks: how many are given at a time.
    """

    cores: int
    tasks: int


def room_of(session: Session) -> Room:
    """Cores for each task, and how many tasks are given: no more run at a time than there should be workers.

    Where they fill the cluster, Ray lets no more run than that, and each core is given its next task beforehand.
    """
    cores = session.config.worker_cpus or (session.cpus_each if session.config.workers else 1)
    fit = max(1, session.num_cpus // cores)
    wanted = session.config.workers or fit
    return Room(cores, 2 * fit if wanted >= fit else wanted)


class Mapping:
    """Functions of many items, in order, by tasks that know nothing of each other.

    A task whose process or machine is lost is done again elsewhere. Functions are sent by name, so workers need the
    same jaxpix, and what they are told and give back is sent as it is: workers need no file of the driver's.

    Args:
        session: where tasks run.
        packages: beside those that matter everywhere, of the versions that the driver has.
        on_notice: told what a person may want to know, in a sentence.

    Attributes:
        num_done: items done, by machine and process.
    """

    def __init__(self, session: Session, packages: Iterable[str], on_notice: Callable[[str], None]):
        self._session, self._on_notice = session, on_notice
        self._versions = tuple(versions_here(*packages).items())
        self.num_done: collections.Counter[str] = collections.Counter()

    def __call__(
        self,
        function: Callable[[Any, Any], Any],
        told: Any,
        items: Iterable[Any],
        weigh: Callable[[Any], int],
    ) -> Iterator[Any]:
        """`function(told, item)` of each item, in the order of the items, which are taken as there is room for them.

        Args:
            function: of a module, so that workers find it.
            told: what is the same for all items; sent once.
            items: made of what Python and NumPy bring, so that versions are compared before any is read.
            weigh: bytes of an item, about.

        Raises:
            InputError: versions differ, or workers are lost with the same items again and again; whatever `function`
                and `items` raise.
        """
        import ray

        task: Any = ray.remote(_work).options(num_cpus=room_of(self._session).cores, max_retries=_RETRIES)
        # Within a list: it is fetched by the task, once versions are compared.
        whole = [ray.put((function, told))]
        chunks = _chunks(items, weigh)
        # Each task in order, with the bytes of its items; and those that are not finished.
        given: collections.deque[tuple[Any, int]] = collections.deque()
        running: dict[Any, None] = {}
        since = time.monotonic()
        while True:
            for chunk, weight in self._taken(chunks, given, running):
                ref = task.remote(self._versions, whole, chunk)
                given.append((ref, weight))
                running[ref] = None
            if not given:
                return
            finished, _ = ray.wait(list(running), num_returns=1, timeout=_SECONDS_BETWEEN_LOOKS)
            for ref in finished:
                del running[ref]
                since = max(since, time.monotonic())
            if not finished and time.monotonic() - since > _SECONDS_BEFORE_SAYING:
                since = self._say_that_it_waits()
            while given and given[0][0] not in running:
                yield from self._results(given.popleft()[0])

    def _taken(
        self, chunks: Iterator[tuple[list[Any], int]], given: Any, running: Any
    ) -> Iterator[tuple[list[Any], int]]:
        """What is given now: there is room for it, and not too much is ahead of what is taken back."""
        tasks = room_of(self._session).tasks
        while (
            len(running) < tasks
            and len(given) < _FINISHED_AHEAD * tasks
            and sum(weight for _, weight in given) < _BYTES_IN_HAND
            and (one := next(chunks, None))
        ):
            yield one

    def _results(self, ref: Any) -> list[Any]:
        import ray

        try:
            done = Done(*ray.get(ref))
        except ray.exceptions.RayTaskError as error:
            if isinstance(error.cause, Exception):
                raise error.cause from error
            raise
        except ray.exceptions.RayError as error:
            raise InputError(
                f"workers were lost {_RETRIES + 1} times with the same items, the last one: "
                f"{why_lost(error)}; with fewer --workers each has more memory"
            ) from error
        self.num_done[done.where] += len(done.results)
        return done.results

    def _say_that_it_waits(self) -> float:
        """Once: a busy cluster, and one that kills again and again what needs too much memory, look alike."""
        cores = room_of(self._session).cores
        self._on_notice(
            f"no worker has finished anything for {_SECONDS_BEFORE_SAYING:.0f} seconds; each needs {cores} cores of "
            f"the cluster, and memory"
        )
        return math.inf


def _chunks(items: Iterable[Any], weigh: Callable[[Any], int]) -> Iterator[tuple[list[Any], int]]:
    """Items of a task each, and their bytes."""
    chunk: list[Any] = []
    weight = 0
    for item in items:
        chunk.append(item)
        weight += weigh(item)
        if len(chunk) == ITEMS_PER_TASK or weight >= BYTES_PER_TASK:
            yield chunk, weight
            chunk, weight = [], 0
    if chunk:
        yield chunk, weight


def _work(versions: tuple[tuple[str, str], ...], whole: list[Any], items: list[Any]) -> tuple[str, list[Any]]:
    """The task."""
    function, told = _fetched(versions, whole[0])
    return f"{socket.gethostname()}, process {os.getpid()}", [function(told, item) for item in items]


@functools.lru_cache(maxsize=1)
def _fetched(versions: tuple[tuple[str, str], ...], ref: Any) -> Any:
    """What all tasks of a map are told, once for each process."""
    import ray

    check_versions(dict(versions))
    return ray.get(ref)
