"""An attack by workers of Ray: each has victim, images and engine; this process keeps what they find."""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import os
import platform
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import jax

from ..cluster.pool import Heard, Pool
from ..cluster.session import joined
from ..cluster.worker import Facts, Result, Stream, WorkerLeavesError
from ..errors import InputError
from ..search.flatness import FirstLook, NothingGuidesError
from ..search.layout import is_out_of_memory
from ..storage.environment import describe_environment
from ..terminal.programs import keep_programs
from ..train.builtin import built_in_run, open_victim
from .options import identity_of, open_dataset, plan_of
from .selection import CHUNK
from .work import Images, Tally, announce, audited_over, may_refuse, work

if TYPE_CHECKING:
    from ..cluster.session import Session
    from ..config import RayConfig
    from ..records.attacked import PassedOver, Selection
    from .campaign import WorkedBy
    from .experiments import Finished
    from .options import AttackOptions
    from .run import AttackRun
    from .work import Plan


class Done(NamedTuple):
    """A finished experiment; whether its first population was flat, and its gradient zero."""

    finished: Finished
    is_flat: bool
    is_blind: bool


class Passed(NamedTuple):
    """Images that cannot be attacked."""

    images: list[PassedOver]


class Evaluated(NamedTuple):
    """So many candidates more; `is_guided`: some image so far was not flat."""

    candidates: int
    is_guided: bool


class Notice(NamedTuple):
    """Something a person may want to know."""

    text: str


class Refused(NamedTuple):
    """Nothing guides the search of any image that the worker had."""

    items: list[int]
    error: InputError


@dataclasses.dataclass
class AttackTask:
    """What a worker does: opens victim and images by their names, and attacks those that it is given.

    Attributes:
        options: name victim and images, which every worker sees at the same place.
        folder: where the driver works; paths may be relative to it.
        identity: what decides the results, and must be the same here.
        screened: all images can be attacked; else they are judged first.
        total: images over which an audit is spread.
        share: images that a worker may expect.
    """

    options: AttackOptions
    folder: str
    identity: Mapping[str, Any]
    screened: bool
    total: int
    share: int

    def prepare(self) -> Facts:
        """Open victim and images.

        Raises:
            InputError: they are not here, or are others than the driver's.
        """
        with contextlib.suppress(OSError):
            os.chdir(self.folder)
        keep_programs()
        victim = open_victim(self.options.victim, self.options.task, self.options.data_dir)
        dataset, victim = open_dataset(self.options, victim)
        here = identity_of(self.options, victim, dataset)
        differs = [key for key, value in self.identity.items() if here.get(key) != value]
        if differs:
            raise InputError(f"victim or images are not those of the driver: {', '.join(differs)} differ")
        self._images = Images(plan_of(self.options, victim, dataset, quiet=True))
        searcher = self._images.attack.searcher
        searcher.expect(self.share)
        environment = {**describe_environment(), "host": platform.node()}
        return Facts(environment, searcher.capacity)

    def run(self, stream: Stream, put: Callable[[Result], None], word: Any) -> None:
        """Attack the images of the stream, by position; `word`: whether to refuse where nothing guides the search.

        Raises:
            WorkerLeavesError: the device is out of memory, with one slot.
        """
        images, place = self._images, _Places(self._images)
        look = FirstLook(may_refuse=word)

        def pass_over(passed: list[PassedOver]) -> None:
            put(Result([place.done(one.image_id) for one in passed], Passed(passed)))

        experiments = images.attack.run(
            images.jobs(place.drawn(stream), self.screened, pass_over),
            images.plan.origin,
            lambda count: put(Result([], Evaluated(count, look.is_over))),
            lambda text: put(Result([], Notice(text))),
            look,
            total=self.total,
        )
        try:
            for finished in experiments:
                name = finished.record.image_id
                put(Result([place.done(name)], Done(finished, name in look.flat, name in look.blind)))
        except NothingGuidesError as error:
            put(Result(left := place.left(), Refused(left, error)))
        except jax.errors.JaxRuntimeError as error:
            if is_out_of_memory(error):
                raise WorkerLeavesError("its device is out of memory, even for the fewest slots") from None
            raise


class _Places:
    """Positions in the subset of images that were drawn and are not done."""

    def __init__(self, images: Images):
        self._ids, self._places = images.ids, dict[str, int]()

    def drawn(self, stream: Stream) -> Iterator[list[int]]:
        for chunk in stream.chunks(CHUNK):
            self._places |= {self._ids[index]: index for index in chunk}
            yield chunk

    def done(self, image_id: str) -> int:
        return self._places.pop(image_id)

    def left(self) -> list[int]:
        return list(self._places.values())


@contextlib.contextmanager
def workers(config: RayConfig) -> Iterator[Callable[[AttackOptions], WorkedBy]]:
    """Who does attacks: this process, or with `--ray` workers; called with the options of each attack.

    Raises:
        InputError: see `joined`.
    """
    if not config.ray:
        asked = [name for name in ("workers", "worker_cpus", "verbose") if getattr(config, name)]
        if asked:
            raise InputError(f"--{asked[0].replace('_', '-')} is for workers of Ray: give --ray, too")
        yield lambda options: work
        return
    with joined(config) as session:
        yield lambda options: _Driver(session, options).work


class _Driver:
    """This process while workers attack. What they find is kept as if it had been found here."""

    def __init__(self, session: Session, options: AttackOptions):
        # Trained already, by this process: workers only read it.
        victim = options.victim or built_in_run(options.task)
        self._session, self._options = session, dataclasses.replace(options, victim=victim)
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
        refused, self._refused = self._refused, []
        if refused and not self._is_guided:
            raise refused[0].error
        return [item for one in refused for item in one.items]

    def _detail(self, plan: Plan, text: str) -> None:
        if self._session.config.verbose:
            plan.say(text)

    def _say_who_did_what(self, plan: Plan, seconds: float) -> None:
        for name in self._environments:
            rate = self._candidates[name] / max(1e-3, seconds)
            plan.say(f"{name}: {self._done[name]:,} experiments, {rate:,.0f} candidates/s")
