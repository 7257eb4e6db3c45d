"""What `python -m jaxpix.bench` is told, and what it takes where it is told nothing."""

import dataclasses
from pathlib import Path
from typing import Annotated, Any, Literal

import jax
import tyro
from pydantic import Field

from ..config import Count, ModelName, Precision, SearchPrecision, Seed
from ..errors import InputError

INSTALL = 'pip install "jaxpix[peers]", then pip install --no-deps torchvision torchattacks'
FOLDER = Path("benchmarks/results")

Measure = Literal["forward", "attack", "train", "peers"]
EvaluatorName = Literal["dense", "incremental"]
LayoutName = Literal["shipped", "channels_last", "folded", "folded_channels_last"]


@dataclasses.dataclass(frozen=True)
class BenchOptions:
    """Options of `python -m jaxpix.bench`; what is None is chosen by `resolved`."""

    measure: tuple[Measure, ...] | None = None
    """What is measured: `forward` (candidates of the bare evaluators), `attack` (whole attacks), `train` (the
    training step), `peers` (whole attacks beside other libraries'). Default: the first three; with --peers,
    the last."""
    models: tuple[ModelName, ...] | None = None
    """Architectures, with random weights. Default: resnet50; on GPUs also densenet121."""
    image_size: Annotated[int, Field(ge=8)] | None = None
    """Side of the images in pixels. Default: 224."""
    victim: Path | None = None
    """A trained victim and images of its data set, instead of `models`."""
    data_dir: Path = Path("data")
    """Folder that holds all prepared data sets; needed for `victim`."""
    evaluators: tuple[EvaluatorName, ...] = ("dense", "incremental")
    """How candidates are evaluated."""
    switch: str | None = None
    """Last layer computed incrementally ("layer3.0"). Default: by a model of the work."""
    num_pixels: tuple[Count, ...] | None = None
    """K, the pixels that change, one measurement each. Default: 1; on GPUs 1 2 3."""
    precision: tuple[SearchPrecision, ...] | None = None
    """Arithmetic, one measurement each. Training and peers take tfloat32 for float32. Default: float32; on GPUs
    bfloat16."""
    population: Annotated[int, Field(ge=5)] | None = None
    """P, candidates of a generation. Default: 100."""
    generations: Count | None = None
    """Generations of whole attacks after the first population. Default: 2; on GPUs 100."""
    images: Count | None = None
    """Images of a whole attack. Default: 6; on GPUs 256."""
    difficulty: Literal["mixed", "full"] = "mixed"
    """`mixed`: some attacks succeed at once, some later, some never. `full`: none succeeds, so that every one
    spends all its queries; not for `victim`."""
    batches: tuple[Count, ...] | None = None
    """Candidates evaluated together by the bare evaluators, one measurement each. Default: one population; on
    GPUs 400 1600 6400."""
    slots: tuple[Count, ...] = ()
    """Experiments side by side in whole attacks, one measurement each. Default: by device and memory."""
    train_batch: tuple[Count, ...] | None = None
    """Images of a training step, one measurement each. Default: 16; on GPUs 64 256."""
    peers: tuple[str, ...] = ()
    """art, torchattacks, numpy-de, torch-forward (the bare network in torch); needs the extra `peers`."""
    peer_layouts: tuple[LayoutName, ...] = ("shipped", "channels_last")
    """How the peers' model lies in memory: shipped, channels_last, folded, folded_channels_last."""
    repeats: Count | None = None
    """Timed runs, of which the median is given. Default: 3; on GPUs 5."""
    quick: bool = False
    """A small network, small images, few generations: under a minute on two CPU cores."""
    seed: Seed = 0
    """Seeds random weights, images and searches."""
    out: Path = FOLDER
    """Folder of the results: NAME.json and plots."""
    name: str | None = None
    """NAME of the results. Default: date and device."""

    def __post_init__(self) -> None:
        # Both `--peers art torchattacks` and `--peers art,torchattacks` are natural to type.
        names = [name.strip() for given in self.peers for name in given.split(",")]
        object.__setattr__(self, "peers", tuple(name for name in names if name))


_QUICK: dict[str, Any] = {
    "models": ("resnet14",),
    "image_size": 48,
    "num_pixels": (1,),
    "population": 20,
    "generations": 4,
    "images": 12,
    "batches": (40,),
    "train_batch": (8,),
    "repeats": 2,
}
_CPU: dict[str, Any] = {
    "models": ("resnet50",),
    "image_size": 224,
    "num_pixels": (1,),
    "precision": ("float32",),
    "population": 100,
    "generations": 2,
    "images": 6,
    "batches": (100,),
    "train_batch": (16,),
    "repeats": 3,
}
_GPU: dict[str, Any] = {
    **_CPU,
    "models": ("resnet50", "densenet121"),
    "num_pixels": (1, 2, 3),
    "precision": ("bfloat16",),
    "generations": 100,
    "images": 256,
    "batches": (400, 1600, 6400),
    "train_batch": (64, 256),
    "repeats": 5,
}


@dataclasses.dataclass(frozen=True)
class Plan:
    """`BenchOptions` with every choice made; see there."""

    measure: tuple[Measure, ...]
    models: tuple[ModelName, ...]
    image_size: int
    num_pixels: tuple[int, ...]
    precision: tuple[SearchPrecision, ...]
    population: int
    generations: int
    images: int
    batches: tuple[int, ...]
    slots: tuple[int | None, ...]
    train_batch: tuple[int, ...]
    repeats: int


def resolved(options: BenchOptions) -> Plan:
    """The options, then those of `quick`, then what suits the device.

    Raises:
        InputError: options that contradict each other.
    """
    if options.victim is not None and options.models is not None:
        raise InputError("--victim and --models exclude each other: a victim has its own network")
    if options.victim is not None and options.difficulty == "full":
        raise InputError("--difficulty full is for --models; a victim's attacks succeed where they can")
    if "peers" in (options.measure or ()) and not options.peers:
        raise InputError("--measure peers needs --peers art torchattacks numpy-de, or some of them")
    by_device = _CPU if jax.default_backend() == "cpu" else _GPU
    defaults = {**by_device, **(_QUICK if options.quick else {})}
    defaults["measure"] = ("peers",) if options.peers else ("forward", "attack", "train")
    if options.quick and options.peers:
        # Torch has no resnet14.
        defaults["models"] = ("resnet50",)
    defaults["slots"] = (None,)
    names = [field.name for field in dataclasses.fields(Plan)]
    given = {name: getattr(options, name) for name in names}
    return Plan(**{name: defaults[name] if given[name] in (None, ()) else given[name] for name in names})


def without_tfloat32(precision: SearchPrecision) -> Precision:
    """The precision of training and of torch, whose float32 is what the backend makes of it: on GPUs TF32."""
    return "bfloat16" if precision == "bfloat16" else "float32"


@dataclasses.dataclass(frozen=True)
class VisitOptions:
    """Options of `python -m jaxpix.bench visit`."""

    steps: tyro.conf.Positional[tuple[str, ...]] = ()
    """Measurements, of those that an unknown name lists. Default: all, the most valuable first."""
    small: bool = False
    """Tiny networks on a CPU, to rehearse."""
    seconds: Annotated[float, Field(gt=0)] = 360.0
    """Time for everything, counted from the start of the first process."""
    limits: tuple[str, ...] = ()
    """NAME=SECONDS: what a measurement may take, instead of what the agenda says."""
    out: Path = FOLDER
    """Folder of the results."""
    name: str | None = None
    """NAME.json holds the results. Default: date and device."""
    resume: bool = False
    """Go on with the results of that name, behind what they call measured, given up or crashed."""
