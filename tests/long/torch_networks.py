"""Torchvision's networks through `Victim.from_torch`: parity with torch, exactness of windows, and their speed.

bash scripts/long_tests.sh torch_networks [--image-size 224] [--genomes 200] [--models …] [--rates …] [--out FILE]

Random weights, batch statistics that have seen noise. For each network: what `from_torch` measured against torch;
for K = 1, 2, 3 the largest difference between logits from windows and the victim's own, beside the difference between
two dense orders of axes of the same network, which is what rounding does to it; of those named by --rates, candidates
per second, dense and on windows, K = 1 (an idle machine, please).
"""

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from support.small_networks import awkward_pixels, noise_images
from support.torch_modules import torchvision_model

from jaxpix import EngineConfig, Victim
from jaxpix.pixels import paint
from jaxpix.search.evaluators import make_evaluator
from jaxpix.storage.environment import describe_environment

MODELS = [
    "resnet18",
    "resnet50",
    "vgg11_bn",
    "densenet121",
    "densenet201",
    "googlenet",
    "mobilenet_v2",
    "mobilenet_v3_small",
    "efficientnet_b0",
    "convnext_tiny",
    "regnet_y_400mf",
    "vit_b_16",
    "swin_t",
]
POPULATION = 100
TURNS = 3


def logits_of(victim: Victim, evaluator_name: str, num_pixels: int) -> Any:
    """A function (image [H, W, C], pixels [P, K]) -> logits [P, N], compiled; and what the evaluator is called."""
    evaluator = make_evaluator(victim, num_pixels, engine=EngineConfig(evaluator=evaluator_name))
    base, logits = jax.jit(jax.vmap(evaluator.base, (None, 0))), jax.jit(evaluator.logits)

    def evaluate(image: jax.Array, pixels: Any) -> jax.Array:
        bases = base(evaluator.weights, image[None])
        return logits(evaluator.weights, bases, image[None], jax.tree.map(lambda leaf: leaf[None], pixels))[0]

    return evaluate, evaluator.name


def exactness(victim: Victim, num_pixels: int, genomes: int) -> dict[str, Any]:
    """Largest differences, relative to the largest logit."""
    size = victim.input_shape[0]
    windows, name = logits_of(victim, "auto", num_pixels)
    dense, _ = logits_of(victim, "dense", num_pixels)
    worst, spread, effect, scale = 0.0, 0.0, 0.0, 0.0
    for seed in range(-(-genomes // POPULATION)):
        image = jnp.asarray(noise_images(1, size, 3, seed)[0])
        pixels = awkward_pixels(POPULATION, num_pixels, size, 3, seed)
        ours, other = np.asarray(windows(image, pixels)), np.asarray(dense(image, pixels))
        own = victim.predict(np.asarray(paint(image, pixels)))
        worst, spread = max(worst, np.abs(ours - own).max()), max(spread, np.abs(other - own).max())
        effect = max(effect, np.abs(own - victim.predict(np.asarray(image)[None])).max())
        scale = max(scale, np.abs(own).max())
    found = {"windows": worst, "two_dense_orders": spread, "effect_of_pixels": effect}
    relative = {key: float(value / scale) for key, value in found.items()}
    return {"evaluator": name, "genomes": genomes, **relative}


def rate(victim: Victim, evaluator_name: str) -> float:
    """Candidates per second of the bare evaluator, K = 1, the best of a few turns."""
    size = victim.input_shape[0]
    evaluate, _ = logits_of(victim, evaluator_name, 1)
    image, pixels = jnp.asarray(noise_images(1, size, 3)[0]), awkward_pixels(POPULATION, 1, size, 3)
    jax.block_until_ready(evaluate(image, pixels))
    seconds = []
    for _ in range(TURNS):
        began = time.perf_counter()
        jax.block_until_ready(evaluate(image, pixels))
        seconds.append(time.perf_counter() - began)
    return POPULATION / min(seconds)


def measure(name: str, size: int, genomes: int, with_rates: bool) -> dict[str, Any]:
    """One network's row."""
    began = time.perf_counter()
    victim = Victim.from_torch(
        torchvision_model(name, size),
        class_names=list("abcde"),
        input_shape=(size, size, 3),
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        name=name,
    )
    made = time.perf_counter() - began
    exact = {f"k{k}": exactness(victim, k, genomes) for k in (1, 2, 3)}
    row = {"seconds_to_make": made, "provenance": dict(victim.provenance), **exact}
    if not with_rates:
        return row
    windows, dense = rate(victim, "auto"), rate(victim, "dense")
    return {**row, "windows_per_second": windows, "dense_per_second": dense, "gain": windows / dense}


def is_exact(row: dict[str, Any]) -> bool:
    """Within 1e-4 of the scale, or what two dense orders of axes differ by, whichever is larger."""
    return all(row[k]["windows"] <= max(1e-4, row[k]["two_dense_orders"]) for k in ("k1", "k2", "k3"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--image-size", type=int, default=64)
    parser.add_argument("--genomes", type=int, default=200)
    parser.add_argument("--models", nargs="+", default=MODELS)
    parser.add_argument("--rates", nargs="*", default=MODELS, help="networks whose speed is measured")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/torch-networks.json"))
    options = parser.parse_args()
    rows: dict[str, Any] = {}
    for name in options.models:
        try:
            rows[name] = measure(name, options.image_size, options.genomes, name in options.rates)
        except Exception as error:
            # One network must not take the others' figures along.
            rows[name] = {"error": f"{type(error).__name__}: {error}"}
        print(name, json.dumps(rows[name]), flush=True)
        content = {"image_size": options.image_size, "networks": rows, "environment": describe_environment()}
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    failed = [name for name, row in rows.items() if "error" in row or not is_exact(row)]
    sys.exit(f"not exact: {failed}" if failed else 0)


if __name__ == "__main__":
    main()
