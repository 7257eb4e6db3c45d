"""What evolution minimises, and, kept apart, what counts as success (paper 3.1, 3.3) and how far that is.

Every function judges one candidate: logits [N] against a `Goal`; `vmap` makes it many.
Fitness is lower-is-better; +inf marks a failed evaluation.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

if TYPE_CHECKING:
    from ..config import Fitness
    from ..labels import LabelSpace

COSINE_DELTA = 1e-5


Label = jax.Array | np.ndarray


class Goal(NamedTuple):
    """What one experiment is after.

    `original` bool [N] is the label before the attack, `target` bool [N] the one to reach; an untargeted
    goal carries the original label as `target`.
    """

    original: Label
    target: Label

    def label(self, targeted: bool) -> Label:
        """The label that is to be reached, or left."""
        return self.target if targeted else self.original


FitnessFn = Callable[[jax.Array, Goal], jax.Array]


def is_success(logits: jax.Array, goal: Goal, space: LabelSpace, targeted: bool) -> jax.Array:
    """Whether a candidate's label set differs from the original one, or equals the target; bool scalar.

    Non-finite logits are never a success.
    """
    label = space.labels(logits)
    reached = jnp.all(label == goal.target) if targeted else jnp.any(label != goal.original)
    return reached & jnp.all(jnp.isfinite(logits))


def make_fitness(name: Fitness, space: LabelSpace, targeted: bool) -> FitnessFn:
    """The objective of that name for that label space; targeted objectives are negated similarities."""
    judge = {"confidence": _confidence, "margin": _margin, "cosine": _cosine}[name]
    sign = -1.0 if targeted else 1.0

    def fitness(logits: jax.Array, goal: Goal) -> jax.Array:
        value = sign * judge(logits, goal.label(targeted), space)
        return jnp.where(jnp.isfinite(value) & jnp.all(jnp.isfinite(logits)), value, jnp.inf)

    return fitness


def _confidence(logits: jax.Array, label: Label, space: LabelSpace) -> jax.Array:
    """Confidence in `label`, 0..1 (3.3).

    Multi-label: of the class whose presence or absence is least sure, since one class is enough.
    """
    confidences = space.confidences(logits)
    if space.task == "multiclass":
        return jnp.sum(jnp.where(label, confidences, 0.0))
    return jnp.min(jnp.where(label, confidences, 1.0 - confidences))


def _margin(logits: jax.Array, label: Label, space: LabelSpace) -> jax.Array:
    """Logit margin of `label`; orders candidates as `_confidence` does and never saturates.

    Multiclass: z_label - logsumexp of the others, the log-odds of the confidence. Multi-label: the smallest
    signed distance of a logit from the threshold.
    """
    if space.task == "multiclass":
        own = jnp.sum(jnp.where(label, logits, 0.0))
        others = jax.nn.logsumexp(jnp.where(label, -jnp.inf, logits))
        return own - others
    return jnp.min(_agreement(logits, label, space))


def _agreement(logits: jax.Array, label: Label, space: LabelSpace) -> jax.Array:
    """How far each logit [N] lies on the side of the threshold that a set of labels says."""
    at_threshold = jnp.log(space.threshold) - jnp.log1p(-space.threshold)
    return jnp.where(label, 1.0, -1.0) * (logits - at_threshold)


def _cosine(logits: jax.Array, label: Label, space: LabelSpace) -> jax.Array:
    """Cosine similarity of label and confidences, both mapped to [-1, 1] first (3.3, (3) and (4))."""
    confidences = 2.0 * space.confidences(logits) - 1.0
    signs = jnp.where(label, 1.0, -1.0)
    norms = jnp.linalg.norm(signs) * jnp.linalg.norm(confidences)
    return jnp.dot(signs, confidences) / jnp.maximum(norms, COSINE_DELTA)


class Distance(NamedTuple):
    """How far the logits of one candidate are from a change of label.

    Unlike a fitness it is zero exactly where the label changes, whatever the task, and is a difference of logits, so
    that an error of arithmetic bounds it.

    Attributes:
        signed: float32, in logits: below 0 the goal is reached, above it is not; +inf where logits are not finite.
        reached: int32, multiclass: the class it is seen as; multi-label: the class whose presence is nearest to
            changing, or has changed most.
    """

    signed: jax.Array
    reached: jax.Array


def distance_to_goal(logits: jax.Array, goal: Goal, space: LabelSpace, targeted: bool) -> Distance:
    """Distance of logits [N] from the boundary behind which `is_success` holds."""
    label = goal.label(targeted)
    if space.task == "multiclass":
        own = jnp.sum(jnp.where(label, logits, 0.0))
        others = jnp.max(jnp.where(label, -jnp.inf, logits))
        signed, reached = others - own if targeted else own - others, jnp.argmax(logits)
    else:
        # A set is left when one class changes, and reached when all agree.
        agreement = _agreement(logits, label, space)
        signed, reached = jnp.min(agreement), jnp.argmin(agreement)
        signed = -signed if targeted else signed
    signed = jnp.where(jnp.all(jnp.isfinite(logits)), signed, jnp.inf)
    return Distance(signed.astype(jnp.float32), reached.astype(jnp.int32))
