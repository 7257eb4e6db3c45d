"""What a run is told: frozen dataclasses, checked where they are built; also tables of a TOML file, and flags."""

import dataclasses
import functools
import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field, ValidationError
from pydantic.dataclasses import dataclass
from pydantic_core import PydanticCustomError

Task = Literal["multiclass", "multilabel"]
Fitness = Literal["confidence", "margin", "cosine"]
Preset = Literal["tsai2023", "su2019", "scipy", "best"]
SearchName = Literal["evolution", "exhaustive", "random", "shortlist", "sparse_rs"]
Bounds = Literal["clip", "redraw", "reflect"]
_ResNet = Literal["resnet18", "resnet34", "resnet50", "resnet101", "resnet152"]
ModelName = Literal[_ResNet, "densenet121", "densenet169", "densenet201", "resnet14"]
Precision = Literal["float32", "bfloat16"]
SearchPrecision = Literal["float32", "tfloat32", "bfloat16"]

TRAJECTORY_POINTS = 128
"""Values that a record has at most of the best fitness so far, however many generations an experiment may have."""

_STRICT = ConfigDict(extra="forbid", allow_inf_nan=False)


def _word(pattern: str, expected: str) -> BeforeValidator:
    def checked(value: object) -> str:
        if re.fullmatch(pattern, str(value), re.ASCII):
            return str(value)
        raise PydanticCustomError("word", "expected {expected}", {"expected": expected})

    return BeforeValidator(checked)


_LEVELS = r"corners|all|[2-9]|[1-9]\d|1\d\d|2[0-4]\d|25[0-6]"
Seed = Annotated[int, Field(ge=0, lt=2**32)]
Count = Annotated[int, Field(ge=1, lt=2**31)]  # Devices count in 32 bits.
Fraction = Annotated[float, Field(ge=0.0, le=1.0)]
Weight = Annotated[float, Field(gt=0.0, le=2.0)]
Levels = Annotated[str, _word(_LEVELS, "corners, all, or a number of levels from 2 to 256")]
Adversarial = Annotated[str, _word(r"corner-[1-9]\d{0,2}", "corner-N, N copies of each image, 1 to 999")]
# A word for the default, so that a flag can undo what a file says.
Init = Annotated[str | None, BeforeValidator(lambda value: None if value == "random" else value)]


class _Short:
    """Shown by what differs from the default: what one would type."""

    def __repr__(self) -> str:
        chosen = (
            f"{field.name}={getattr(self, field.name)!r}"
            for field in dataclasses.fields(self)  # type: ignore[arg-type]
            if getattr(self, field.name) != field.default
        )
        return f"{type(self).__name__}({', '.join(chosen)})"


@dataclass(frozen=True, kw_only=True, repr=False, config=_STRICT)
class PrepareConfig(_Short):
    """How a source tree becomes a prepared data set."""

    source: Path | None = None
    """Zip file or unpacked folder as downloaded; the phantoms need none."""
    image_size: Annotated[int, Field(ge=8, le=2048)] | None = None
    """Side of the square images that are stored, in pixels. Default: 224; MedMNIST: that of the file."""
    split: str | None = None
    """Split scheme, by name; each data set lists its own. Default: the paper's."""
    data_dir: Path = Path("data")
    """Folder that holds all prepared data sets."""
    allow_missing: bool = False
    """Go on when tables name images that are absent (a partial copy)."""
    max_corrupt: Annotated[int, Field(ge=0)] = 0
    """How many unreadable images may be skipped (each is listed)."""
    labels: Path | None = None
    """Label table beside `source`: a CSV for `folder`, the metadata for a source tree without one."""
    task: Task | None = None
    """`folder` with a table: whether each image has one class or any number of labels. Default: as the cells say."""
    image_column: str | None = None
    """`folder` with a table: the column that names images. Default: the one whose cells are files."""
    label_column: tuple[str, ...] | None = None
    """`folder` with a table: the column of labels, or several of 0 and 1, one a class. Default: by its name."""
    patient_column: str | None = None
    """`folder` with a table: the column of patients, who are then on one side of the split. Default: by its name."""
    patient_pattern: str | None = None
    """`folder`: regular expression that finds the patient in an image's path; its first group, if it has one."""
    split_column: str | None = None
    """`folder` with a table: the column that holds train, val or test. Default: by its name."""
    class_level: Annotated[int, Field(ge=1, le=8)] | None = None
    """`folder`: which folder is the class where folders lie within folders, counted from 1 inside train or test."""
    ignore: tuple[str, ...] | None = None
    """`folder`: folders or files that are left out, by name or pattern, such as `masks` or `*_mask.png`."""
    channels: Literal[1, 3] | None = None
    """Stored as grey (1) or colour (3; grey in equal channels). Default: as the source; `folder`: colour if any."""
    name: str | None = None
    """`folder` only: what the data set is called from then on."""
    normal_classes: tuple[str, ...] | None = None
    """`folder` only: classes that are no disease. Default: those called `normal` or `healthy`."""
    window: tuple[float, float] | None = None
    """Values that become black and white, of images deeper than 8 bits a channel. Default: the bits that all images
    together use; of DICOM files their own windows, else lowest to highest."""
    frames: Literal["first", "all"] = "first"
    """Which images of a file that holds several (DICOM, TIFF, animations). Default: the first."""
    num_images: Count | None = None
    """Phantoms only: images drawn, all splits together."""
    note: str | None = None
    """Said wherever a figure on these images is shown, such as that somebody had resized them. Given again for
    a prepared data set, it replaces the note; "" removes it."""
    seed: Seed = 0
    """Seeds random splits and drawn images."""


