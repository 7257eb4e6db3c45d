"""The paper's attack on grey images in plain NumPy, one image at a time. An independent reference.

Written from the paper's text alone; shares no code with jaxpix.
"""

import numpy as np


def attack(logits_fn, image, label, *, seed, num_pixels=1, population=100, generations=100):
    """Untargeted; returns (success, queries up to the first adversarial candidate, queries in all)."""
    generator = np.random.default_rng(seed)
    height, width, _ = image.shape
    low = np.array([-0.5, -0.5, -0.5] * num_pixels)
    high = np.array([width - 0.5, height - 0.5, 255.5] * num_pixels)

    def evaluate(genomes):
        candidates = np.repeat(image[None], population, axis=0)
        for candidate, genome in zip(candidates, genomes, strict=True):
            for x, y, value in genome.reshape(-1, 3):
                column = int(np.clip(np.rint(x), 0, width - 1))
                row = int(np.clip(np.rint(y), 0, height - 1))
                candidate[row, column, 0] = np.clip(np.rint(value), 0, 255)
        logits = logits_fn(candidates)
        exponentials = np.exp(logits - logits.max(1, keepdims=True))
        confidences = exponentials / exponentials.sum(1, keepdims=True)
        return confidences[:, label], logits.argmax(1) != label

    parents = generator.uniform(low, high, (population, len(low)))
    fitness, hits = evaluate(parents)
    queries, first_hit = population, None
    for generation in range(generations + 1):
        if hits.any() and first_hit is None:
            first_hit = queries - population + int(np.argmax(hits)) + 1
        if hits.sum() > 0.01 * population or generation == generations:
            break
        trials = np.empty_like(parents)
        for i in range(population):
            others = np.delete(np.arange(population), i)
            r1, r2, r3 = generator.choice(others, 3, replace=False)
            trials[i] = np.clip(parents[r1] + 0.5 * (parents[r2] - parents[r3]), low, high)
        trial_fitness, hits = evaluate(trials)
        queries += population
        better = trial_fitness < fitness
        parents[better], fitness[better] = trials[better], trial_fitness[better]
    return first_hit is not None, first_hit, queries
