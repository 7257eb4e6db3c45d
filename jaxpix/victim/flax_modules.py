"""`Victim.from_flax`: modules of Flax, linen or NNX, in evaluation mode."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from flax import errors, linen, nnx

from ..errors import InputError, first_line
from .parts import Parts, picked

# What the two worlds call their modes, and what evaluation is.
_MODES = {
    "train": False,
    "training": False,
    "is_training": False,
    "deterministic": True,
    "use_running_average": True,
}


def parts_of(module: Any, variables: Any, output: int | str | None) -> Parts:
    """What a victim needs of a Flax module, which is left as it was.

    Args:
        module: a linen module, or an NNX module, of which an evaluating copy is taken.
        variables: what linen's `init` gave and training made of it; None for NNX.
        output: which of several outputs holds the class scores.

    Raises:
        InputError: no Flax module, no variables for linen or some for NNX, or no way to evaluation mode was found.
    """
    name = type(module).__name__
    if isinstance(module, nnx.Module):
        if variables is not None:
            raise InputError(f"{name} is an NNX module and holds its variables: leave `variables` out")
        kind, (fn, weights) = "nnx", _nnx(module)
    elif isinstance(module, linen.Module):
        if variables is None:
            raise InputError(f"{name} is a linen module: from_flax(module, variables, …) needs its variables")
        kind, fn, weights = "linen", _linen(module), variables
    else:
        raise InputError(f"from_flax takes a module of flax.linen or flax.nnx, got {name}")

    def apply(weights: Any, images: jax.Array) -> Any:
        try:
            return picked(fn(weights, images), output, name)
        except errors.FlaxError as error:
            raise InputError(
                f"{name} does not evaluate without changing its state or drawing random numbers, and has none of the "
                f"arguments {', '.join(_MODES)} that would stop it; set its mode in a function of your own and hand "
                f"that to from_function. Flax says: {first_line(error)}"
            ) from error

    provenance = {
        "framework": f"flax.{kind}",
        "module": f"{type(module).__module__}.{type(module).__qualname__}",
    }
    leaves = [np.asarray(leaf) for leaf in jax.tree.leaves(weights) if not _is_key(leaf)]
    mark = repr(module if kind == "linen" else name).encode()
    return Parts(apply, weights, leaves, mark, provenance, name)


def _is_key(leaf: Any) -> bool:
    return jax.numpy.issubdtype(leaf.dtype, jax.dtypes.prng_key)


def _nnx(module: nnx.Module) -> tuple[Callable[[Any, jax.Array], Any], Any]:
    copy = nnx.merge(*nnx.split(module), copy=True)
    copy.eval()
    graph, state = nnx.split(copy)
    modes = _modes(module)
    return lambda weights, images: nnx.merge(graph, weights, copy=True)(images, **modes), state


def _linen(module: linen.Module) -> Callable[[Any, jax.Array], Any]:
    modes: Any = _modes(module)
    return lambda variables, images: module.apply(variables, images, mutable=False, **modes)


def _modes(module: Any) -> dict[str, bool]:
    """The arguments of its call that put it into evaluation mode."""
    taken = inspect.signature(type(module).__call__).parameters
    return {name: value for name, value in _MODES.items() if name in taken}
