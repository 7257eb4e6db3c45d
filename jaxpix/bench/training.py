"""How many images a second the training step takes."""

import jax
import jax.numpy as jnp
import numpy as np

from ..config import ModelName, Precision, TrainConfig
from ..models.zoo import build
from ..platforms import host_device
from ..train.step import initial_state, make_optimizer, make_step
from .rows import TrainingStep
from .timing import compile_program, share, time_calls


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
    """Time the compiled training step of the paper's recipe on noise; see `time_forward`."""
    optimizer = make_optimizer(TrainConfig(model=name, precision=precision), steps_per_epoch=100)
    # Every layer's weights are drawn by a program of their own, which a CPU compiles sooner.
    with jax.default_device(host_device()):
        model = build(name, num_classes=num_classes, channels=image_shape[2], seed=0, precision=precision)
        state = jax.device_put(initial_state(model, optimizer), jax.local_devices()[0])
    centre = np.full(image_shape[2], 128.0, np.float32)
    step = make_step(model, optimizer, centre, centre / 2)
    generator = np.random.default_rng(0)
    images = jnp.asarray(generator.integers(0, 256, (batch, *image_shape)).astype(np.uint8))
    examples = images, jnp.asarray(generator.integers(0, num_classes, batch)), jnp.ones(batch, bool)
    program = compile_program(step, state, *examples)

    def train() -> jax.Array:
        nonlocal state
        state, loss = program.call(state, *examples)
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
        operations_per_image=share(program.operations, batch),
        written_operations_per_image=share(program.written_operations, batch),
        fraction_of_matrix_rate=program.fraction_of(matrix_rate, timing),
        memory_bytes=program.memory_bytes,
    )
