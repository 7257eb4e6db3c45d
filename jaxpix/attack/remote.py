"""An attack by workers of Ray: this process gives them images, and keeps what they find."""

from __future__ import annotations

import collections
import contextlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..cluster.pool import Pool
from ..cluster.session import is_wanted, joined, leave_gpus_to_workers
from ..cluster.worker import Facts
from ..search.flatness import MOST, FirstLook
from .campaign import alone
from .options import identity_of
from .task import AttackTask, Done, Evaluated, Notice, Passed, Refused
from .work import Tally, announce, audited_over, may_refuse

if TYPE_CHECKING:
    from ..cluster.pool import Heard
    from ..cluster.session import Session
    from ..config import RayConfig
    from ..records.attacked import Selection
    from .campaign import WorkedBy, Workers
    from .options import AttackOptions
    from .run import AttackRun
    from .work import Images, Plan


def workers(config: RayConfig) -> Workers:
    """Who does attacks: this process, or with `--ray` workers; called with the options of each attack.

    Raises:
        InputError: see `joined`; or workers are described without `--ray`.
    """
    return _joined(config) if is_wanted(config) else alone()


@contextlib.contextmanager
def _joined(config: RayConfig) -> Iterator[Callable[[AttackOptions], WorkedBy]]:
    leave_gpus_to_workers()
    with joined(config) as session:
        yield lambda options: _Driver(session, options).work


class _Driver:
    """This process while workers attack. What they find is kept as if it had been found here."""

    def __init__(self, session: Session, options: AttackOptions):
        self._session, self._options = session, options
        self._environments: dict[str, Mapping[str, Any]] = {}
        self._done: collections.Counter[str] = collections.Counter()
        self._candidates: collections.Counter[str] = collections.Counter()
        self._refused: list[Refused] = []
        self._is_guided = False
        self._look = FirstLook()

    def work(self, run: AttackRun, images: Images, selection: Selection, share: Sequence[int]) -> None:
        """Do the experiments of `share`, positions in the subset; see `work.work`."""
        plan, fitness = images.plan, images.attack.fitness
        announce(run, images, selection, str(self._session))
        self._is_guided = not may_refuse(run, images.attack)
        task = self._task(images, selection, len(share))
        began = time.monotonic()
        with Tally(run, plan, selection, len(share)) as tally, Pool(self._session, task, plan.say) as pool:
            todo = share
            while todo:
                pool.word = not self._is_guided
                for heard in pool.run(todo):
                    self._take(heard, run, tally, plan)
                    pool.word = not self._is_guided
                todo = self._parked()
        if self._session.config.verbose:
            self._say_who_did_what(plan, time.monotonic() - began)
        for note in self._look.notes(fitness):
            plan.warn(note)

    def _task(self, images: Images, selection: Selection, share: int) -> AttackTask:
        each = -(-share // self._session.num_workers)
        identity = identity_of(self._options, images.attack.victim, images.plan.dataset)
        return AttackTask(
            self._options, str(Path.cwd()), identity, selection.screened, audited_over(selection), each
        )

    def _take(self, heard: Heard, run: AttackRun, tally: Tally, plan: Plan) -> None:
        match heard.content:
            case Done(finished, is_flat, is_blind):
                self._is_guided = True
                self._done[heard.worker] += 1
                tally.save(finished)
                self._look.count(finished.record.image_id, is_flat=is_flat, is_blind=is_blind)
            case Passed(passed):
                tally.pass_over(passed)
            case Evaluated(count, is_guided):
                self._is_guided |= is_guided
                self._candidates[heard.worker] += count
                tally.count(count)
            case Refused():
                self._refused.append(heard.content)
                self._look_at_refused(MOST)
            case Facts(environment):
                self._environments[heard.worker] = environment
                run.computed_by(list(self._environments.values()))
                where = f"{environment['host']}, {', '.join(environment['devices'])}"
                self._detail(plan, f"{heard.worker}: {where}, {heard.content.capacity} at a time")
            case Notice(text):
                self._detail(plan, f"{heard.worker}: {text}")

    def _parked(self) -> list[int]:
        """Images whose search nothing seemed to guide, now that another image has shown that it can be guided.

        Raises:
            InputError: none has.
        """
        self._look_at_refused(1)
        refused, self._refused = self._refused, []
        return [item for one in refused for item in one.items]

    def _look_at_refused(self, most: int) -> None:
        """Raise what the workers say, where so many images were refused and none has shown that it can be guided."""
        if not self._is_guided and sum(len(one.items) for one in self._refused) >= most:
            raise self._refused[0].error

    def _detail(self, plan: Plan, text: str) -> None:
        if self._session.config.verbose:
            plan.say(text)

    def _say_who_did_what(self, plan: Plan, seconds: float) -> None:
        for name in self._environments:
            rate = self._candidates[name] / max(1e-3, seconds)
            plan.say(f"{name}: {self._done[name]:,} experiments, {rate:,.0f} candidates/s")
