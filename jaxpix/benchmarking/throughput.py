"""How many candidates a second the evaluators judge, and how many images a second a training step takes."""

import dataclasses
import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..config import EngineConfig, ModelName, Precision, SearchPrecision, TrainConfig
from ..evaluators import Evaluator, make_evaluator
from ..genome import Box, Pixels, decode, uniform_population
from ..models import build
from ..training_step import initial_state, make_optimizer, make_step
from .subjects import Subject
from .timing import Program, Timing, compile_program, time_calls


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
class Forward:
    """The bare evaluation of candidates, without a search.

    Attributes:
        model, image_size, evaluator, num_pixels, precision: what was measured.
        batch: candidates of one call: `group` images with `population` candidates each.
        compile_seconds: of the program.
        timing: of one call, compiled and warm.
        candidates_per_second: at the median.
        operations_per_candidate: floating-point operations of the compiled program, as the compiler counts
            them, or None.
        written_operations_per_candidate: the same of the program before it was compiled.
        fraction_of_matrix_rate: operations a second over those of a large matrix product of that precision.
        memory_bytes: arguments, results and temporaries of the program.
        base_seconds: what each image costs once; None for dense evaluation.
    """

    model: str
    image_size: int
    evaluator: str
    num_pixels: int
    precision: SearchPrecision
    batch: int
    group: int
    population: int
    compile_seconds: float
    timing: Timing
    candidates_per_second: float
    operations_per_candidate: float | None
    written_operations_per_candidate: float | None
    fraction_of_matrix_rate: float | None
    memory_bytes: int | None
    base_seconds: float | None


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
    victim = subject.victim
    evaluator = make_evaluator(victim, num_pixels, precision, config)
    population = min(population, batch)
    group = max(1, round(batch / population))
    workload = make_workload(evaluator, subject, num_pixels, group, population, repeats)
    program = compile_program(evaluator.logits, *workload.arguments)
    timing = time_calls(lambda: program.call(*workload.arguments), repeats)
    return Forward(
        model=victim.name,
        image_size=victim.input_shape[0],
        evaluator=evaluator.name,
        num_pixels=num_pixels,
        precision=precision,
        batch=workload.size,
        group=group,
        population=population,
        compile_seconds=program.compile_seconds,
        timing=timing,
        candidates_per_second=workload.size / timing.median,
        operations_per_candidate=_share(program.operations, workload.size),
        written_operations_per_candidate=_share(program.written_operations, workload.size),
        fraction_of_matrix_rate=_fraction(program, timing, matrix_rate),
        memory_bytes=program.memory_bytes,
        base_seconds=workload.base_seconds,
    )


def _share(total: float | None, things: int) -> float | None:
    return None if total is None else total / things


def _fraction(program: Program, timing: Timing, matrix_rate: float) -> float | None:
    return None if program.operations is None else program.operations / timing.median / matrix_rate


@dataclasses.dataclass(frozen=True)
class TrainingStep:
    """One step of training: loss, gradients, update.

    Attributes:
        model, image_size, precision, batch: what was measured; float32 runs as training runs it, on GPUs in
            TF32.
        compile_seconds, timing, memory_bytes, fraction_of_matrix_rate: as of `Forward`.
        images_per_second: at the median.
        operations_per_image, written_operations_per_image: as of `Forward`.
    """

    model: str
    image_size: int
    precision: Precision
    batch: int
    compile_seconds: float
    timing: Timing
    images_per_second: float
    operations_per_image: float | None
    written_operations_per_image: float | None
    fraction_of_matrix_rate: float | None
    memory_bytes: int | None


def measure_training_step(
    name: ModelName,
    image_shape: tuple[int, int, int],
    *,
    num_classes: int,
    precision: Precision,
    batch: int,
    repeats: int,
    matrix_rate: float,
) -> TrainingStep:
    """Time the compiled training step of the paper's recipe on noise; see `measure_forward`."""
    channels = image_shape[2]
    model = build(name, num_classes=num_classes, channels=channels, seed=0, precision=precision)
    optimizer = make_optimizer(TrainConfig(model=name, precision=precision), steps_per_epoch=100)
    centre = np.full(channels, 128.0, np.float32)
    step = make_step(model, optimizer, centre, centre / 2)
    generator = np.random.default_rng(0)
    images = jnp.asarray(generator.integers(0, 256, (batch, *image_shape)).astype(np.uint8))
    labels = jnp.asarray(generator.integers(0, num_classes, batch))
    mask = jnp.ones(batch, bool)
    state = initial_state(model, optimizer)
    program = compile_program(step, state, images, labels, mask)

    def train() -> jax.Array:
        nonlocal state
        state, loss = program.call(state, images, labels, mask)
        return loss

    timing = time_calls(train, repeats)
    return TrainingStep(
        model=name,
        image_size=image_shape[0],
        precision=precision,
        batch=batch,
        compile_seconds=program.compile_seconds,
        timing=timing,
        images_per_second=batch / timing.median,
        operations_per_image=_share(program.operations, batch),
        written_operations_per_image=_share(program.written_operations, batch),
        fraction_of_matrix_rate=_fraction(program, timing, matrix_rate),
        memory_bytes=program.memory_bytes,
    )
