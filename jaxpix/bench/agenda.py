"""What a visit to a GPU measures, the most valuable first."""

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from ..config import ModelName, SearchPrecision
from ..errors import InputError
from .workbench import Scale, Workbench

Work = Callable[[Workbench], Iterator[Any]]


@dataclasses.dataclass(frozen=True)
class Measurement:
    """One line of the agenda.

    Attributes:
        name: what a person types.
        seconds: that it may take, making and compiling what it needs included.
        work: yields its row as soon as there is one, and again when it knows more.
    """

    name: str
    seconds: float
    work: Work


@dataclasses.dataclass(frozen=True)
class Setting:
    """What the agenda is about.

    Attributes:
        scale: how large everything is.
        resnet, densenet: the networks.
        compared: the network that peers attack, too; torch must have it.
        peers: whom jaxpix is compared with.
        more_pixels: K besides 1.
        small, usual, large: candidates that bare evaluators judge in one call.
        train_batch: images of a training step.
        fast, exact: precisions.
    """

    scale: Scale
    resnet: ModelName
    densenet: ModelName
    compared: ModelName
    peers: tuple[str, ...]
    more_pixels: int
    small: int
    usual: int
    large: int
    train_batch: int
    fast: SearchPrecision
    exact: tuple[SearchPrecision, SearchPrecision]


ON_GPU = Setting(
    Scale(224, population=100, generations=100, images=64, rounds=4, repeats=5, attack_repeats=2),
    resnet="resnet50",
    densenet="densenet121",
    compared="resnet50",
    peers=("torch-forward", "torchattacks"),
    more_pixels=3,
    small=400,
    usual=1600,
    large=6400,
    train_batch=64,
    fast="bfloat16",
    exact=("tfloat32", "float32"),
)

# One of each kind for a CPU, to rehearse; what is the same as before costs no second compilation.
IN_SMALL = Setting(
    Scale(
        16, population=5, generations=1, images=4, rounds=1, repeats=1, attack_repeats=2, enough_seconds=0.0
    ),
    resnet="resnet14",
    densenet="resnet14",
    compared="resnet50",
    peers=("torch-forward",),
    more_pixels=1,
    small=5,
    usual=5,
    large=5,
    train_batch=2,
    fast="float32",
    exact=("float32", "float32"),
)


def agenda_of(setting: Setting) -> tuple[Measurement, ...]:
    """The measurements in order."""
    its = setting
    resnet, densenet, fast, more = its.resnet, its.densenet, its.fast, its.more_pixels
    lower, full = its.exact
    lines: Sequence[tuple[str, float, Work]] = (
        ("attack", 150, lambda bench: bench.whole_attack(resnet, 1, fast)),
        ("incremental", 60, lambda bench: bench.forward(resnet, "incremental", 1, fast, its.usual)),
        ("dense", 50, lambda bench: bench.forward(resnet, "dense", 1, fast, its.usual)),
        ("attack-k3", 120, lambda bench: bench.whole_attack(resnet, more, fast)),
        ("incremental-k3", 60, lambda bench: bench.forward(resnet, "incremental", more, fast, its.usual)),
        ("peers", 90, lambda bench: bench.comparison(its.compared, fast, its.peers)),
        ("densenet-dense", 75, lambda bench: bench.forward(densenet, "dense", 1, fast, its.usual)),
        (
            "densenet-incremental",
            75,
            lambda bench: bench.forward(densenet, "incremental", 1, fast, its.usual),
        ),
        ("full", 90, lambda bench: bench.full_attack(resnet, 1, fast)),
        ("train", 60, lambda bench: bench.training_step(resnet, _trained(fast), its.train_batch)),
        ("incremental-small", 45, lambda bench: bench.forward(resnet, "incremental", 1, fast, its.small)),
        ("incremental-large", 45, lambda bench: bench.forward(resnet, "incremental", 1, fast, its.large)),
        ("dense-large", 45, lambda bench: bench.forward(resnet, "dense", 1, fast, its.large)),
        ("tf32-incremental", 45, lambda bench: bench.forward(resnet, "incremental", 1, lower, its.usual)),
        ("tf32-dense", 45, lambda bench: bench.forward(resnet, "dense", 1, lower, its.usual)),
        ("float32-incremental", 45, lambda bench: bench.forward(resnet, "incremental", 1, full, its.usual)),
        ("float32-dense", 45, lambda bench: bench.forward(resnet, "dense", 1, full, its.usual)),
        ("densenet-attack", 120, lambda bench: bench.whole_attack(densenet, 1, fast)),
    )
    return tuple(Measurement(*line) for line in lines)


def _trained(precision: SearchPrecision) -> Any:
    return "bfloat16" if precision == "bfloat16" else "float32"


def chosen(agenda: Sequence[Measurement], steps: Sequence[str]) -> list[Measurement]:
    """The measurements of these names, in the order of the agenda; all, where none is named.

    Raises:
        InputError: a name that is not in the agenda.
    """
    names = [one.name for one in agenda]
    for step in steps:
        if step not in names:
            raise InputError(f"unknown step {step!r}; allowed: {', '.join(names)}")
    return [one for one in agenda if not steps or one.name in steps]


def with_limits(agenda: Sequence[Measurement], limits: Sequence[str]) -> list[Measurement]:
    """The agenda with other limits, `NAME=SECONDS` each.

    Raises:
        InputError: anything else, or a name that is not in the agenda.
    """
    seconds: dict[str, float] = {}
    for text in limits:
        name, _, value = text.partition("=")
        chosen(agenda, [name])
        try:
            seconds[name] = float(value)
        except ValueError:
            seconds[name] = 0.0
        if not 0 < seconds[name] < float("inf"):
            raise InputError(f"--limits: expected NAME=SECONDS with seconds above 0, got {text!r}")
    return [dataclasses.replace(one, seconds=seconds.get(one.name, one.seconds)) for one in agenda]