@dataclass(frozen=True, kw_only=True, repr=False, config=_STRICT)
class TrainConfig(_Short):
    """The recipe. The defaults are the paper's (4.2)."""

    model: ModelName = "resnet50"
    """Architecture. `resnet14` is a small one for demonstrations."""
    init: Init = None
    """Weights to start from: a torchvision/timm file, or `imagenet`; images are then normalised as ImageNet's.
    Default: `random`."""
    epochs: Count = 100
    """Most epochs that are trained."""
    batch_size: Count = 64
    """Images of one step, over all devices."""
    learning_rate: Annotated[float, Field(gt=0)] = 0.001
    """Learning rate at the start."""
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.9
    """Momentum of SGD."""
    nesterov: bool = False
    """Use Nesterov momentum."""
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    """Coupled L2 weight decay, as torch's SGD has it."""
    schedule: Literal["constant", "cosine"] = "constant"
    """Learning rate over the epochs."""
    warmup_epochs: Annotated[float, Field(ge=0)] = 0.0
    """Linear warm-up at the start, in epochs."""
    stop_accuracy: Fraction = 0.95
    """Stop once the validation accuracy reaches this; 1 trains all epochs. Multi-label: mean label accuracy is
    not a useful stop, so macro AUROC is compared instead."""
    class_weights: Literal["none", "balanced"] = "none"
    """`balanced`: each class weighs inversely to its frequency (multi-label: positives against negatives)."""
    validation_fraction: Annotated[float, Field(ge=0, lt=1)] = 0.1
    """Part of the training images held out to choose the best epoch and to stop, where no validation split
    exists. 0: the training accuracy decides."""
    augment: bool = False
    """Light augmentation: horizontal flip, shift up to 4 %, rotation up to 10 degrees."""
    include_normal: bool = False
    """Multi-label: also train on images without any label, as the paper does not (4.4); of a single label always."""
    adversarial: Adversarial | None = None
    """`corner-16`: each image is replaced by the worst of 16 copies (1 to 999) with one random pixel black or white
    in each channel; the loss decides, at the cost of as many forward passes. Default: images as they are."""
    precision: Precision = "float32"
    """Arithmetic of the convolutions while training; evaluation is always float32."""
    seed: Seed = 0
    """Seeds weights, order and augmentation."""


