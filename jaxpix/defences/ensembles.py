"""Several victims that answer as one: the mean of their confidences, or their vote."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from ..errors import InputError, did_you_mean
from ..victim.probe import identify

if TYPE_CHECKING:
    from ..labels import LabelSpace
    from ..victim.victim import Victim

Combine = Callable[[Sequence[jax.Array], "LabelSpace"], jax.Array]
"""(logits [B, N] of each victim, their label space) -> logits [B, N]."""


def mean(logits: Sequence[jax.Array], space: LabelSpace) -> jax.Array:
    """Logits of the mean confidence."""
    stacked = jnp.stack(list(logits))
    if space.task == "multiclass":
        return _log_mean(jax.nn.log_softmax(stacked))
    return _log_mean(jax.nn.log_sigmoid(stacked)) - _log_mean(jax.nn.log_sigmoid(-stacked))


def vote(logits: Sequence[jax.Array], space: LabelSpace) -> jax.Array:
    """The label that most victims give; where two have as many votes, the one with the higher mean confidence.

    Multiclass: logits are votes plus mean confidence. Multi-label: each label by itself, as logits around the
    threshold. They move little until a vote changes, so that gradients say nothing of votes.
    """
    stacked = jnp.stack(list(logits))
    votes, sureness = space.labels(stacked).astype(jnp.float32), jnp.mean(space.confidences(stacked), axis=0)
    if space.task == "multiclass":
        return jnp.sum(votes, axis=0) + sureness
    at_threshold = float(np.log(space.threshold / (1 - space.threshold)))
    # A mean confidence moves by less than the half vote that an odd number of victims decides by.
    return at_threshold + jnp.sum(votes - 0.5, axis=0) + 0.25 * (sureness - space.threshold)


def _log_mean(logarithms: jax.Array) -> jax.Array:
    return jax.nn.logsumexp(logarithms, axis=0) - float(np.log(logarithms.shape[0]))


WAYS: dict[str, Combine] = {"mean": mean, "vote": vote}


def ensemble(victims: Sequence[Victim], way: str) -> Victim:
    """Several victims as one, which every attack goes through.

    Args:
        victims: two at least, of equal classes and images; each may stand behind a defence of its own.
        way: a name of `WAYS`.

    Raises:
        InputError: fewer victims, or ones that do not fit one another; another way.
    """
    _check(victims, way)
    first = victims[0]
    combine, space = WAYS[way], first.space
    members = [victim.apply for victim in victims]

    def apply(weights: Any, images: jax.Array) -> jax.Array:
        each = [
            member(part, images).astype(jnp.float32) for member, part in zip(members, weights, strict=True)
        ]
        return combine(each, space)

    combined = jax.jit(lambda logits: combine(logits, space))

    def judged(images: np.ndarray) -> jax.Array:
        return combined([victim.logits(images) for victim in victims])

    mark = " ".join([way, *(victim.victim_id for victim in victims)]).encode()
    return type(first)(
        apply,
        tuple(victim.weights for victim in victims),
        space,
        first.input_shape,
        f"{way} of {', '.join(victim.name for victim in victims)}",
        identify(space, [np.frombuffer(mark, np.uint8)]),
        judged=judged if any(victim.judged for victim in victims) else None,
        provenance={
            **{
                key: first.provenance[key]
                for key in ("dataset", "split", "fingerprint")
                if key in first.provenance
            },
            "ensemble": [way, *(victim.name for victim in victims)],
        },
    )


def _check(victims: Sequence[Victim], way: str) -> None:
    if way not in WAYS:
        raise InputError(f"unknown ensemble {way!r}{did_you_mean(way, WAYS)}; there are {', '.join(WAYS)}")
    if len(victims) < 2:
        raise InputError(f"an ensemble ({way}) needs two victims at least, got {len(victims)}")
    first = victims[0]
    for other in victims[1:]:
        if (other.space, other.input_shape) != (first.space, first.input_shape):
            raise InputError(
                f"an ensemble needs victims of equal classes and images: {first.name!r} has {first.space}, images "
                f"{list(first.input_shape)}, {other.name!r} has {other.space}, images {list(other.input_shape)}"
            )
