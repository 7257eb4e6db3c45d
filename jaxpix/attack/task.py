"""What a worker of Ray does for an attack, and what it tells the driver."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import platform
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import jax

from ..cluster.worker import Facts, Result, WorkerLeavesError
from ..errors import InputError
from ..search.flatness import FirstLook, NothingGuidesError
from ..search.layout import is_out_of_memory
from ..storage.environment import describe_environment
from ..storage.png import encode_png
from ..terminal.programs import keep_programs
from ..victim.victim import Victim
from .options import identity_of, open_dataset, plan_of
from .selection import CHUNK
from .work import Images

if TYPE_CHECKING:
    from ..cluster.worker import Stream
    from ..records.attacked import PassedOver
    from .experiments import Finished
    from .options import AttackOptions


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
        assert self.options.victim is not None, "the driver names it"
        victim = Victim.load(self.options.victim)
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
        images, look = self._images, FirstLook(may_refuse=word)
        # Of the images that were drawn and are not done: where they stand in the subset.
        places: dict[str, int] = {}

        def drawn() -> Iterator[list[int]]:
            for chunk in stream.chunks(CHUNK):
                places.update((images.ids[index], index) for index in chunk)
                yield chunk

        def pass_over(passed: list[PassedOver]) -> None:
            put(Result([places.pop(one.image_id) for one in passed], Passed(passed)))

        experiments = images.attack.run(
            images.jobs(drawn(), self.screened, pass_over),
            images.plan.origin,
            on_candidates=lambda count: put(Result([], Evaluated(count, look.is_over))),
            on_notice=lambda text: put(Result([], Notice(text))),
            look=look,
            total=self.total,
        )
        try:
            for one in experiments:
                name = one.record.image_id
                png = encode_png(one.original) if one.record.success else None
                finished = dataclasses.replace(one, original_png=png)
                put(Result([places.pop(name)], Done(finished, name in look.flat, name in look.blind)))
        except NothingGuidesError as error:
            put(Result(left := list(places.values()), Refused(left, error)))
        except jax.errors.JaxRuntimeError as error:
            if is_out_of_memory(error):
                raise WorkerLeavesError("its device is out of memory, even for the fewest slots") from None
            raise
