"""An attack that nothing is kept of but what the caller gets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from .work import Images, choose, work

if TYPE_CHECKING:
    from pathlib import Path

    from ..records.attacked import PassedOver
    from ..records.maps import SweepMaps
    from ..records.record import Record
    from .experiments import Finished
    from .work import Plan


class Remembered(NamedTuple):
    """Records in the order of the selection, images that were passed over, and maps of exhaustive searches."""

    records: list[Record]
    passed_over: list[PassedOver]
    maps: dict[str, SweepMaps]


def attack_in_memory(plan: Plan) -> Remembered:
    """Attack, and keep nothing on disk.

    Raises:
        NothingToAttackError: none can be attacked where some of each class are wanted.
    """
    memory, images = _Memory(), Images(plan)
    selection = choose(images)
    work(memory, images, selection, selection.turns(plan.attack.config.seed))
    ids = [images.ids[index] for index in selection.indices]
    records = [memory.records[name] for name in ids if name in memory.records]
    return Remembered(records, selection.passed_over + memory.reasons, memory.maps)


class _Memory:
    """A `Keeper` that forgets with its process."""

    def __init__(self) -> None:
        self.finished: set[str] = set()
        self.passed_over: set[str] = set()
        self.num_successes = 0
        self.scratch: Path | None = None
        self.records: dict[str, Record] = {}
        self.reasons: list[PassedOver] = []
        self.maps: dict[str, SweepMaps] = {}

    def save(self, finished: Finished) -> Record:
        """Keep the record; its pictures are made of the image, which is at hand."""
        record = finished.record
        self.records[record.image_id] = record
        if finished.maps is not None:
            self.maps[record.image_id] = finished.maps
        self.num_successes += record.success
        return record

    def pass_over(self, images: Sequence[PassedOver]) -> None:
        """Keep the reasons."""
        self.reasons += images
