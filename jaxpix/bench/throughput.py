"""How many candidates a second the evaluators judge, without a search."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..search.genome import Box, decode, uniform_population
from ..search.problem import Evaluator
from .rows import Forward, Timing
from .timing import Program, compile_program, share, time_calls


@dataclasses.dataclass(frozen=True)
class Bare:
    """An evaluator compiled for candidates that are ready on the device.

    Attributes:
        evaluator: its name.
        program: `Evaluator.logits`, compiled.
        arguments: of the program: weights, bases, images and pixels of g images with P candidates each.
        group, population: g and P.
        base_seconds: of one image's base; None for dense evaluation, which has none.
    """

    evaluator: str
    program: Program
    arguments: tuple[Any, ...]
    group: int
    population: int
    base_seconds: float | None

    @property
    def size(self) -> int:
        """Candidates of one call, g P."""
        return self.group * self.population

    @property
    def operations(self) -> float | None:
        """Floating-point operations of one candidate, as the compiler counts them, or None."""
        return share(self.program.operations, self.size)

    def time(self, repeats: int) -> Timing:
        """Of one call."""
        return time_calls(lambda: self.program.call(*self.arguments), repeats)


def compile_bare(
    evaluator: Evaluator, images: np.ndarray, num_pixels: int, group: int, population: int, repeats: int
) -> Bare:
    """An evaluator ready to be timed without a search.

    Args:
        evaluator: what is measured.
        images: uint8 [B, H, W, C], which are repeated where there are fewer than g.
        num_pixels: K of the random candidates.
        group, population: g and P.
        repeats: timed runs of the base.
    """
    images_here = jnp.asarray(np.resize(images, (group, *images.shape[1:])))
    box = Box(images.shape[1:], num_pixels)
    draw = jax.vmap(lambda key: decode(uniform_population(key, box, population), box))
    pixels = jax.jit(draw)(jax.random.split(jax.random.key(0), group))
    base = compile_program(jax.vmap(evaluator.base, in_axes=(None, 0)), evaluator.weights, images_here)
    bases = base.call(evaluator.weights, images_here)
    seconds = None
    if jax.tree.leaves(bases):
        seconds = time_calls(lambda: base.call(evaluator.weights, images_here), repeats).median / group
    arguments = evaluator.weights, bases, images_here, pixels
    program = compile_program(evaluator.logits, *arguments)
    return Bare(evaluator.name, program, arguments, group, population, seconds)


def grouped(batch: int, population: int) -> tuple[int, int]:
    """g and P of a batch of candidates: whole populations, or a part of one."""
    population = min(population, batch)
    return max(1, round(batch / population)), population


def time_forward(
    bare: Bare, model: str, num_pixels: int, precision: str, *, repeats: int, matrix_rate: float
) -> Forward:
    """Time an evaluator that is compiled.

    Args:
        bare: from `compile_bare`.
        model, num_pixels, precision: what it evaluates, as the row says it.
        repeats: timed runs.
        matrix_rate: operations per second of a large matrix product of that precision.
    """
    program, timing = bare.program, bare.time(repeats)
    return Forward(
        model=model,
        image_size=bare.arguments[2].shape[1],
        evaluator=bare.evaluator,
        num_pixels=num_pixels,
        precision=precision,
        batch=bare.size,
        group=bare.group,
        population=bare.population,
        compile_seconds=program.compile_seconds,
        timing=timing,
        candidates_per_second=bare.size / timing.median,
        operations_per_candidate=bare.operations,
        written_operations_per_candidate=share(program.written_operations, bare.size),
        fraction_of_matrix_rate=program.fraction_of(matrix_rate, timing),
        memory_bytes=program.memory_bytes,
        base_seconds=bare.base_seconds,
    )
