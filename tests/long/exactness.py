"""Hold incremental logits against dense ones, on the architectures users have.

bash scripts/long_tests.sh exactness [--genomes 10000] [--image-size 64] [--out benchmarks/results/exactness.json]

For each model and K = 1, 2, 3: genomes anywhere, on borders and in corners, close together and at one place, on
noise images; the incremental evaluator as an attack uses it, against the float32 model that verifies.
"""

import argparse
import json
import sys
import time
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from support.small_networks import MEAN, STD, as_if_trained, awkward_pixels, noise_images

from jaxpix import EngineConfig, Victim
from jaxpix.models.zoo import build
from jaxpix.pixels import paint
from jaxpix.search.evaluators import make_evaluator
from jaxpix.storage.environment import describe_environment

POPULATION = 100


def victim_of(architecture: str, size: int) -> Victim:
    model = as_if_trained(build(architecture, num_classes=5, channels=3, seed=0))
    return Victim.from_model(
        model,
        architecture=architecture,
        task="multiclass",
        class_names=list("abcde"),
        input_shape=(size, size, 3),
        mean=[MEAN] * 3,
        std=[STD] * 3,
    )


def compare(victim: Victim, num_pixels: int, genomes: int) -> dict:
    """Largest differences over at least `genomes` genomes."""
    size = victim.input_shape[0]
    evaluator = make_evaluator(victim, num_pixels, engine=EngineConfig(evaluator="incremental"))
    base = jax.jit(jax.vmap(evaluator.base, (None, 0)))
    logits_fn = jax.jit(evaluator.logits)
    worst, scale, changed, contested, tried = 0.0, 0.0, 0, 0, 0
    while tried < genomes:
        image = jnp.asarray(noise_images(1, size, 3, seed=tried))
        pixels = awkward_pixels(POPULATION, num_pixels, size, 3, seed=tried)
        batched = jax.tree.map(lambda leaf: leaf[None], pixels)
        ours = np.asarray(
            logits_fn(evaluator.weights, base(evaluator.weights, image), image, batched)[0], np.float64
        )
        theirs = np.asarray(victim.logits(paint(image[0], pixels)), np.float64)
        difference = np.abs(ours - theirs).max()
        worst, scale = max(worst, difference), max(scale, np.abs(theirs).max())
        ordered = np.sort(theirs, axis=1)
        differs = ours.argmax(1) != theirs.argmax(1)
        changed += int(differs.sum())
        contested += int((differs & (ordered[:, -1] - ordered[:, -2] > 2 * difference)).sum())
        tried += POPULATION
    return {
        "evaluator": evaluator.name,
        "genomes": tried,
        "max_logit_difference": worst,
        "logit_scale": scale,
        "relative": worst / scale,
        "argmax_differs": changed,
        "argmax_differs_beyond_rounding": contested,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--genomes", type=int, default=10_000)
    parser.add_argument("--image-size", type=int, default=64)
    parser.add_argument("--models", nargs="+", default=["resnet50", "densenet121"])
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/exactness.json"))
    options = parser.parse_args()
    rows = []
    for architecture in options.models:
        victim = victim_of(architecture, options.image_size)
        for num_pixels in (1, 2, 3):
            began = time.monotonic()
            row = compare(victim, num_pixels, options.genomes)
            rows.append(
                {"model": architecture, "image_size": options.image_size, "num_pixels": num_pixels} | row
            )
            print(json.dumps(rows[-1]), f"{time.monotonic() - began:.0f} s", flush=True)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    content = {"environment": describe_environment(), "command": sys.argv, "rows": rows}
    options.out.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    failed = [row for row in rows if row["relative"] > 1e-4 or row["argmax_differs_beyond_rounding"]]
    sys.exit(f"not exact: {failed}" if failed else 0)


if __name__ == "__main__":
    main()
