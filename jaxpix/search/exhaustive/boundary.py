"""How far logits are from a change of label: what orders the candidates of an exhaustive search.

Unlike a fitness it is zero exactly where the label changes, whatever the task, and is a difference of logits, so that
an error of arithmetic bounds it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import jax.numpy as jnp

if TYPE_CHECKING:
    import jax

    from ...labels import LabelSpace
    from ..fitness import Goal


class Distance(NamedTuple):
    """Of one candidate.

    Attributes:
        signed: float32, in logits: below 0 the goal is reached, above it is not; +inf where logits are not finite.
        reached: int32, multiclass: the class it is seen as; multi-label: the class whose presence is nearest to
            changing, or has changed most.
    """

    signed: jax.Array
    reached: jax.Array


def distance_to_goal(logits: jax.Array, goal: Goal, space: LabelSpace, targeted: bool) -> Distance:
    """Distance of logits [N] from the boundary behind which `is_success` holds."""
    measure = _of_class if space.task == "multiclass" else _of_set
    signed, reached = measure(logits, goal, space, targeted)
    return Distance(
        jnp.where(jnp.all(jnp.isfinite(logits)), signed, jnp.inf).astype(jnp.float32),
        reached.astype(jnp.int32),
    )


def _of_class(
    logits: jax.Array, goal: Goal, space: LabelSpace, targeted: bool
) -> tuple[jax.Array, jax.Array]:
    label = goal.target if targeted else goal.original
    own = jnp.sum(jnp.where(label, logits, 0.0))
    others = jnp.max(jnp.where(label, -jnp.inf, logits))
    return (others - own if targeted else own - others), jnp.argmax(logits)


def _of_set(logits: jax.Array, goal: Goal, space: LabelSpace, targeted: bool) -> tuple[jax.Array, jax.Array]:
    at_threshold = jnp.log(space.threshold) - jnp.log1p(-space.threshold)
    label = goal.target if targeted else goal.original
    agreement = jnp.where(label, 1.0, -1.0) * (logits - at_threshold)
    # A set is left when one class changes, and reached when all agree.
    signed = -jnp.min(agreement) if targeted else jnp.min(agreement)
    return signed, jnp.argmin(agreement)
