"""A search by itself: generation after generation, on a fitness that a test makes up."""

import jax
import jax.numpy as jnp
import numpy as np


def populations(strategy, fitness_fn, generations, seed=0, hint=()):
    """Candidates [P, G] of each generation and the state behind it; nothing is a hit.

    Args:
        strategy: of `jaxpix.search.strategies`.
        fitness_fn: candidates [P, G] -> [P].
        generations: how many, the first population included.
        seed: of the experiment.
        hint: what a guide would say.
    """

    @jax.jit
    def step(progress):
        candidates = strategy.propose(progress)
        fitness = fitness_fn(candidates)
        return candidates, strategy.select(progress, candidates, fitness, jnp.zeros(len(candidates), bool))

    progress = jax.jit(strategy.start)(jax.random.key(seed), hint)
    for _ in range(generations):
        candidates, progress = step(progress)
        yield np.asarray(candidates), progress
