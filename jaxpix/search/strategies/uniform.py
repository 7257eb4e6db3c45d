"""Random search: every candidate is drawn uniformly from the box. What any other search must beat."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import jax

from ..genome import Box, uniform_population
from .strategy import Progress, Search, Strategy, key_of


@dataclasses.dataclass(frozen=True)
class RandomSearch(Search):
    """Settings of a random search; a generation is P draws."""

    follows_fitness: ClassVar[bool] = False

    def in_box(self, box: Box) -> UniformDraws:
        """The draws."""
        return UniformDraws(self, box)


class UniformDraws(Strategy):
    """Uniform draws; nothing is remembered and nothing is learned."""

    def propose(self, progress: Progress) -> jax.Array:
        """P draws."""
        return uniform_population(key_of(progress), self.box, self.search.population)
