"""How candidates get their logits: whole images, or only the windows that the changed pixels reach.

Both give the same logits up to float32 rounding. A success is declared by neither: see `verification`.
"""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from .config import EngineConfig, SearchPrecision
from .errors import InputError
from .genome import Pixels, paint
from .models.costs import CPU, GPU, switch_costs
from .models.frozen import FrozenModel
from .models.incremental import IncrementalModel
from .victim import Victim

Base = Any


@dataclasses.dataclass(frozen=True, eq=False)
class Evaluator:
    """Logits of candidates, in two pure functions.

    Attributes:
        name: for people: "dense", or "incremental (whole maps from layer3.1 on)".
        weights: pytree handed to both functions.
        base: (weights, image uint8 [H, W, C]) -> what is computed once per image.
        logits: (weights, bases of g images, the images [g, H, W, C], pixels [g, P, K]) -> float32 [g, P, N].
        precision: of the arithmetic.
    """

    name: str
    weights: Any
    base: Callable[[Any, jax.Array], Base]
    logits: Callable[[Any, Base, jax.Array, Pixels], jax.Array]
    precision: SearchPrecision = "float32"


def make_evaluator(
    victim: Victim,
    num_pixels: int,
    precision: SearchPrecision = "float32",
    engine: EngineConfig | None = None,
) -> Evaluator:
    """The evaluator that `engine` asks for; `auto` takes the cheaper one of a model of their work.

    Args:
        victim: what is attacked.
        num_pixels: K.
        precision: of the search; on CPUs `tfloat32` is float32.
        engine: default: `EngineConfig()`.

    Raises:
        InputError: incremental evaluation or bfloat16 of a user's own function; an unknown layer name.
    """
    engine = engine or EngineConfig()
    frozen = victim.frozen
    if frozen is None:
        if engine.evaluator == "incremental" or engine.switch is not None:
            raise InputError(
                f"incremental evaluation needs a network whose layers jaxpix knows; victim {victim.name!r} is "
                "a function and can only be evaluated densely"
            )
        if precision == "bfloat16":
            raise InputError(
                f"victim {victim.name!r} is a function: its arithmetic is its own, so precision must be "
                "float32 or tfloat32, got bfloat16"
            )
        return _dense(victim.apply, victim.weights, precision)
    if precision == "bfloat16":
        frozen = frozen.in_bfloat16()
    switch = _switch(frozen, victim.input_shape, num_pixels, precision, engine)
    if switch == 0:
        return _dense(frozen.logits, frozen.weights, precision)
    return _incremental(IncrementalModel(frozen, victim.input_shape, num_pixels, switch), precision)


def _switch(
    frozen: FrozenModel,
    image_shape: tuple[int, int, int],
    num_pixels: int,
    precision: SearchPrecision,
    engine: EngineConfig,
) -> int:
    """How many layers are computed on windows; 0: none."""
    if engine.evaluator == "dense":
        return 0
    if engine.switch is not None:
        names = [layer.name for layer in frozen.layers]
        if engine.switch not in names:
            raise InputError(f"switch: unknown layer {engine.switch!r}; allowed: {', '.join(names)}")
        return names.index(engine.switch) + 1
    device = CPU if jax.default_backend() == "cpu" else GPU[precision]
    costs = switch_costs(frozen, image_shape, num_pixels, device)
    first = 1 if engine.evaluator == "incremental" else 0
    return min(range(first, len(costs)), key=costs.__getitem__)


def _dense(
    apply: Callable[[Any, jax.Array], jax.Array], weights: Any, precision: SearchPrecision
) -> Evaluator:
    def base(weights: Any, image: jax.Array) -> Base:
        return ()

    def logits(weights: Any, bases: Base, images: jax.Array, pixels: Pixels) -> jax.Array:
        painted = jax.vmap(paint)(images, pixels)
        flat = painted.reshape(-1, *painted.shape[2:]).astype(jnp.float32)
        with _matmul_precision(precision):
            result = apply(weights, flat).astype(jnp.float32)
        return result.reshape(*painted.shape[:2], -1)

    return Evaluator("dense", weights, base, logits, precision)


def _incremental(model: IncrementalModel, precision: SearchPrecision) -> Evaluator:
    def base(weights: Any, image: jax.Array) -> Base:
        with _matmul_precision(precision):
            return model.base(weights, image)

    def logits(weights: Any, bases: Base, images: jax.Array, pixels: Pixels) -> jax.Array:
        with _matmul_precision(precision):
            return jax.vmap(functools.partial(model.logits, weights))(bases, pixels)

    layers = model.frozen.layers
    rest = f"whole maps from {layers[model.switch].name} on" if model.switch < len(layers) else "all layers"
    return Evaluator(f"incremental ({rest})", model.frozen.weights, base, logits, precision)


def _matmul_precision(precision: SearchPrecision) -> Any:
    # GPUs compute float32 convolutions in TF32 unless told otherwise.
    return jax.default_matmul_precision("float32" if precision == "float32" else "tensorfloat32")
