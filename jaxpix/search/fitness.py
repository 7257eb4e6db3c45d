"""What evolution minimises, and, kept apart, what counts as success (paper 3.1, 3.3).

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
        label = goal.target if targeted else goal.original
        value = sign * judge(logits, label, space)
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
    at_threshold = jnp.log(space.threshold) - jnp.log1p(-space.threshold)
    return jnp.min(jnp.where(label, 1.0, -1.0) * (logits - at_threshold))


def _cosine(logits: jax.Array, label: Label, space: LabelSpace) -> jax.Array:
    """Cosine similarity of label and confidences, both mapped to [-1, 1] first (3.3, (3) and (4))."""
    confidences = 2.0 * space.confidences(logits) - 1.0
    signs = jnp.where(label, 1.0, -1.0)
    norms = jnp.linalg.norm(signs) * jnp.linalg.norm(confidences)
    return jnp.dot(signs, confidences) / jnp.maximum(norms, COSINE_DELTA)
