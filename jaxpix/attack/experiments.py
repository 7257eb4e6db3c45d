"""From images to records: one attack bound to one victim, and the stream of what it finishes."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..config import EngineConfig
from ..errors import InputError
from ..platforms import on_host
from ..records.attacked import AT_THE_TARGET, MISCLASSIFIED, PassedOver
from ..records.record import PixelChange, Record
from ..search.course import Course
from ..search.engine import Engine
from ..search.evaluators import make_evaluator
from ..search.exhaustive.scope import scope_of
from ..search.exhaustive.sweep import Sweep
from ..search.genome import Box
from ..search.guide import make_guide
from ..search.presets import fitness_of, search_of, settings_name
from ..search.problem import Problem
from ..search.verification import Job

if TYPE_CHECKING:
    from ..config import AttackConfig
    from ..records.maps import SweepMaps
    from ..search.verification import Outcome
    from ..victim.victim import Victim


# What a record says of an outcome as it is.
_KEPT = (
    "success",
    "refuted_hits",
    "generations",
    "queries",
    "queries_to_first_hit",
    "best_fitness",
    "seconds",
)


@dataclasses.dataclass(frozen=True)
class Origin:
    """Where attacked images come from, as records state it."""

    dataset: str = ""
    split: str = ""
    subset: str = ""
    synthetic: bool = False


@dataclasses.dataclass(frozen=True)
class Finished:
    """A record with its pictures: the saved candidate (PNG) and the original, uint8 [H, W, C]; and maps, if any.

    A worker also makes the original's PNG of a success, of which a driver would have to make thousands.
    """

    record: Record
    png: bytes
    original: np.ndarray
    maps: SweepMaps | None = None
    original_png: bytes | None = None


class Attack:
    """One attack configuration bound to one victim, compiled once and used for any number of images.

    Another attack of the same kind on the same victim finds the programs compiled.

    Raises:
        InputError: the configuration does not fit the victim (unknown target, too many pixels), or its images
            cannot be saved as PNG.
    """

    def __init__(self, victim: Victim, config: AttackConfig, engine: EngineConfig | None = None):
        if victim.input_shape[2] not in (1, 3):
            raise InputError(
                f"victim {victim.name!r}: expected images of 1 or 3 channels, which PNG files hold and successes "
                f"are judged from, got {victim.input_shape[2]}"
            )
        self.victim, self.config = victim, config
        self.fitness = fitness_of(config, victim.space)
        self.target = None if config.target is None else victim.space.parse(config.target)
        box = Box(victim.input_shape, config.num_pixels)
        scope = scope_of(config, victim.input_shape)
        self.search = search = search_of(config)
        if scope is None:
            # In its box a search may have fewer generations than it was told; what tries everything has no strategy.
            self.search = search = search.in_box(box).search
        engine = engine or EngineConfig()
        # Another number of slots is no other evaluator: programs of equal layouts are found compiled.
        evaluated = EngineConfig(evaluator=engine.evaluator, switch=engine.switch)
        self.name = settings_name(config) + ("" if scope is None else scope.suffix)
        problem = Problem(
            evaluator=make_evaluator(victim, config.num_pixels, config.precision, evaluated),
            search=search,
            box=box,
            fitness=self.fitness,
            space=victim.space,
            targeted=self.target is not None,
            guide=make_guide(victim, search, box, self.target is not None),
        )
        self.searcher = Engine(victim, problem, engine) if scope is None else Sweep(victim, problem, scope)

    @property
    def engine(self) -> Engine:
        """What evolves; an exhaustive search has none."""
        assert isinstance(self.searcher, Engine), "an exhaustive search evolves nothing"
        return self.searcher

    def job(self, image_id: str, image: np.ndarray, original: np.ndarray) -> Job:
        """One experiment on a uint8 image [H, W, C] whose label is the bool vector `original` [N]."""
        return Job(image_id, image, original, original if self.target is None else self.target)

    def judge(
        self, logits: np.ndarray, labels: np.ndarray, image_ids: Sequence[str]
    ) -> list[PassedOver | None]:
        """Why an image may not be attacked; None: it may, as it is classified correctly and not yet at the target.

        Args:
            logits: float32 [B, N], the victim's, of the untouched images.
            labels: bool [B, N], the true ones.
            image_ids: names [B].
        """
        predicted = np.asarray(self.victim.space.labels(logits))
        verdicts: list[PassedOver | None] = []
        for name, said, label in zip(image_ids, predicted, labels, strict=True):
            reason = MISCLASSIFIED if (said != label).any() else None
            if reason is None and self.target is not None and (label == self.target).all():
                reason = AT_THE_TARGET
            verdicts.append(
                None if reason is None else PassedOver(name, reason, list(self.victim.space.names(said)))
            )
        return verdicts

    def run(self, jobs: Iterable[Job], origin: Origin | None = None, **course: Any) -> Iterator[Finished]:
        """Finished experiments in order of finishing; `course`: see `Course`, but for its seed."""
        for outcome in self.searcher.run(jobs, Course(self.config.seed, **course)):
            with on_host():
                record = self._record(outcome, origin or Origin())
            yield Finished(record, outcome.png, outcome.job.image, outcome.maps)

    def _record(self, outcome: Outcome, origin: Origin) -> Record:
        space = self.victim.space
        before, after = (
            np.asarray(space.labels(logits)) for logits in (outcome.logits_before, outcome.logits_after)
        )
        job, maps = outcome.job, outcome.maps
        found = outcome.queries_to_first_hit is not None
        return Record(
            **dataclasses.asdict(origin),
            **{name: getattr(outcome, name) for name in _KEPT},
            image_id=job.image_id,
            victim_id=self.victim.victim_id,
            victim=self.victim.name,
            task=space.task,
            class_names=list(space.class_names),
            normal_classes=list(space.normal_classes),
            num_pixels=self.config.num_pixels,
            fitness=self.fitness,
            preset=self.name,
            target=None if self.target is None else list(space.names(self.target)),
            seed=self.config.seed,
            label_before=list(space.names(job.original)),
            label_after=list(space.names(after)),
            confidences_before=np.asarray(space.confidences(outcome.logits_before)).tolist(),
            confidences_after=np.asarray(space.confidences(outcome.logits_after)).tolist(),
            verified=outcome.success == found,
            null_control=bool((before == job.original).all()),
            pixels=_changes(outcome),
            stop_reason=self._stop_reason(outcome),
            trajectory=list(outcome.trajectory),
            exhaustive_flips=None if maps is None else maps.num_flips,
            exhaustive_positions=None if maps is None else maps.num_positions,
        )

    def _stop_reason(self, outcome: Outcome) -> str:
        if outcome.maps is not None:
            return "exhausted"
        return "generations" if outcome.generations >= self.search.generations else "adversarial"


def _changes(outcome: Outcome) -> list[PixelChange]:
    image, pixels = outcome.job.image, outcome.pixels
    return [
        PixelChange(int(x), int(y), image[y, x].tolist(), value.tolist())
        for x, y, value in zip(pixels.x, pixels.y, pixels.values, strict=True)
    ]
