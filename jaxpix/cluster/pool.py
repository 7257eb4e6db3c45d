"""The driver's side: each worker is given enough for the next seconds, and what a lost one had goes to others."""

from __future__ import annotations

import collections
import math
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from ..errors import InputError
from .hand import Hand, why_lost, why_refused
from .worker import Facts, Report, Task, Worker, WorkerLeavesError, versions_here

if TYPE_CHECKING:
    from .session import Session

_SECONDS_BETWEEN_LOOKS = 1.0
_SECONDS_BEFORE_SAYING = 30.0
# So many workers for each that there should be, lost one after the other while nothing at all gets finished.
_LOSSES = 2


class Heard(NamedTuple):
    """What a worker had to say: its `Facts` when it is ready, then the contents of its results."""

    worker: str
    content: Any


class Pool:
    """Workers of one task. A context manager: they end with it.

    Args:
        session: where they run.
        task: what they do; sent to each.
        on_notice: told what a person may want to know, in a sentence.

    Attributes:
        todo: items that nobody has; may be added to while `run` runs.
        word: what workers are told that begin with a stream.
        hands: workers that are there.
    """

    def __init__(self, session: Session, task: Task, on_notice: Callable[[str], None]):
        self._session, self._on_notice = session, on_notice
        self._task = task
        self.todo: collections.deque[Any] = collections.deque()
        self.word: Any = None
        self.hands: list[Hand] = []
        self._pending: dict[Any, Hand] = {}
        self._num_started = self._num_left = self._losses = 0
        self._since = time.monotonic()

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, *details: object) -> None:
        import ray

        for hand in self.hands:
            ray.kill(hand.actor)
        self.hands, self._pending = [], {}

    def run(self, items: Sequence[Any]) -> Iterator[Heard]:
        """What comes of the items, as it comes, until all are done; each is done by one worker that lives.

        Raises:
            InputError: what the task says; workers are lost again and again, or all of them have left.
        """
        self.todo.extend(items)
        while self.todo or any(hand.outstanding for hand in self.hands):
            self._staff()
            self._wake()
            for hand, ref in self._ready():
                yield from self._hear(hand, ref)

    def _staff(self) -> None:
        """Start workers where some are missing and there is something for them to do."""
        wanted = self._session.num_workers - self._num_left
        if wanted <= 0 and not self.hands:
            raise InputError("all workers have left, see above; what is finished is kept")
        missing = min(wanted - len(self.hands), len(self.todo))
        for _ in range(missing):
            self._start()
        self._say_who_waits()

    def _start(self) -> None:
        import ray

        actor_class: Any = ray.remote(max_restarts=0, max_task_retries=0)(Worker)
        actor = actor_class.options(**self._session.needs).remote()
        name = f"worker {self._num_started}"
        hand = Hand(name, actor, is_late=self._num_started >= self._session.num_workers)
        self._num_started += 1
        self.hands.append(hand)
        self._pending[actor.check.remote(versions_here())] = hand

    def _say_who_waits(self) -> None:
        waiting = [hand for hand in self.hands if not hand.is_here]
        if waiting and time.monotonic() - self._since > _SECONDS_BEFORE_SAYING:
            self._since = math.inf
            needs = {name: value for name, value in self._session.needs.items() if name.startswith("num_")}
            self._on_notice(
                f"{len(waiting)} of {len(self.hands)} workers are not there yet; each needs {needs} of the cluster"
            )

    def _wake(self) -> None:
        """Workers that had nothing to do."""
        busy = set(self._pending.values())
        for hand in self.hands:
            if self.todo and hand.capacity and hand not in busy:
                self._exchange(hand)

    def _ready(self) -> list[tuple[Hand, Any]]:
        import ray

        refs = list(self._pending)
        done, _ = ray.wait(refs, num_returns=1, timeout=_SECONDS_BETWEEN_LOOKS) if refs else ([], [])
        return [(self._pending.pop(ref), ref) for ref in done]

    def _hear(self, hand: Hand, ref: Any) -> Iterator[Heard]:
        import ray

        try:
            said = ray.get(ref)
        except ray.exceptions.RayTaskError as error:
            self._refused(hand, error)
            return
        except ray.exceptions.RayError as error:
            self._lost(hand, why_lost(error))
            return
        hand.is_here = True
        if said is None:
            self._pending[hand.actor.prepare.remote(self._task)] = hand
            return
        if isinstance(said, Facts):
            hand.capacity = said.capacity
            yield Heard(hand.name, said)
            self._exchange(hand)
            return
        yield from self._taken(hand, said)

    def _taken(self, hand: Hand, report: Report) -> Iterator[Heard]:
        for result in report.results:
            for item in result.items:
                hand.outstanding.pop(item, None)
            hand.num_done += len(result.items)
            self._losses = 0 if result.items else self._losses
            yield Heard(hand.name, result.content)
        if isinstance(report.error, WorkerLeavesError):
            self._num_left += 1
            self._gone(hand, f"{hand.name} leaves: {report.error}")
            return
        if report.error is not None:
            raise InputError(f"{hand.name}: {report.error}") from report.error
        if report.is_done:
            if hand.outstanding:
                self._count_loss(f"{hand.name} has left out {len(hand.outstanding):,}")
            self._give_back(hand)
            hand.is_closed = False
            if not self.todo:
                return
        self._exchange(hand, is_waiting=report.is_waiting)

    def _exchange(self, hand: Hand, is_waiting: bool = False) -> None:
        items: list[Any] = []
        if not hand.is_closed:
            items = self._share(hand, is_waiting)
            hand.is_closed = not self.todo
        if items and not hand.outstanding and not hand.num_done:
            hand.since = time.monotonic()
        hand.outstanding |= dict.fromkeys(items)
        self._pending[hand.actor.exchange.remote(items, hand.is_closed, self.word)] = hand

    def _share(self, hand: Hand, is_waiting: bool) -> list[Any]:
        """What a worker is given now: as much as it wants, and at most its fair part of what is left."""
        wanted = max(hand.wants(), hand.capacity if is_waiting else 0)
        fair = math.ceil(len(self.todo) / max(1, self._session.num_workers - self._num_left))
        return [self.todo.popleft() for _ in range(max(0, min(wanted, fair)))]

    def _refused(self, hand: Hand, error: Any) -> None:
        """A worker could not be prepared."""
        reason = f"{hand.name}: {why_refused(error)}"
        if not hand.is_late:
            raise InputError(reason)
        self._num_left += 1
        self._gone(hand, f"{reason}; it is left out")

    def _lost(self, hand: Hand, reason: str) -> None:
        """A worker's process or machine is gone; another one takes its place."""
        self._count_loss(reason)
        left = f"its {len(hand.outstanding):,} experiments go to others"
        self._gone(hand, f"{hand.name} is lost ({reason}); {left}")

    def _count_loss(self, reason: str) -> None:
        self._losses += 1
        if self._losses > _LOSSES * self._session.num_workers:
            raise InputError(
                f"{self._losses} workers were lost one after the other while nothing was finished, the last one: "
                f"{reason}; what is finished is kept"
            )

    def _gone(self, hand: Hand, notice: str) -> None:
        import ray

        self._on_notice(notice)
        self._give_back(hand)
        self.hands.remove(hand)
        ray.kill(hand.actor)

    def _give_back(self, hand: Hand) -> None:
        self.todo.extendleft(reversed(hand.outstanding))
        hand.outstanding = {}
