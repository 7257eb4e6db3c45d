"""How many candidates a second the evaluators judge, without a search."""

import dataclasses
import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..config import EngineConfig, SearchPrecision
from ..pixels import Pixels
from ..search.evaluators import Evaluator, make_evaluator
from ..search.genome import Box, decode, uniform_population
from .rows import Forward, Timing
from .subjects import Subject
from .timing import Program, compile_program, share, time_calls


@dataclasses.dataclass(frozen=True)
class Workload:
    """An evaluator with candidates ready on the device.

    Attributes:
        evaluator: what is measured.
        bases, images, pixels: of g images with P candidates each.
        base_seconds: of one image's base; None for dense evaluation, which has none.
        size: candidates, g P.
    """

    evaluator: Evaluator
    bases: Any
    images: jax.Array
    pixels: Pixels
    base_seconds: float | None
    size: int

    @property
    def arguments(self) -> tuple[Any, ...]:
        """Of `evaluator.logits`."""
        return self.evaluator.weights, self.bases, self.images, self.pixels


def make_workload(
    evaluator: Evaluator,
    subject: Subject,
    num_pixels: int,
    group: int,
    population: int,
    repeats: int,
) -> Workload:
    """Random candidates [g, P] of the subject's images, which repeat where there are fewer than g."""
    images = jnp.asarray(np.resize(subject.images, (group, *subject.images.shape[1:])))
    box = Box(subject.victim.input_shape, num_pixels)
    draw = jax.vmap(lambda key: decode(uniform_population(key, box, population), box))
    pixels = jax.jit(draw)(jax.random.split(jax.random.key(0), group))
    base = compile_program(
        lambda weights, images: jax.vmap(functools.partial(evaluator.base, weights))(images),
        evaluator.weights,
        images,
    )
    bases = base.call(evaluator.weights, images)
    seconds = None
    if jax.tree.leaves(bases):
        timing = time_calls(lambda: base.call(evaluator.weights, images), repeats)
        seconds = timing.median / group
    return Workload(evaluator, bases, images, pixels, seconds, group * population)


@dataclasses.dataclass(frozen=True)
class Bare:
    """An evaluator compiled for candidates that are ready on the device."""

    workload: Workload
    program: Program

    @property
    def operations(self) -> float | None:
        """Floating-point operations of one candidate, as the compiler counts them, or None."""
        return share(self.program.operations, self.workload.size)

    def time(self, repeats: int) -> Timing:
        """Of one call."""
        return time_calls(lambda: self.program.call(*self.workload.arguments), repeats)


def compile_bare(
    evaluator: Evaluator, subject: Subject, num_pixels: int, group: int, population: int, repeats: int
) -> Bare:
    """An evaluator ready to be timed without a search; see `make_workload`."""
    workload = make_workload(evaluator, subject, num_pixels, group, population, repeats)
    return Bare(workload, compile_program(evaluator.logits, *workload.arguments))


def measure_forward(
    subject: Subject,
    *,
    config: EngineConfig,
    num_pixels: int,
    precision: SearchPrecision,
    batch: int,
    population: int,
    repeats: int,
    matrix_rate: float,
) -> Forward:
    """Time one evaluator on `batch` candidates, rounded to whole populations.

    Args:
        subject: victim and images.
        config: chooses the evaluator.
        num_pixels: K.
        precision: of the arithmetic.
        batch: candidates evaluated together.
        population: P, candidates per image.
        repeats: timed runs.
        matrix_rate: operations per second of a large matrix product.
    """
    evaluator = make_evaluator(subject.victim, num_pixels, precision, config)
    group, population = grouped(batch, population)
    bare = compile_bare(evaluator, subject, num_pixels, group, population, repeats)
    return time_forward(bare, subject, num_pixels, precision, repeats, matrix_rate)


def grouped(batch: int, population: int) -> tuple[int, int]:
    """g and P of a batch of candidates: whole populations, or a part of one."""
    population = min(population, batch)
    return max(1, round(batch / population)), population


def time_forward(
    bare: Bare,
    subject: Subject,
    num_pixels: int,
    precision: SearchPrecision,
    repeats: int,
    matrix_rate: float,
) -> Forward:
    """Time an evaluator that is compiled; see `measure_forward`."""
    workload, program, timing = bare.workload, bare.program, bare.time(repeats)
    group = workload.images.shape[0]
    return Forward(
        model=subject.victim.name,
        image_size=subject.victim.input_shape[0],
        evaluator=workload.evaluator.name,
        num_pixels=num_pixels,
        precision=precision,
        batch=workload.size,
        group=group,
        population=workload.size // group,
        compile_seconds=program.compile_seconds,
        timing=timing,
        candidates_per_second=workload.size / timing.median,
        operations_per_candidate=bare.operations,
        written_operations_per_candidate=share(program.written_operations, workload.size),
        fraction_of_matrix_rate=program.fraction_of(matrix_rate, timing),
        memory_bytes=program.memory_bytes,
        base_seconds=workload.base_seconds,
    )
