"""Whole attacks, search and verification included, against the bare evaluator of the same run."""

from __future__ import annotations

import dataclasses
import itertools
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import jax
import numpy as np

from ..attack.experiments import Attack
from ..search.layout import bytes_per_slot
from .comparison import Contender, Run
from .rows import Timing, WholeAttack
from .throughput import compile_bare

if TYPE_CHECKING:
    from ..config import AttackConfig, EngineConfig
    from ..records.record import Record
    from .subjects import Subject
    from .throughput import Bare


def measure_attack(
    subject: Subject,
    attack_config: AttackConfig,
    engine_config: EngineConfig,
    *,
    repeats: int,
    matrix_rate: float,
) -> WholeAttack:
    """Attack all images of the subject `repeats` times.

    Args:
        subject: victim and images; each image's label is what the victim says of it.
        attack_config: the attack.
        engine_config: evaluator and slots.
        repeats: timed runs, of the attack and, before and after it, of the bare evaluator.
        matrix_rate: operations per second of a large matrix product.
    """
    attack = Attack(subject.victim, attack_config, engine_config)
    compile_seconds = warm_up(attack, subject.images[0], subject.labels[0])
    size = attack.engine.layout.group, attack.search.population
    bare = compile_bare(attack.engine.problem.evaluator, subject.images, attack_config.num_pixels, *size, 1)
    before = bare.time(repeats)
    runs = [run_attack(attack, subject) for _ in range(repeats)]
    row = whole_attack(attack, subject, compile_seconds, runs)
    return beside_bare(row, attack, bare, before.joined(bare.time(repeats)), matrix_rate)


def whole_attack(
    attack: Attack, subject: Subject, compile_seconds: float, runs: Sequence[AttackRun]
) -> WholeAttack:
    """What runs on all images of the subject come to, without a bare evaluator beside them."""
    timing = Timing(tuple(run.seconds for run in runs))
    records, candidates = runs[0].records, runs[0].candidates
    search, layout, config = attack.search, attack.engine.layout, attack.config
    rate = candidates / timing.median
    return WholeAttack(
        model=subject.victim.name,
        image_size=subject.victim.input_shape[0],
        evaluator=attack.engine.problem.evaluator.name,
        num_pixels=config.num_pixels,
        precision=config.precision,
        population=search.population,
        generations=search.generations,
        source=subject.source,
        slots=layout.num_slots,
        group=layout.group,
        compile_seconds=compile_seconds,
        timing=timing,
        images=len(records),
        successes=sum(record.success for record in records),
        refuted_hits=sum(record.refuted_hits for record in records),
        stopped_early=sum(record.generations < search.generations for record in records),
        candidates=candidates,
        candidates_per_second=rate,
        images_per_second=len(records) / timing.median,
        seconds_per_full_attack=search.population * (1 + search.generations) / rate,
        slot_bytes=layout.num_slots * bytes_per_slot(attack.engine.problem),
    )


def beside_bare(
    row: WholeAttack, attack: Attack, bare: Bare, timing: Timing, matrix_rate: float
) -> WholeAttack:
    """The same with what the evaluator alone does in one call on each device, which takes `timing`."""
    alone = bare.size * len(attack.engine.layout.devices) / timing.median
    rate, operations = row.candidates_per_second, bare.operations
    return dataclasses.replace(
        row,
        bare_candidates_per_second=alone,
        efficiency=rate / alone,
        fraction_of_matrix_rate=None if operations is None else rate * operations / matrix_rate,
    )


@dataclasses.dataclass(frozen=True)
class AttackRun:
    """One timed attack: wall seconds, candidates evaluated, and records in order of finishing."""

    seconds: float
    candidates: int
    records: list[Record]


def run_attack(attack: Attack, subject: Subject) -> AttackRun:
    """Run an attack that is compiled already on every image of the subject, and time it."""
    counts: list[int] = []
    jobs = map(attack.job, map(str, itertools.count()), subject.images, subject.labels)
    began = time.perf_counter()
    records = [finished.record for finished in attack.run(jobs, on_candidates=counts.append)]
    return AttackRun(time.perf_counter() - began, sum(counts), records)


def warm_up(attack: Attack, image: np.ndarray, label: np.ndarray) -> float:
    """Compile everything that `attack` needs; the seconds that compiling took.

    Two experiments that succeed in their first population, because the label they start from is wrong: the
    first one compiles, and the second one, which does not, is taken off.
    """
    # Reaching the label that the image has, or leaving one that it has not, needs no change at all.
    job = dataclasses.replace(attack.job("warm-up", image, ~label), target=label)

    def seconds() -> float:
        program, began = attack.engine.program, time.perf_counter()
        for _ in attack.run([job]):
            pass
        jax.block_until_ready(program.refute(program.empty(), np.zeros(program.num_slots, bool)))
        return time.perf_counter() - began

    first, second = seconds(), seconds()
    return max(0.0, first - second)


def jaxpix_contenders(subject: Subject, config: AttackConfig, engine: EngineConfig) -> list[Contender]:
    """jaxpix, compiled, on one image and, on GPUs, on as many copies of it as there are slots.

    Each copy has its own seed.
    """
    contenders = []
    for slots in (1,) if jax.default_backend() == "cpu" else (1, None):
        attack = Attack(subject.victim, config, dataclasses.replace(engine, slots=slots))
        warm_up(attack, subject.images[0], subject.labels[0])
        contenders.append(jaxpix_contender(subject, attack))
    return contenders


def jaxpix_contender(subject: Subject, attack: Attack) -> Contender:
    """An attack that is compiled already, on as many copies of the subject's one image as it has slots."""
    copies, search = attack.engine.layout.num_slots, attack.search
    evaluator = attack.engine.problem.evaluator.name
    together = dataclasses.replace(
        subject, images=subject.images.repeat(copies, 0), labels=subject.labels.repeat(copies, 0)
    )

    def run() -> Run:
        done = run_attack(attack, together)
        notes = f"whole attack, search and verification included; {evaluator}"
        return Run(done.candidates, done.seconds, search.population, search.generations, notes, {})

    setting = "1 image" if copies == 1 else f"{copies} images"
    return Contender(f"jaxpix {evaluator.partition(' (')[0]}", setting, True, attack.config.precision, run)
