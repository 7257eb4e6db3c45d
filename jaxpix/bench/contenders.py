"""Who takes part in a comparison: jaxpix in its variants and the peers, each ready to attack one image."""

import dataclasses
import functools
import importlib.util
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import jax

from ..attack.experiments import Attack
from ..config import AttackConfig, EngineConfig, Precision
from ..errors import InputError
from ..search.presets import search_of
from .attacks import jobs_of, run_attack, warm_up
from .installing import INSTALL
from .libraries import peer_named
from .peers import LayoutName, run_peer
from .subjects import Subject


class Run(NamedTuple):
    """One timed attack."""

    candidates: int
    seconds: float
    population: int
    generations: int
    notes: str
    versions: Mapping[str, str]


@dataclasses.dataclass(frozen=True)
class Contender:
    """Who runs.

    Attributes:
        name: "jaxpix incremental", "art".
        setting: of a peer, its model's layout; of jaxpix, how many copies of the image it attacks together.
        is_jaxpix: or else a peer.
        precision: of its network.
        run: does one attack.
    """

    name: str
    setting: str
    is_jaxpix: bool
    precision: str
    run: Callable[[], Run]


def check_peers(names: Sequence[str]) -> None:
    """Refuse peers that cannot run, before anything is measured.

    Raises:
        InputError: an unknown peer, or a package that is not installed.
    """
    for name in names:
        for module in filter(None, ("torch", "torchvision", peer_named(name).module)):
            if importlib.util.find_spec(module) is None:
                raise InputError(f"peer {name!r} needs {module}, which is not installed: {INSTALL}")


def torch_device() -> str:
    """Torch's name for the kind of device that JAX uses."""
    return "cpu" if jax.default_backend() == "cpu" else "cuda"


def jaxpix_contenders(subject: Subject, config: AttackConfig, engine: EngineConfig) -> list[Contender]:
    """jaxpix, compiled, on one image and, on GPUs, on as many copies of it as there are slots.

    Each copy has its own seed.
    """
    contenders = []
    for slots in (1,) if jax.default_backend() == "cpu" else (1, None):
        attack = Attack(subject.victim, config, dataclasses.replace(engine, slots=slots))
        warm_up(attack, subject)
        contenders.append(jaxpix_contender(subject, attack))
    return contenders


def jaxpix_contender(subject: Subject, attack: Attack) -> Contender:
    """An attack that is compiled already, on as many copies of the subject's one image as it has slots."""
    copies = attack.engine.layout.num_slots
    together = dataclasses.replace(
        subject, images=subject.images.repeat(copies, 0), labels=subject.labels.repeat(copies, 0)
    )
    name = attack.engine.problem.evaluator.name.partition(" (")[0]
    setting = "1 image" if copies == 1 else f"{copies} images"
    run = functools.partial(_run_jaxpix, attack, together)
    return Contender(f"jaxpix {name}", setting, True, attack.config.precision, run)


def _run_jaxpix(attack: Attack, subject: Subject) -> Run:
    done = run_attack(attack, jobs_of(attack, subject))
    search = attack.search
    notes = f"whole attack, search and verification included; {attack.engine.problem.evaluator.name}"
    return Run(done.candidates, done.seconds, search.population, search.generations, notes, {})


def peer_contender(subject: Subject, name: str, layout: LayoutName, config: AttackConfig) -> Contender:
    """A peer on the subject's one image."""
    precision: Precision = "bfloat16" if config.precision == "bfloat16" else "float32"

    def run() -> Run:
        done = run_peer(
            name,
            subject.victim,
            subject.images[0],
            int(subject.labels[0].argmax()),
            num_pixels=config.num_pixels,
            population=search_of(config).population,
            generations=config.generations,
            layout=layout,
            device=torch_device(),
            precision=precision,
        )
        notes = f"{done.notes}; {done.threads} threads" if done.device == "cpu" else done.notes
        return Run(done.candidates, done.seconds, done.population, done.generations, notes, done.versions)

    return Contender(name, layout, False, precision, run)
