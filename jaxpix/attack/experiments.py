"""From images to records: the attack as a library call, and as a stream for the door."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..config import AttackConfig, EngineConfig
from ..errors import InputError
from ..platforms import on_host
from ..records.record import PixelChange, Record
from ..search.engine import Engine
from ..search.evaluators import make_evaluator
from ..search.genome import Box
from ..search.presets import fitness_of, search_of
from ..search.problem import Problem
from ..search.verification import Job
from ..victim.probe import check_finite

if TYPE_CHECKING:
    from ..search.verification import Outcome
    from ..victim.victim import Victim


@dataclasses.dataclass(frozen=True)
class Origin:
    """Where attacked images come from, as records state it."""

    dataset: str = ""
    split: str = ""
    subset: str = ""
    synthetic: bool = False


@dataclasses.dataclass(frozen=True)
class Finished:
    """A record with its pictures: the saved candidate (PNG) and the original, uint8 [H, W, C]."""

    record: Record
    png: bytes
    original: np.ndarray


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
        self.search = search_of(config)
        engine = engine or EngineConfig()
        problem = Problem(
            evaluator=make_evaluator(victim, config.num_pixels, config.precision, engine),
            search=self.search,
            box=Box(victim.input_shape, config.num_pixels),
            fitness=self.fitness,
            space=victim.space,
            targeted=self.target is not None,
        )
        self.engine = Engine(victim, problem, engine)

    def job(self, image_id: str, image: np.ndarray, original: np.ndarray) -> Job:
        """One experiment on a uint8 image [H, W, C] whose label is the bool vector `original` [N]."""
        return Job(image_id, image, original, original if self.target is None else self.target)

    def eligible(self, logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """Which images may be attacked, bool [B]: classified correctly and not yet at the target.

        Args:
            logits: float32 [B, N], the victim's, of the untouched images.
            labels: bool [B, N], the true ones.
        """
        predicted = np.asarray(self.victim.space.labels(logits))
        correct = (predicted == labels).all(axis=1)
        if self.target is None:
            return correct
        return correct & (labels != self.target).any(axis=1)

    def run(
        self,
        jobs: Iterable[Job],
        origin: Origin | None = None,
        on_candidates: Callable[[int], None] | None = None,
        on_notice: Callable[[str], None] | None = None,
    ) -> Iterator[Finished]:
        """Finished experiments in order of finishing; see `Engine.run`."""
        for outcome in self.engine.run(jobs, self.config.seed, on_candidates, on_notice):
            with on_host():
                record = self._record(outcome, origin or Origin())
            yield Finished(record, outcome.png, outcome.job.image)

    def _record(self, outcome: Outcome, origin: Origin) -> Record:
        space = self.victim.space
        before, after = (
            np.asarray(space.labels(outcome.logits_before)),
            np.asarray(space.labels(outcome.logits_after)),
        )
        job, pixels = outcome.job, outcome.pixels
        changes = [
            PixelChange(int(x), int(y), job.image[y, x].tolist(), value.tolist())
            for x, y, value in zip(pixels.x, pixels.y, pixels.values, strict=True)
        ]
        found = outcome.queries_to_first_hit is not None
        return Record(
            dataset=origin.dataset,
            split=origin.split,
            subset=origin.subset,
            image_id=job.image_id,
            victim_id=self.victim.victim_id,
            victim=self.victim.name,
            task=space.task,
            class_names=list(space.class_names),
            normal_classes=list(space.normal_classes),
            num_pixels=self.config.num_pixels,
            fitness=self.fitness,
            preset=self.config.preset,
            target=None if self.target is None else list(space.names(self.target)),
            seed=self.config.seed,
            label_before=list(space.names(job.original)),
            label_after=list(space.names(after)),
            confidences_before=np.asarray(space.confidences(outcome.logits_before)).tolist(),
            confidences_after=np.asarray(space.confidences(outcome.logits_after)).tolist(),
            success=outcome.success,
            verified=outcome.success == found,
            refuted_hits=outcome.refuted_hits,
            null_control=bool((before == job.original).all()),
            pixels=changes,
            generations=outcome.generations,
            queries=outcome.queries,
            queries_to_first_hit=outcome.queries_to_first_hit,
            best_fitness=outcome.best_fitness,
            stop_reason="generations" if outcome.generations >= self.search.generations else "adversarial",
            seconds=outcome.seconds,
            synthetic=origin.synthetic,
        )


def attack_images(
    victim: Victim,
    images: np.ndarray | Sequence[np.ndarray],
    labels: np.ndarray | Sequence[int] | None = None,
    config: AttackConfig | None = None,
    *,
    image_ids: Sequence[str] | None = None,
    engine: EngineConfig | None = None,
) -> list[Record]:
    """Attack images and return one record per experiment, in the order of the images.

    Only images that the victim classifies correctly, and that are not at the target already, are attacked
    (paper 3.2); the others have no record. Every success is verified from its PNG.

    Args:
        victim: the classifier.
        images: uint8 [B, H, W, C].
        labels: class numbers [B], or 0/1 vectors [B, N]. None: what the victim says of each image.
        config: the attack; default: the paper's, one pixel, untargeted.
        image_ids: distinct names [B]; the seed of each experiment folds its name in. Default: positions.
        engine: how it is computed (evaluator, slots); changes speed and memory, not what is searched.

    Raises:
        InputError: images, labels, names or configuration do not fit the victim, or its logits of an untouched
            image are not finite. A changed image without finite logits is never a success.
    """
    attack = Attack(victim, config or AttackConfig(), engine)
    stack = _checked_images(victim, images)
    names = [str(position) for position in range(len(stack))] if image_ids is None else list(image_ids)
    if len(names) != len(stack) or len(set(names)) != len(names):
        raise InputError(
            f"expected {len(stack)} distinct image_ids, got {len(names)} ({len(set(names))} distinct)"
        )
    logits = victim.predict(stack)
    check_finite(logits, names, victim.name)
    if labels is None:
        vectors = np.asarray(victim.space.labels(logits))
    else:
        vectors = victim.space.from_stored(np.asarray(labels))
        if len(vectors) != len(stack):
            raise InputError(f"expected one label per image: {len(stack)} images, {len(vectors)} labels")
    chosen = np.flatnonzero(attack.eligible(logits, vectors))
    jobs = (attack.job(names[index], stack[index], vectors[index]) for index in chosen)
    by_name = {finished.record.image_id: finished.record for finished in attack.run(jobs)}
    return [by_name[names[index]] for index in chosen]


def _checked_images(victim: Victim, images: np.ndarray | Sequence[np.ndarray]) -> np.ndarray:
    stack = np.asarray(images)
    if stack.dtype != np.uint8:
        raise InputError(f"expected 8-bit images (uint8, 0..255), got {stack.dtype}")
    if stack.ndim != 4 or stack.shape[1:] != victim.input_shape:
        expected = ", ".join(map(str, victim.input_shape))
        raise InputError(f"victim {victim.name!r} expects images [B, {expected}], got {list(stack.shape)}")
    return stack
