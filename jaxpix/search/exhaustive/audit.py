"""Fast arithmetic proves nothing: what lies near the boundary is evaluated again, and so is a sample of the rest.

The band is measured, not assumed: a probe of each image, its nearest candidates and some at random, is evaluated by
the dense float32 victim, and every candidate within a multiple of the largest difference is evaluated again. The
audit then takes others at random, of which none may turn out to be on the other side.
"""

from __future__ import annotations

import dataclasses
import functools
from typing import TYPE_CHECKING

import jax
import numpy as np

from ...platforms import on_host
from ..fitness import Goal, distance_to_goal, is_success

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...labels import LabelSpace
    from ..problem import Problem

    Dense = Callable[[np.ndarray], np.ndarray]
    """Float32 logits [B, N] of candidates by number, evaluated as whole images."""

_PROBED = 64
# How much wider the band is than the largest difference seen among the probes.
_SAFETY = 8.0
# Differences below this share of the largest logit are rounding, even where the probes show none.
_ROUNDING = 1e-6
_CHUNK = 64


@dataclasses.dataclass(frozen=True)
class Audit:
    """What was evaluated again of one image.

    Attributes:
        band: in logits; search and dense victim are taken to differ by less.
        reevaluated: candidates nearer to the boundary than that, and the probes; the dense victim decides them.
        audited: others, at random.
        contradictions: of the audited, those whose verdict differs, and of the re-evaluated, those that differ by
            more than the band. 0, or the sweep is not complete.
    """

    band: float
    reevaluated: int
    audited: int
    contradictions: int


@functools.partial(jax.jit, static_argnums=(2, 3))
def _verdicts(
    logits: jax.Array, goal: Goal, space: LabelSpace, targeted: bool
) -> tuple[jax.Array, jax.Array, jax.Array]:
    def one(logits: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
        distance = distance_to_goal(logits, goal, space, targeted)
        return is_success(logits, goal, space, targeted), distance.signed, distance.reached

    return jax.vmap(one)(logits)


class Verdicts:
    """Which candidates of one image reach the goal, as far as they were looked at.

    Args:
        problem: what is a success.
        goal: of the image.
        distance: float32 [size], as the search saw it; corrected in place where the dense victim was asked.
        reached: int16 [size]; likewise.
        dense: asks the dense victim.
    """

    def __init__(self, problem: Problem, goal: Goal, distance: np.ndarray, reached: np.ndarray, dense: Dense):
        self._problem, self._goal, self._dense = problem, goal, dense
        self.distance, self._reached = distance, reached
        self.flips = distance < 0
        self.asked = np.zeros(len(distance), bool)
        self.largest_difference, self.scale = 0.0, 0.0

    def ask(self, numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The dense victim's word on some candidates: which change sides by it, and by how much they differ."""
        before, seen = self.distance[numbers].copy(), self.flips[numbers].copy()
        for start in range(0, len(numbers), _CHUNK):
            part = numbers[start : start + _CHUNK]
            logits = self._dense(part)
            filled = np.concatenate([logits, np.repeat(logits[:1], _CHUNK - len(part), 0)])
            with on_host():
                found = _verdicts(filled, self._goal, self._problem.space, self._problem.targeted)
            success, signed, reached = (np.asarray(one)[: len(part)] for one in found)
            self.flips[part], self.distance[part], self._reached[part] = success, signed, reached
            self.scale = max(self.scale, float(np.abs(logits[np.isfinite(logits)]).max(initial=0)))
        self.asked[numbers] = True
        after = self.distance[numbers]
        # Two infinities agree; one alone is as far as can be.
        differences = np.where(before == after, 0.0, np.abs(np.subtract(before, after, dtype=np.float64)))
        return seen != self.flips[numbers], np.nan_to_num(differences, nan=np.inf)


def audit(verdicts: Verdicts, tried: np.ndarray, sample: int, seed: int) -> Audit:
    """Evaluate again what must be, and a sample of the rest.

    Args:
        verdicts: corrected in place.
        tried: numbers of the candidates that differ from the image.
        sample: others to look at, if there are as many.
        seed: of the sample.
    """
    distance, generator = verdicts.distance, np.random.default_rng(seed)
    near = tried[np.argsort(np.abs(distance[tried]), kind="stable")[: _PROBED // 2]]
    probes = np.union1d(near, generator.choice(tried, min(_PROBED // 2, len(tried)), replace=False))
    _, differences = verdicts.ask(probes)
    band = max(_SAFETY * float(differences.max(initial=0)), _ROUNDING * verdicts.scale)
    inside = tried[(np.abs(distance[tried]) <= band) & ~verdicts.asked[tried]]
    _, differences = verdicts.ask(inside)
    beyond = int((differences > band).sum())
    others = tried[~verdicts.asked[tried]]
    audited = np.sort(generator.choice(others, min(sample, len(others)), replace=False))
    wrong, _ = verdicts.ask(audited)
    return Audit(band, len(probes) + len(inside), len(audited), beyond + int(wrong.sum()))