@dataclass(frozen=True, kw_only=True, repr=False, config=_STRICT)
class AttackConfig(_Short):
    """One attack, in full. None means: what the preset or the task says."""

    num_pixels: Count = 1
    """K, the pixels that may change."""
    fitness: Fitness | None = None
    """What is minimised. Default: `confidence`; of label sets `cosine`; of `shortlist`, `sparse_rs` `margin`."""
    target: str | None = None
    """Class (or `label|label` set, or `Normal` for none) to reach. Default: any other (untargeted)."""
    search: SearchName = "evolution"
    """How candidates are chosen; `exhaustive`: every position with every value of `values`, and sets of 2 or 3."""
    algorithm: str | None = None
    """An algorithm of evosax instead of differential evolution, such as CMA_ES; an unknown name lists all."""
    values: Levels | None = None
    """`exhaustive` only, levels of each channel: `corners` (0, 255; default), a number such as 17, `all` if grey."""
    mask: Path | None = None
    """`exhaustive` only: PNG of the images' size; where it is black no pixel may change. Default: all may."""
    worst: Count | None = None
    """`exhaustive` with 2, 3 pixels: how many of the worst positions make sets. Default: all up to 2,000,000 sets."""
    preset: Preset = "tsai2023"
    """Names every choice: `tsai2023` (the paper), `su2019`, `scipy` (what common tools run), `best` (finds most)."""
    population: Annotated[int, Field(ge=4, le=1_000_000)] | None = None
    """P, candidates of a generation."""
    generations: Annotated[int, Field(ge=0, lt=2**31)] = 100
    """Most generations after the initial one."""
    differential_weight: Weight | tuple[Weight, Weight] | None = None
    """F of the mutation; two values draw it anew for each generation (dither)."""
    crossover_rate: Fraction | None = None
    """1 is no crossover: the trial is the mutant."""
    strategy: Literal["rand1", "best1"] | None = None
    """Base vector of the mutation: a random member or the best."""
    initialisation: Literal["uniform", "gaussian"] | None = None
    """First population: uniform over the box, or intensities from N(128, 127)."""
    bounds: Bounds | None = None
    """What happens to a mutant outside the box."""
    stop_fraction: Annotated[float, Field(ge=0, lt=1)] | None = None
    """Stop when more than this part of a generation is adversarial (4.1); 0 stops at the first hit (3.2)."""
    precision: SearchPrecision = "float32"
    """Arithmetic of the search. Fewer bits are faster on GPUs; every hit is verified in float32 all the same."""
    seed: Seed = 0
    """Seeds the search; each image folds its id into it."""


@dataclass(frozen=True, kw_only=True, repr=False, config=_STRICT)
class EngineConfig(_Short):
    """How an attack is computed: changes speed and memory, results only by rounding (`evaluator`)."""

    evaluator: Literal["auto", "dense", "incremental"] = "auto"
    """`incremental` computes only what the changed pixels reach; `auto` takes what should be faster."""
    switch: str | None = None
    """Last named scope computed incrementally ("layer3.0"). Default: by a model of the work."""
    slots: Count | None = None
    """Experiments side by side. Default: by device and memory."""
    generations_per_call: Count | None = None
    """Generations between two looks at the device. Default: as many as take about a second, on GPUs less."""


@dataclass(frozen=True, kw_only=True, repr=False, config=_STRICT)
class RayConfig(_Short):
    """Workers on this machine or on many, by Ray; this process gives them work and keeps what they find."""

    ray: bool = False
    """Let workers do it: on the cluster that RAY_ADDRESS names, else on this machine."""
    workers: Count | None = None
    """How many. Default: one for each GPU, without GPUs one for each core (of --worker-cpus cores)."""
    worker_cpus: Count | None = None
    """Cores of a worker. Default: 1; without GPUs, all cores divided by --workers."""
    verbose: bool = False
    """Say what each worker does."""


def _in_plain_words(kind: type[Any]) -> None:
    """Let a pydantic dataclass say what is wrong as command lines do: in one line, without pydantic's links."""
    build = kind.__init__

    @functools.wraps(build)
    def init(self: Any, *args: Any, **values: Any) -> None:
        try:
            build(self, *args, **values)
        except ValidationError as error:
            found = error.errors(include_url=False, include_context=False)
            said = (f"{'.'.join(map(str, one['loc']))}: {one['msg']}, got {one['input']!r}" for one in found)
            raise ValueError(f"{kind.__name__}: {'; '.join(said)}") from None

    kind.__init__ = init


for _kind in (PrepareConfig, TrainConfig, AttackConfig, EngineConfig, RayConfig):
    _in_plain_words(_kind)
