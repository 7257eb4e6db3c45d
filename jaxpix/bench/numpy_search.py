"""The paper's differential evolution in plain NumPy around any logits function, one image at a time.

rand/1 with F = 0.5, no crossover, clipping, a trial replaces its parent only when it is strictly better. What a
user would write who has a model but no attack library: the whole population goes through the model at once.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

DIFFERENTIAL_WEIGHT = 0.5

LogitsFn = Callable[[np.ndarray], np.ndarray]


class Found(NamedTuple):
    """What a search ends with.

    Attributes:
        image: uint8 [H, W, C], the fittest candidate of all generations.
        fitness: its confidence in the original label, 0..1.
        hits: candidates of all generations that had another label.
    """

    image: np.ndarray
    fitness: float
    hits: int


def search(
    logits_fn: LogitsFn,
    image: np.ndarray,
    label: int,
    *,
    num_pixels: int,
    population: int,
    generations: int,
    seed: int = 0,
) -> Found:
    """Lower the confidence in `label`; runs all generations, whatever it finds.

    Args:
        logits_fn: uint8 candidates [P, H, W, C] to logits [P, N].
        image: uint8 [H, W, C].
        label: the image's class.
        num_pixels: K, how many pixels change.
        population: P, at least 4: a candidate mixes three others.
        generations: after the first population; P (1 + generations) candidates are evaluated.
        seed: of all draws.
    """
    generator = np.random.default_rng(seed)
    height, width, channels = image.shape
    upper = np.array([width - 0.5, height - 0.5, *[255.5] * channels] * num_pixels)
    lower = np.full_like(upper, -0.5)
    parents = generator.uniform(lower, upper, (population, len(lower)))
    fitness, hits = _evaluate(logits_fn, image, label, parents)
    for _ in range(generations):
        first, second, third = _three_others(generator, population)
        trials = parents[first] + DIFFERENTIAL_WEIGHT * (parents[second] - parents[third])
        trials = np.clip(trials, lower, upper)
        trial_fitness, trial_hits = _evaluate(logits_fn, image, label, trials)
        better = trial_fitness < fitness
        parents[better], fitness[better] = trials[better], trial_fitness[better]
        hits += trial_hits
    best = int(np.argmin(fitness))
    return Found(paint(image, parents[best : best + 1])[0], float(fitness[best]), hits)


def _three_others(generator: np.random.Generator, population: int) -> np.ndarray:
    """For every member three distinct others, uniformly; indices [3, P]."""
    chosen = [np.arange(population)]
    for taken in range(1, 4):
        drawn = generator.integers(0, population - taken, population)
        # Counting past those that are taken, from the lowest on, keeps every choice equally likely.
        for earlier in np.sort(chosen, axis=0):
            drawn += drawn >= earlier
        chosen.append(drawn)
    return np.stack(chosen[1:])


def _evaluate(
    logits_fn: LogitsFn, image: np.ndarray, label: int, genomes: np.ndarray
) -> tuple[np.ndarray, int]:
    logits = logits_fn(paint(image, genomes))
    exponentials = np.exp(logits - logits.max(1, keepdims=True))
    confidence = exponentials[:, label] / exponentials.sum(1)
    return confidence, int((logits.argmax(1) != label).sum())


def paint(image: np.ndarray, genomes: np.ndarray) -> np.ndarray:
    """Candidates uint8 [P, H, W, C] of genomes [P, K (2 + C)], blocks of x, y and one intensity per channel."""
    height, width, channels = image.shape
    largest = np.array([width - 1, height - 1, *[255] * channels])
    blocks = genomes.reshape(len(genomes), -1, 2 + channels)
    whole = np.clip(np.rint(blocks), 0, largest).astype(np.int64)
    candidates = np.repeat(image[None], len(genomes), axis=0)
    members = np.arange(len(genomes))[:, None]
    candidates[members, whole[..., 1], whole[..., 0]] = whole[..., 2:]
    return candidates
