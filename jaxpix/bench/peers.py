"""What one would otherwise run: attack libraries and plain torch, timed on one image with the victim's weights.

Candidates are counted at the model's door: every image that a peer lets the network judge counts, those of
its own success tests too. No run stops early, so all peers do whole generations.
"""

from __future__ import annotations

import functools
import importlib
import importlib.metadata
import importlib.util
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import jax
import numpy as np

from ..errors import InputError
from ..search.presets import search_of
from .comparison import Contender, Run
from .libraries import PEERS, SMALLEST_POPULATION, Request, batch_of
from .options import INSTALL, without_tfloat32

if TYPE_CHECKING:
    from ..config import AttackConfig
    from .libraries import Attack, Peer
    from .subjects import Subject
    from .torch_models import Door

_WARM_UP_ON_CPU = 4


def peer_named(name: str) -> Peer:
    """The entry of `PEERS`.

    Raises:
        InputError: there is none of that name.
    """
    if name not in PEERS:
        raise InputError(f"unknown peer {name!r}; allowed: {', '.join(PEERS)}")
    return PEERS[name]


def missing(name: str) -> list[str]:
    """Modules that the peer needs and that are not installed."""
    modules = filter(None, ("torch", "torchvision", peer_named(name).module))
    return [module for module in modules if importlib.util.find_spec(module) is None]


def check_peers(names: Sequence[str]) -> None:
    """Refuse peers that cannot run, before anything is measured.

    Raises:
        InputError: an unknown peer, or a package that is not installed.
    """
    for name in names:
        for module in missing(name):
            raise InputError(f"peer {name!r} needs {module}, which is not installed: {INSTALL}")


def peer_contender(subject: Subject, name: str, layout: str, config: AttackConfig) -> Contender:
    """A peer on the subject's first image; see `run_peer`."""
    run = functools.partial(run_peer, name, subject, config, layout=layout, device=torch_device())
    return Contender(name, layout, False, without_tfloat32(config.precision), run)


def torch_device() -> str:
    """Torch's name for the kind of device that JAX uses."""
    return "cpu" if jax.default_backend() == "cpu" else "cuda"


def run_peer(
    name: str, subject: Subject, config: AttackConfig, *, layout: str = "shipped", device: str = "cpu"
) -> Run:
    """Time one peer's attack on the subject's first image, which tries to leave the image's class.

    Args:
        name: key of `PEERS`.
        subject: its victim is a multiclass ResNet or DenseNet of torchvision's, by `Victim.from_model`,
            `from_torchvision` or `load`.
        config: K, P (at least 5), generations (at least 1) and precision; peers have a search of their own.
            `torchattacks` rounds P down to a multiple of the genes; `art` has its own, and runs as many of its
            larger generations as hold the same number of candidates, at least one. Torch runs bfloat16 by
            autocast, and anything else as it ships (on GPUs convolutions in TF32).
        layout: key of `torch_models.LAYOUTS`.
        device: `cpu` or `cuda`.

    Raises:
        InputError: an unknown name or layout, a package that is not installed, or a victim, image, number or
            device that cannot be used.
    """
    peer, request = peer_named(name), _request(subject, config)
    _need(name, "torch", peer.module)
    from .torch_models import LAYOUTS, torch_model

    if layout not in LAYOUTS:
        raise InputError(f"unknown layout {layout!r}; allowed: {', '.join(LAYOUTS)}")
    precision = without_tfloat32(config.precision)
    door = torch_model(
        subject.victim, layout=LAYOUTS[layout], device=device, precision=precision, white=peer.white
    )
    return timed(door, peer, peer.prepare(door, request), request.image)


def _request(subject: Subject, config: AttackConfig) -> Request:
    victim, image, population = subject.victim, subject.images[0], search_of(config).population
    if victim.task != "multiclass":
        raise InputError(f"no peer attacks label sets: expected a multiclass victim, got a {victim.task} one")
    if image.dtype != np.uint8 or image.shape != victim.input_shape:
        expected = f"uint8 image {list(victim.input_shape)}"
        raise InputError(f"expected a {expected}, got {image.dtype} {list(image.shape)}")
    for what, given, least in (
        ("population", population, SMALLEST_POPULATION),
        ("generations", config.generations, 1),
    ):
        if given < least:
            raise InputError(f"expected {what} of at least {least}, got {given}")
    label, num_classes = int(subject.labels[0].argmax()), len(victim.class_names)
    return Request(image, label, num_classes, config.num_pixels, population, config.generations)


def _need(name: str, *modules: str) -> None:
    for module in filter(None, modules):
        try:
            importlib.import_module(module)
        except ImportError as error:
            raise InputError(f"peer {name!r} needs {module} ({error}): {INSTALL}") from None


def timed(door: Door, peer: Peer, attack: Attack, image: np.ndarray) -> Run:
    """One attack of a peer that is ready, on a network behind a door that counts; warmed up before."""
    import torch

    from .torch_models import cudnn_set

    with cudnn_set("benchmark", door.layout.inference_mode):
        _warm_up(door, attack, image)
        door.images = 0
        began = time.perf_counter()
        attack.run()
        door.synchronize()
        seconds = time.perf_counter() - began
    threads = f"; {torch.get_num_threads()} threads" if door.device == "cpu" else ""
    packages = ["torch", "torchvision", *filter(None, [peer.package])]
    versions = {package: importlib.metadata.version(package) for package in packages}
    return Run(door.images, seconds, attack.population, attack.generations, attack.notes + threads, versions)


def _warm_up(door: Door, attack: Attack, image: np.ndarray) -> None:
    """Evaluate each batch size once; a few images on a CPU, which plans nothing by batch size."""
    import torch

    sizes = attack.batches if door.device == "cuda" else (_WARM_UP_ON_CPU,)
    for size in sizes:
        with torch.no_grad():
            door(batch_of(door, image, size))
    door.synchronize()


def agreement_with_torch(subject: Subject, layouts: Sequence[str], num_images: int = 1) -> dict[str, float]:
    """Largest difference of torch's float32 logits of the first images from jaxpix', over the largest, by layout."""
    from .torch_models import LAYOUTS, logit_agreement, torch_model

    victim, images, device = subject.victim, np.ascontiguousarray(subject.images[:num_images]), torch_device()
    doors = {name: torch_model(victim, layout=LAYOUTS[name], device=device) for name in layouts}
    return {name: logit_agreement(victim, door, images) for name, door in doors.items()}
