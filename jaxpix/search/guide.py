"""What a white-box search learns of an image before it begins: one backward pass of the float32 victim."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from ..errors import InputError
from .fitness import Goal, make_fitness

if TYPE_CHECKING:
    from ..victim.victim import Victim
    from .genome import Box
    from .strategies.strategy import Search


@dataclasses.dataclass(frozen=True, eq=False)
class Guide:
    """Hints of images, in batches of whatever size the engine fills slots by.

    Attributes:
        shape: of one hint, a pytree of shapes.
    """

    shape: Any
    _weights: Any
    _hints: Callable[[Any, Any, Goal], Any]

    def __call__(self, images: np.ndarray, goals: Goal) -> Any:
        """Hints [F] of uint8 images [F, H, W, C], in host memory."""
        return jax.device_get(self._hints(self._weights, images, goals))


@functools.lru_cache(maxsize=4)
def make_guide(victim: Victim, search: Search, box: Box, targeted: bool) -> Guide | None:
    """The guide that a search wants, or None. The last few are kept, as evaluators are.

    Args:
        victim: whose margin is differentiated, densely and in float32, whatever the precision of the search.
        search: whose strategy turns a gradient into a hint.
        box: where its genomes live.
        targeted: the margin is that of the target's label, to be raised, not of the original one, to be lowered.

    Raises:
        InputError: the victim has no gradient.
    """
    if not search.kind.wants_gradient:
        return None
    strategy: Any = search.in_box(box)
    margin_fn = make_fitness("margin", victim.space, targeted)

    def hint(weights: Any, image: jax.Array, goal: Goal) -> Any:
        def margin(image: jax.Array) -> jax.Array:
            return margin_fn(victim.dense_logits(weights, image[None])[0], goal)

        return strategy.hint(jax.grad(margin)(image.astype(jnp.float32)), image)

    label = np.zeros(len(victim.class_names), bool)
    image = jax.ShapeDtypeStruct(box.image_shape, np.uint8)
    try:
        shape = jax.eval_shape(hint, victim.weights, image, Goal(label, label))
    except Exception as error:
        if isinstance(error, InputError):
            raise
        reason = str(error).strip().splitlines()[0]
        raise InputError(
            f"victim {victim.name!r} has no gradient, which this search begins with: JAX says {reason!r}. What "
            "torch (host=True) or ONNX's runtime evaluates has none; use a search that asks for logits only, such as "
            "sparse_rs or evolution"
        ) from error
    return Guide(shape, victim.weights, jax.jit(jax.vmap(hint, (None, 0, 0))))
