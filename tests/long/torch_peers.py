"""Torch models as they are: jaxpix through `Victim.from_torch` beside ART and torchattacks as shipped.

bash scripts/long_tests.sh torch_peers [--models resnet18 …] [--image-size 224] [--generations 4] [--out FILE]

Networks of torchvision with random weights, one image whose class nothing changes, so that everybody does all
generations; populations of 100 (ART makes its own), K = 1, float32, the same weights, in turns on one machine.
Besides, the share of the bare evaluator's speed that a whole attack reaches. Needs the extra `peers`,
torchvision and torchattacks.
"""

import argparse
import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from support.small_networks import noise_images
from support.torch_modules import torchvision_model
from torch import nn

from jaxpix import AttackConfig, EngineConfig, Victim
from jaxpix.bench.attacks import jaxpix_contenders, measure_attack
from jaxpix.bench.comparison import Contender, Run, compare_in_turns
from jaxpix.bench.hardware import describe_machine
from jaxpix.bench.libraries import PEERS, Request
from jaxpix.bench.peers import timed
from jaxpix.bench.rows import Comparison
from jaxpix.bench.subjects import Subject
from jaxpix.bench.torch_models import Door
from jaxpix.storage.environment import describe_environment

MODELS = ["resnet18", "vgg11_bn", "densenet121", "convnext_tiny", "efficientnet_b0"]
MEAN, STD, CLASSES = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375), 5


class Sure(nn.Module):
    """A network whose first class always wins."""

    offset: torch.Tensor

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = network
        self.register_buffer("offset", torch.tensor([[1e4] + [0.0] * (CLASSES - 1)]))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.network(images) + self.offset


def peer(name: str, network: nn.Module, subject: Subject, config: AttackConfig) -> Contender:
    """A library on the same network and image."""
    library = PEERS[name]
    request = Request(
        subject.images[0], 0, CLASSES, config.num_pixels, config.population or 100, config.generations
    )

    def run() -> Run:
        door = Door(network, np.asarray(MEAN), np.asarray(STD), white=library.white).requires_grad_(False)
        return timed(door, library, library.prepare(door, request), request.image)

    return Contender(name, "shipped", False, "float32", run)


def measure(name: str, size: int, generations: int, turns: int) -> dict[str, Any]:
    """One network's row."""
    network = Sure(torchvision_model(name, size, CLASSES)).eval().requires_grad_(False)
    victim = Victim.from_torch(
        network,
        class_names=list("abcde"),
        input_shape=(size, size, 3),
        mean=MEAN,
        std=STD,
        name=name,
    )
    labels = np.eye(CLASSES, dtype=bool)[:1]
    subject = Subject(victim, noise_images(1, size, 3), labels, "noise; one class always wins")
    config = AttackConfig(num_pixels=1, population=100, generations=generations)
    whole = measure_attack(subject, config, EngineConfig(), repeats=turns, matrix_rate=1.0)
    contenders = [
        *jaxpix_contenders(subject, config, EngineConfig()),
        *(peer(each, network, subject, config) for each in ("torchattacks", "art")),
    ]
    agreement = float(victim.provenance["largest_difference_from_torch"])
    row = Comparison(name, size, 1, "float32", subject.source, {"shipped": agreement})
    *_, row = compare_in_turns(row, contenders, turns)
    return {**dataclasses.asdict(row), "whole_attack": dataclasses.asdict(whole)}


def summary(row: dict[str, Any]) -> str:
    """A row in one line."""
    rates = ", ".join(f"{one['name']} {one['candidates_per_second']:.1f}/s" for one in row["standings"])
    ratios = ", ".join(f"{one['median']:.2f}x {one['peer']}" for one in row["ratios"])
    return f"{rates}; {ratios}; {row['whole_attack']['efficiency']:.0%} of the bare evaluator"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--models", nargs="+", default=MODELS)
    parser.add_argument("--image-size", type=int, nargs="+", default=[224])
    parser.add_argument("--generations", type=int, default=4)
    parser.add_argument("--turns", type=int, default=2)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/torch-peers.json"))
    options = parser.parse_args()
    rows: dict[str, Any] = {}
    for name in options.models:
        for size in options.image_size:
            rows[f"{name} {size}"] = measure(name, size, options.generations, options.turns)
            print(name, size, summary(rows[f"{name} {size}"]), flush=True)
            content = {"rows": rows, "environment": describe_environment(), "machine": describe_machine()}
            options.out.parent.mkdir(parents=True, exist_ok=True)
            options.out.write_text(json.dumps(content, indent=1, default=str) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
