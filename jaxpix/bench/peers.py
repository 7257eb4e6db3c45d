"""What one would otherwise run: attack libraries and plain torch, timed on one image with the victim's weights.

Candidates are counted at the model's door: every image that a peer lets the network judge counts, those of
its own success tests too. No run stops early, so all peers do whole generations.
"""

import contextlib
import dataclasses
import importlib
import importlib.metadata
import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Literal

import numpy as np

from ..config import Precision
from ..errors import InputError
from ..victim.victim import Victim
from .installing import INSTALL
from .libraries import SMALLEST_POPULATION, Attack, Request, batch_of, peer_named

if TYPE_CHECKING:
    from .torch_models import Door

LayoutName = Literal["shipped", "channels_last", "folded", "folded_channels_last"]

_WARM_UP_ON_CPU = 4


@dataclasses.dataclass(frozen=True)
class PeerRun:
    """A timed run.

    Attributes:
        name: key of `PEERS`.
        layout, device, precision: as asked.
        population, generations: what the peer ran.
        candidates: images that passed the model's door.
        seconds: wall time of the attack; imports, model building and warm-up are not in it.
        threads: torch's threads on the CPU.
        versions: package to version.
        notes: what was called.
    """

    name: str
    layout: str
    device: str
    precision: str
    population: int
    generations: int
    candidates: int
    seconds: float
    threads: int
    versions: Mapping[str, str]
    notes: str

    @property
    def candidates_per_second(self) -> float:
        """Candidates over seconds."""
        return self.candidates / self.seconds


def run_peer(
    name: str,
    victim: Victim,
    image: np.ndarray,
    label: int,
    *,
    num_pixels: int = 1,
    population: int = 100,
    generations: int = 2,
    layout: LayoutName = "shipped",
    device: str = "cpu",
    precision: Precision = "float32",
) -> PeerRun:
    """Time one peer's attack on one image.

    Args:
        name: key of `PEERS`.
        victim: multiclass ResNet50 or DenseNet121 of `Victim.from_model`, `from_torchvision` or `load`.
        image: uint8 [H, W, C].
        label: its class, which the attack tries to leave.
        num_pixels: K.
        population: P, at least 5. `torchattacks` rounds it down to a multiple of the genes; `art` has its own.
        generations: after the first population, at least 1. `art` runs as many of its larger ones as hold
            the same number of candidates, and at least one.
        layout: key of `torch_models.LAYOUTS`.
        device: `cpu` or `cuda`.
        precision: `float32` as torch ships it (on GPUs convolutions in TF32), or `bfloat16` by autocast.

    Raises:
        InputError: an unknown name or layout, a package that is not installed, or a victim, image, label,
            number or device that cannot be used.
    """
    peer = peer_named(name)
    request = _check(victim, image, label, num_pixels, population, generations)
    _need(name, "torch", peer.module)
    import torch

    from .torch_models import LAYOUTS, torch_model

    if layout not in LAYOUTS:
        raise InputError(f"unknown layout {layout!r}; allowed: {', '.join(LAYOUTS)}")
    chosen = LAYOUTS[layout]
    door = torch_model(victim, layout=chosen, device=device, precision=precision, white=peer.white)
    attack = peer.prepare(door, request)
    with _cudnn_measures(chosen.inference_mode):
        _warm_up(door, attack, request.image)
        door.images = 0
        began = time.perf_counter()
        attack.run()
        door.synchronize()
        seconds = time.perf_counter() - began
    packages = ["torch", "torchvision", *filter(None, [peer.package])]
    return PeerRun(
        name=name,
        layout=layout,
        device=device,
        precision=precision,
        population=attack.population,
        generations=attack.generations,
        candidates=door.images,
        seconds=seconds,
        threads=torch.get_num_threads(),
        versions={package: importlib.metadata.version(package) for package in packages},
        notes=attack.notes,
    )


def _check(
    victim: Victim,
    image: np.ndarray,
    label: int,
    num_pixels: int,
    population: int,
    generations: int,
) -> Request:
    num_classes = len(victim.class_names)
    if victim.task != "multiclass":
        raise InputError(f"no peer attacks label sets: expected a multiclass victim, got a {victim.task} one")
    if image.dtype != np.uint8 or image.shape != victim.input_shape:
        expected = f"uint8 image {list(victim.input_shape)}"
        raise InputError(f"expected a {expected}, got {image.dtype} {list(image.shape)}")
    if not 0 <= label < num_classes:
        raise InputError(f"expected a label between 0 and {num_classes - 1}, got {label}")
    smallest = {"num_pixels": 1, "population": SMALLEST_POPULATION, "generations": 1}
    given = {"num_pixels": num_pixels, "population": population, "generations": generations}
    for what, least in smallest.items():
        if given[what] < least:
            raise InputError(f"expected {what} of at least {least}, got {given[what]}")
    return Request(image, label, num_classes, num_pixels, population, generations)


def _need(name: str, *modules: str) -> None:
    for module in filter(None, modules):
        try:
            importlib.import_module(module)
        except ImportError as error:
            raise InputError(f"peer {name!r} needs {module} ({error}): {INSTALL}") from None


@contextlib.contextmanager
def _cudnn_measures(measures: bool) -> Iterator[None]:
    import torch

    before = torch.backends.cudnn.benchmark
    torch.backends.cudnn.benchmark = measures
    try:
        yield
    finally:
        torch.backends.cudnn.benchmark = before


def _warm_up(door: "Door", attack: Attack, image: np.ndarray) -> None:
    """Evaluate each batch size once; a few images on a CPU, which plans nothing by batch size."""
    import torch

    sizes = attack.batches if door.device == "cuda" else (_WARM_UP_ON_CPU,)
    for size in sizes:
        with torch.no_grad():
            door(batch_of(door, image, size))
    door.synchronize()
