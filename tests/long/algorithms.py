"""Hold every algorithm of evosax that `--algorithm` takes to what the suite asks of a few.

bash scripts/long_tests.sh algorithms [--generations 100]

In a box, on a smooth fitness and on one of which two thirds fail: candidates stay inside, what is asked for is a
number, and something is found. How good it is stands beside the best of as many uniform draws.
"""

import argparse
import sys
from collections.abc import Callable

import jax
import jax.numpy as jnp

from jaxpix import AttackConfig
from jaxpix.search.genome import Box
from jaxpix.search.presets import search_of
from jaxpix.search.strategies.algorithms import ALGORITHMS

BOX = Box((20, 30, 1), 1)
MIDDLE = jnp.array([11.0, 7.0, 99.0])


def smooth(candidates: jax.Array) -> jax.Array:
    span = jnp.asarray(BOX.upper - BOX.lower)
    return jnp.sum(((candidates - MIDDLE[None]) / span[None]) ** 2, axis=1)


def failing(candidates: jax.Array) -> jax.Array:
    number = jnp.arange(len(candidates))
    return jnp.where(number % 3 == 0, jnp.nan, jnp.where(number % 3 == 1, jnp.inf, smooth(candidates)))


def searched(config: AttackConfig, fitness_fn: Callable[[jax.Array], jax.Array]) -> tuple[float, bool, bool]:
    """The best fitness, whether all candidates were inside, and whether all that was asked for was finite."""
    strategy = search_of(config).in_box(BOX)

    def generation(progress, _):
        candidates = strategy.propose(progress)
        fitness = fitness_fn(candidates)
        after = strategy.select(progress, candidates, fitness, jnp.zeros(len(candidates), bool))
        inside = ((candidates >= BOX.lower[None]) & (candidates <= BOX.upper[None])).all()
        asks = config.algorithm is not None
        finite = jnp.isfinite(strategy._ask(progress)[0]).all() if asks else jnp.bool_(True)
        return after, (inside, finite)

    last, (inside, finite) = jax.jit(
        lambda key: jax.lax.scan(generation, strategy.start(key), length=config.generations + 1)
    )(jax.random.key(0))
    return float(last.best_fitness), bool(inside.all()), bool(finite.all())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--generations", type=int, default=100)
    parser.add_argument("--population", type=int, default=20)
    given = parser.parse_args()
    sizes = {"generations": given.generations, "population": given.population}
    drawn, _, _ = searched(AttackConfig(search="random", **sizes), smooth)
    print(f"{'random':20s} {drawn:.1e}")
    wrong = 0
    for name in ALGORITHMS:
        config = AttackConfig(algorithm=name, **sizes)
        (best, *one), (among_failing, *other) = searched(config, smooth), searched(config, failing)
        holds = all((*one, *other)) and among_failing < float("inf")
        wrong += not holds
        beats = "better" if best < drawn else "no better than random"
        print(
            f"{name:20s} {best:.1e} {beats:22s} two thirds failing: {among_failing:.1e} {'' if holds else 'WRONG'}",
            flush=True,
        )
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
