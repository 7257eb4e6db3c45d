"""Random search: every candidate is drawn uniformly from the box. What any other search must beat."""

from __future__ import annotations

import jax

from ..genome import uniform_population
from .strategy import Progress, Strategy, key_of


class UniformDraws(Strategy):
    """Uniform draws, P in a generation; nothing is remembered and nothing is learned."""

    follows_fitness = False

    def propose(self, progress: Progress) -> jax.Array:
        """P draws."""
        return uniform_population(key_of(progress), self.box, self.search.population)
