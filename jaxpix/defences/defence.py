"""What a defence is, and a victim behind one."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING

import jax
import numpy as np

from ..victim.probe import identify

if TYPE_CHECKING:
    from ..victim.classifier import Weights
    from ..victim.victim import Victim


@dataclasses.dataclass(frozen=True)
class Defence:
    """Something that is done to images before a victim sees them.

    Attributes:
        name: short, with its parameter: `median3`.
        says: a sentence with all parameters; part of the defended victim's identity.
        filter: pure and jittable; images float32 [B, H, W, C] in 0..255 -> the same shape.
        on_host: uint8 [B, H, W, C] -> the same, where the real thing is no JAX: it judges, and `filter` is its
            stand-in in searches. None: `filter` is the real thing.
        told_apart: which values of a pixel it tells apart, as of `Victim`; None: perhaps all.
    """

    name: str
    says: str
    filter: Callable[[jax.Array], jax.Array]
    on_host: Callable[[np.ndarray], np.ndarray] | None = None
    told_apart: Callable[[np.ndarray], np.ndarray] | None = None

    def before(self, victim: Victim) -> Victim:
        """The victim behind this defence: another victim, with a name and an id of its own.

        Every attack goes through the defence. A network of ours stays one, so that searches keep its fast form.
        """
        through, apply, inner = self.filter, victim.apply, victim.before
        on_host = self.on_host or _rounded(self.filter)

        def defended(weights: Weights, images: jax.Array) -> jax.Array:
            return apply(weights, through(images))

        def judged(images: np.ndarray) -> jax.Array:
            return victim.logits(on_host(_eight_bit(images)))

        mark = np.frombuffer(f"{victim.victim_id} behind {self.says}".encode(), np.uint8)
        stands = [*victim.provenance.get("defences", ()), self.says]
        return dataclasses.replace(
            victim,
            apply=defended,
            name=f"{victim.name} behind {self.name}",
            victim_id=identify(victim.space, [mark]),
            provenance={**victim.provenance, "defences": stands},
            before=through if inner is None else lambda images: inner(through(images)),
            # What the first filter makes equal stays so, whatever stands behind it.
            told_apart=self.told_apart,
            judged=None if self.on_host is None and victim.judged is None else judged,
        )


def _rounded(fn: Callable[[jax.Array], jax.Array]) -> Callable[[np.ndarray], np.ndarray]:
    """A filter before one that runs on the host, which takes 8-bit images."""
    compiled = jax.jit(fn)
    return lambda images: _eight_bit(np.asarray(compiled(images.astype(np.float32))))


def _eight_bit(images: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(images), 0, 255).astype(np.uint8)
