"""How candidates get their logits: whole images, or only the windows that the changed pixels reach.

Both give the same logits up to float32 rounding. A success is declared by neither: see `verification`.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from ..config import EngineConfig
from ..errors import InputError
from ..pixels import paint
from ..platforms import matmul_precision, on_cpu
from ..victim.probe import IGNORES_IMAGES
from ..windows.costs import CPU, GPU, Plan
from ..windows.incremental import Incremental
from ..windows.network import Network
from .problem import Evaluator

if TYPE_CHECKING:
    from ..config import SearchPrecision
    from ..pixels import Pixels
    from ..victim.victim import Victim
    from .problem import Base

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
        InputError: bfloat16 of a user's own function; an unknown layer name, or one that windows do not reach; a
            function that does not look at its images.
    """
    engine = engine or EngineConfig()
    fn, weights = _searched(victim, precision)
    network = Network(fn, weights, victim.input_shape)
    if network.one.outputs not in network.one.dependent:
        raise InputError(f"victim {victim.name!r} gives the same output for every image: {IGNORES_IMAGES}")
    switch = _switch(network, weights, num_pixels, precision, engine)
    is_dense = engine.evaluator == "dense" or switch == 0
    # Where both evaluators compute whole maps they do it alike, so that they differ by rounding alone.
    model = Incremental(network, weights, num_pixels, 0 if is_dense else switch, whole_from=switch)
    return _evaluator(model, is_dense)


def _searched(
    victim: Victim, precision: SearchPrecision
) -> tuple[Callable[[Any, jax.Array], jax.Array], Any]:
    """What is evaluated in a search: the victim's logits in some precision, and its weights."""
    frozen = victim.frozen
    if precision == "bfloat16":
        if frozen is None:
            raise InputError(
                f"victim {victim.name!r} is a function: its arithmetic is its own, so precision must be "
                "float32 or tfloat32, got bfloat16"
            )
        frozen = frozen.in_bfloat16()
    apply, weights = (victim.apply, victim.weights) if frozen is None else (frozen.logits, frozen.weights)

    def logits(weights: Any, images: jax.Array) -> jax.Array:
        with matmul_precision(precision):
            return apply(weights, images).astype(jnp.float32)

    return logits, weights


def _switch(
    network: Network, weights: Any, num_pixels: int, precision: SearchPrecision, engine: EngineConfig
) -> int:
    """How many operations are best computed on windows; 0: none."""
    device = CPU if on_cpu() else GPU[precision]
    plan = Plan(network, weights, num_pixels, device, limited=engine.switch is None)
    if engine.switch is not None:
        return plan.behind(engine.switch)
    return plan.best(least=1 if engine.evaluator == "incremental" else 0)


def _evaluator(model: Incremental, is_dense: bool) -> Evaluator:
    """Whole images painted, or whole maps pasted from windows; then what is left of the network."""

    def painted(constants: Any, image: jax.Array, pixels: Pixels) -> jax.Array:
        return paint(image, pixels)

    def no_base(constants: Any, image: jax.Array) -> Base:
        return ()

    made: Callable[..., Any] = painted if is_dense else model.pasted
    rest: Callable[..., jax.Array] = model.of_images if is_dense else model.rest
    largest = model.bytes_of_largest if on_cpu() else 0

    def logits(constants: Any, bases: Base, images: jax.Array, pixels: Pixels) -> jax.Array:
        known = images if is_dense else bases
        if largest:
            return jax.vmap(functools.partial(in_cuts, constants))(known, pixels)
        whole = jax.vmap(functools.partial(made, constants))(known, pixels)
        # One flat batch: XLA folds the addition of a shortcut into a convolution only where nothing reshapes
        # between the two, as vmap would.
        result = rest(constants, jax.tree.map(lambda one: one.reshape(-1, *one.shape[2:]), whole))
        return result.reshape(*pixels.x.shape[:2], -1)

    def in_cuts(constants: Any, known: Any, pixels: Pixels) -> jax.Array:
        return _in_cuts(lambda some: rest(constants, made(constants, known, some)), pixels, largest)

    name = "dense" if is_dense else f"incremental ({model.says})"
    return Evaluator(name, model.constants, no_base if is_dense else model.base, logits)


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
