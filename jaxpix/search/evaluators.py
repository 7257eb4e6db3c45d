"""How candidates get their logits: whole images, or only the windows that the changed pixels reach.

Both give the same logits up to float32 rounding. A success is declared by neither: see `verification`.
"""

import functools
import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..config import EngineConfig, SearchPrecision
from ..errors import InputError
from ..models.costs import CPU, GPU, switch_costs
from ..models.frozen import FrozenModel
from ..models.incremental import IncrementalModel
from ..pixels import Pixels, paint
from ..platforms import on_cpu
from ..victim.victim import Victim
from .problem import Base, Evaluator

# Bytes of one map of a cut; several are alive at a time. Usual server CPUs have 32 MB of shared cache.
_CACHE = 20e6


@functools.lru_cache(maxsize=4)
def make_evaluator(
    victim: Victim,
    num_pixels: int,
    precision: SearchPrecision = "float32",
    engine: EngineConfig | None = None,
) -> Evaluator:
    """The evaluator that `engine` asks for; `auto` takes the cheaper one of a model of their work.

    The last few are kept: whoever attacks the same victim again finds its programs compiled.

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
        _check_function(victim.name, precision, engine)
        return _dense(victim.apply, victim.weights, precision)
    if precision == "bfloat16":
        frozen = frozen.in_bfloat16()
    switch = _switch(frozen, victim.input_shape, num_pixels, precision, engine)
    if on_cpu() and precision != "bfloat16":
        # Only where both evaluators compute whole maps, so that they differ by rounding alone.
        frozen = frozen.with_transformed_kernels(switch)
    if switch == 0:
        return _dense(frozen.logits, frozen.weights, precision)
    model = IncrementalModel(frozen, victim.input_shape, num_pixels, switch)
    largest = model.bytes_pasted if on_cpu() else 0
    if engine.evaluator == "dense":
        return _dense(frozen.logits, frozen.weights, precision, largest)
    return _incremental(model, precision, largest)


def _check_function(name: str, precision: SearchPrecision, engine: EngineConfig) -> None:
    """Refuse what a user's own function cannot do."""
    if engine.evaluator == "incremental" or engine.switch is not None:
        raise InputError(
            f"incremental evaluation needs a network whose layers jaxpix knows; victim {name!r} is "
            "a function and can only be evaluated densely"
        )
    if precision == "bfloat16":
        raise InputError(
            f"victim {name!r} is a function: its arithmetic is its own, so precision must be "
            "float32 or tfloat32, got bfloat16"
        )


def _switch(
    frozen: FrozenModel,
    image_shape: tuple[int, int, int],
    num_pixels: int,
    precision: SearchPrecision,
    engine: EngineConfig,
) -> int:
    """How many layers are best computed on windows; 0: none."""
    if engine.switch is not None:
        names = [layer.name for layer in frozen.layers]
        if engine.switch not in names:
            raise InputError(f"switch: unknown layer {engine.switch!r}; allowed: {', '.join(names)}")
        return names.index(engine.switch) + 1
    device = CPU if on_cpu() else GPU[precision]
    costs = switch_costs(frozen, image_shape, num_pixels, device)
    first = 1 if engine.evaluator == "incremental" else 0
    return min(range(first, len(costs)), key=costs.__getitem__)


def _dense(
    apply: Callable[[Any, jax.Array], jax.Array], weights: Any, precision: SearchPrecision, largest: int = 0
) -> Evaluator:
    def base(weights: Any, image: jax.Array) -> Base:
        return ()

    def evaluate(weights: Any, painted: jax.Array) -> jax.Array:
        with matmul_precision(precision):
            return apply(weights, painted.astype(jnp.float32)).astype(jnp.float32)

    def logits(weights: Any, bases: Base, images: jax.Array, pixels: Pixels) -> jax.Array:
        if largest:
            # In the incremental evaluator's cuts: the same shapes round alike.
            def population(image: jax.Array, pixels: Pixels) -> jax.Array:
                return _in_cuts(lambda cut: evaluate(weights, paint(image, cut)), pixels, largest)

            return jax.vmap(population)(images, pixels)
        painted = jax.vmap(paint)(images, pixels)
        result = evaluate(weights, painted.reshape(-1, *painted.shape[2:]))
        return result.reshape(*painted.shape[:2], -1)

    return Evaluator("dense", weights, base, logits)


def _incremental(model: IncrementalModel, precision: SearchPrecision, largest: int) -> Evaluator:
    def base(weights: Any, image: jax.Array) -> Base:
        with matmul_precision(precision):
            return model.base(weights, image)

    def in_cuts(weights: Any, bases: Base, images: jax.Array, pixels: Pixels) -> jax.Array:
        def population(base: Base, pixels: Pixels) -> jax.Array:
            return _in_cuts(functools.partial(model.logits, weights, base), pixels, largest)

        with matmul_precision(precision):
            return jax.vmap(population)(bases, pixels)

    def at_once(weights: Any, bases: Base, images: jax.Array, pixels: Pixels) -> jax.Array:
        with matmul_precision(precision):
            maps = jax.vmap(functools.partial(model.pasted, weights))(bases, pixels)
            # One flat batch: XLA folds the addition of a shortcut into a convolution only where nothing reshapes
            # between the two, as vmap would.
            result = model.rest(weights, maps.reshape(-1, *maps.shape[2:]))
            return result.reshape(*maps.shape[:2], -1)

    layers = model.frozen.layers
    rest = f"whole maps from {layers[model.switch].name} on" if model.switch < len(layers) else "all layers"
    return Evaluator(f"incremental ({rest})", model.frozen.weights, base, in_cuts if largest else at_once)


def _in_cuts(logits_fn: Callable[[Pixels], jax.Array], pixels: Pixels, largest: int) -> jax.Array:
    """Logits [P, N] of pixels [P, K], computed some candidates at a time so that a CPU's cache holds them.

    Args:
        logits_fn: of any number of candidates.
        pixels: of the population; the last cut is filled up with the last candidate.
        largest: bytes of a candidate's largest map; 0: all at once.
    """
    population = pixels.x.shape[0]
    num_cuts = min(population, math.ceil(population * largest / _CACHE))
    if num_cuts <= 1:
        return logits_fn(pixels)
    size = math.ceil(population / num_cuts)
    index = np.minimum(np.arange(num_cuts * size), population - 1).reshape(num_cuts, size)
    logits = jax.lax.map(logits_fn, jax.tree.map(lambda leaf: leaf[index], pixels))
    return logits.reshape(num_cuts * size, -1)[:population]


def matmul_precision(precision: SearchPrecision) -> Any:
    """A context in which float32 products have this precision."""
    # GPUs compute float32 convolutions in TF32 unless told otherwise.
    return jax.default_matmul_precision("float32" if precision == "float32" else "tensorfloat32")
