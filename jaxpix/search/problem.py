"""What a search solves: all that its compiled programs depend on, and nothing that changes."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import jax

from .fitness import is_success, make_fitness

if TYPE_CHECKING:
    from ..config import Fitness
    from ..labels import LabelSpace
    from ..pixels import Pixels
    from .fitness import Goal
    from .genome import Box
    from .guide import Guide
    from .strategies.strategy import Search, Strategy

Base = Any


@dataclasses.dataclass(frozen=True, eq=False)
class Evaluator:
    """Logits of candidates, in two pure functions.

    Attributes:
        name: for people: "dense", or "incremental (whole maps from layer3.1 on)".
        weights: pytree handed to both functions.
        base: (weights, image uint8 [H, W, C]) -> what is computed once per image.
        logits: (weights, bases of g images, the images [g, H, W, C], pixels [g, P, K]) -> float32 [g, P, N].
    """

    name: str
    weights: Any
    base: Callable[[Any, jax.Array], Base]
    logits: Callable[[Any, Base, jax.Array, Pixels], jax.Array]


@dataclasses.dataclass(frozen=True)
class Problem:
    """One kind of search on one victim; equal problems share their compiled programs.

    Attributes:
        evaluator: gives candidates their logits.
        search: settings of the search.
        box: where genomes live.
        fitness: objective, by name.
        space: label space of the victim.
        targeted: a hit reaches the goal's target, instead of leaving its original label.
        guide: what the search learns of an image before it begins, if it wants that.
    """

    evaluator: Evaluator
    search: Search
    box: Box
    fitness: Fitness
    space: LabelSpace
    targeted: bool
    guide: Guide | None = None

    @functools.cached_property
    def strategy(self) -> Strategy:
        """The search in its box."""
        return self.search.in_box(self.box)

    @property
    def hint(self) -> Any:
        """What the guide gives of one image, as a pytree of shapes."""
        return () if self.guide is None else self.guide.shape

    def judge(self, logits: jax.Array, goal: Goal) -> tuple[jax.Array, jax.Array]:
        """Fitness of one candidate with logits [N], and whether it is a hit."""
        fitness = make_fitness(self.fitness, self.space, self.targeted)
        return fitness(logits, goal), is_success(logits, goal, self.space, self.targeted)
