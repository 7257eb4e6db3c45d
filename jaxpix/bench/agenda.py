"""What a visit to a GPU measures, the most valuable first."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import jax

from ..errors import InputError
from ..storage.settings import to_plain
from .options import without_tfloat32
from .results import Results
from .visit import Measurement, Visit
from .workbench import Scale, Workbench

if TYPE_CHECKING:
    from ..config import ModelName, SearchPrecision
    from .options import VisitOptions


@dataclasses.dataclass(frozen=True)
class Setting:
    """What the agenda is about.

    Attributes:
        scale: how large everything is.
        resnet, densenet: the networks.
        peers: whom jaxpix is compared with.
        more_pixels: K besides 1.
        small, usual, large: candidates that bare evaluators judge in one call.
        train_batch: images of a training step.
        fast, exact: precisions; training is fast.
    """

    scale: Scale
    resnet: ModelName
    densenet: ModelName
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
    peers=("torch-forward",),
    more_pixels=1,
    small=5,
    usual=5,
    large=5,
    train_batch=2,
    fast="float32",
    exact=("float32", "float32"),
)


def agenda_of(setting: Setting, matrix_rate: Callable[[SearchPrecision], float]) -> tuple[Measurement, ...]:
    """The measurements in order; `matrix_rate`: operations per second of a large matrix product."""
    its, bench = setting, Workbench(setting.scale, matrix_rate)
    resnet, densenet, fast, more, usual = its.resnet, its.densenet, its.fast, its.more_pixels, its.usual
    lower, full = its.exact
    lines: Sequence[tuple[str, float, Callable[[], Iterator[Any]]]] = (
        ("attack", 150, lambda: bench.whole_attack(resnet, 1, fast)),
        ("incremental", 60, lambda: bench.forward(resnet, "incremental", 1, fast, usual)),
        ("dense", 50, lambda: bench.forward(resnet, "dense", 1, fast, usual)),
        ("attack-k3", 120, lambda: bench.whole_attack(resnet, more, fast)),
        ("incremental-k3", 60, lambda: bench.forward(resnet, "incremental", more, fast, usual)),
        # In small, too, a network that torch has.
        ("peers", 90, lambda: bench.comparison("resnet50", fast, its.peers)),
        ("densenet-dense", 75, lambda: bench.forward(densenet, "dense", 1, fast, usual)),
        ("densenet-incremental", 75, lambda: bench.forward(densenet, "incremental", 1, fast, usual)),
        ("full", 90, lambda: bench.whole_attack(resnet, 1, fast, full=True)),
        ("train", 60, lambda: bench.training_step(resnet, without_tfloat32(fast), its.train_batch)),
        ("incremental-small", 45, lambda: bench.forward(resnet, "incremental", 1, fast, its.small)),
        ("incremental-large", 45, lambda: bench.forward(resnet, "incremental", 1, fast, its.large)),
        ("dense-large", 45, lambda: bench.forward(resnet, "dense", 1, fast, its.large)),
        ("tf32-incremental", 45, lambda: bench.forward(resnet, "incremental", 1, lower, usual)),
        ("tf32-dense", 45, lambda: bench.forward(resnet, "dense", 1, lower, usual)),
        ("float32-incremental", 45, lambda: bench.forward(resnet, "incremental", 1, full, usual)),
        ("float32-dense", 45, lambda: bench.forward(resnet, "dense", 1, full, usual)),
        ("densenet-attack", 120, lambda: bench.whole_attack(densenet, 1, fast)),
    )
    return tuple(Measurement(*line) for line in lines)


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


def visit(options: VisitOptions, command: str) -> int:
    """Measure what the options name; the exit status, see `Visit.run`.

    Raises:
        InputError: an unknown step or limit, no GPU, or nothing to resume.
    """
    began = time.time()
    setting = IN_SMALL if options.small else ON_GPU
    told = {**to_plain(options), "began": began}
    results = Results(options.out, options.name, command, told, setting.scale.repeats)
    agenda = with_limits(agenda_of(setting, results.rates.of), options.limits)
    agenda = chosen(agenda, options.steps)
    if options.resume and options.name is None:
        raise InputError("--resume needs the --name of the results to go on with")
    if not options.small and jax.default_backend() == "cpu":
        raise InputError("no GPU here: JAX found only the CPU; --small rehearses on it")
    if options.resume:
        results.restore()
    return Visit(agenda, results, options.seconds).run()
