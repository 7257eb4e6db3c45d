"""What measurements come to: a dataclass for the rows of each list in the results' file, keys in this order."""

import dataclasses
import statistics
from collections.abc import Mapping
from typing import Any


@dataclasses.dataclass(frozen=True)
class Timing:
    """Seconds of one call, one value per run."""

    seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        """Median seconds."""
        return statistics.median(self.seconds)

    def joined(self, other: "Timing") -> "Timing":
        """The runs of both."""
        return Timing(self.seconds + other.seconds)

    def to_plain(self) -> dict[str, Any]:
        """JSON-able: median, fastest, slowest, number of runs, and every run; in seconds."""
        return {
            "median": self.median,
            "fastest": min(self.seconds),
            "slowest": max(self.seconds),
            "runs": len(self.seconds),
            "seconds": list(self.seconds),
        }


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """What evaluates candidates: the first keys of `Forward` and `WholeAttack`."""

    model: str
    image_size: int
    evaluator: str
    num_pixels: int
    precision: str

    @property
    def title(self) -> str:
        """`resnet50 224`, and in a second line `dense K1 bfloat16`."""
        evaluator = self.evaluator.partition(" (")[0]
        return f"{self.model} {self.image_size}\n{evaluator} K{self.num_pixels} {self.precision}"


@dataclasses.dataclass(frozen=True)
class Forward(Evaluation):
    """The bare evaluation of candidates, without a search.

    Attributes:
        batch: candidates of one call: `group` images with `population` candidates each.
        compile_seconds: of the program.
        timing: of one call, compiled and warm.
        candidates_per_second: at the median.
        operations_per_candidate: floating-point operations of the compiled program, as the compiler counts
            them, or None.
        written_operations_per_candidate: the same of the program before it was compiled.
        fraction_of_matrix_rate: operations a second over those of a large matrix product of that precision.
        memory_bytes: arguments, results and temporaries of the program.
        base_seconds: what each image costs once; None for dense evaluation.
    """

    batch: int
    group: int
    population: int
    compile_seconds: float
    timing: Timing
    candidates_per_second: float
    operations_per_candidate: float | None
    written_operations_per_candidate: float | None
    fraction_of_matrix_rate: float | None
    memory_bytes: int | None
    base_seconds: float | None


@dataclasses.dataclass(frozen=True, kw_only=True)
class WholeAttack(Evaluation):
    """Attacks on many images through one engine.

    Attributes:
        population, generations: of the search, the first population not counted.
        source: what the images were.
        slots, group: experiments side by side, and populations evaluated together.
        compile_seconds: what the first experiment took longer than the second.
        timing: of the attack on all images.
        images, successes, refuted_hits: experiments, and what became of them.
        stopped_early: experiments that ended before their last generation.
        candidates: evaluated in one attack on all images.
        candidates_per_second, images_per_second: at the median.
        bare_candidates_per_second: of the evaluator alone on groups of the same shape, in the same process; None
            where it was not measured.
        efficiency: the former over the latter.
        fraction_of_matrix_rate: operations a second, as the compiler counts those of the evaluator alone, over
            those of a large matrix product of that precision; None where nobody counted.
        seconds_per_full_attack: on one image with all its queries, at the rate of this attack.
        slot_bytes: memory that the slots take.
    """

    population: int
    generations: int
    source: str
    slots: int
    group: int
    compile_seconds: float
    timing: Timing
    images: int
    successes: int
    refuted_hits: int
    stopped_early: int
    candidates: int
    candidates_per_second: float
    images_per_second: float
    bare_candidates_per_second: float | None = None
    efficiency: float | None = None
    fraction_of_matrix_rate: float | None = None
    seconds_per_full_attack: float
    slot_bytes: int


@dataclasses.dataclass(frozen=True)
class TrainingStep:
    """One step of training: loss, gradients, update.

    Attributes:
        model, image_size, precision, batch: what was measured; float32 runs as training runs it, on GPUs in
            TF32.
        compile_seconds, timing, memory_bytes, fraction_of_matrix_rate: as of `Forward`.
        images_per_second: at the median.
        operations_per_image, written_operations_per_image: as of `Forward`.
    """

    model: str
    image_size: int
    precision: str
    batch: int
    compile_seconds: float
    timing: Timing
    images_per_second: float
    operations_per_image: float | None
    written_operations_per_image: float | None
    fraction_of_matrix_rate: float | None
    memory_bytes: int | None


@dataclasses.dataclass(frozen=True)
class Standing:
    """How a contender ran; rates are candidates per second.

    Attributes:
        name, setting, is_jaxpix, precision: of the contender.
        population, generations, candidates: what one run did; a peer's may differ from what was asked.
        timing: of all runs.
        candidates_per_second: at the median.
        notes, versions: what was called.
    """

    name: str
    setting: str
    is_jaxpix: bool
    precision: str
    population: int
    generations: int
    candidates: int
    timing: Timing
    candidates_per_second: float
    notes: str
    versions: Mapping[str, str]


@dataclasses.dataclass(frozen=True)
class Ratio:
    """jaxpix' rate over a peer's, turn by turn; `median` is of all turns."""

    jaxpix: str
    peer: str
    median: float
    turns: tuple[float, ...]


@dataclasses.dataclass(frozen=True)
class Comparison:
    """One image attacked by everybody.

    Attributes:
        model, image_size, num_pixels, precision, source: what was attacked, and how.
        agreement: largest difference of torch's float32 logits from jaxpix', over the largest logit, by layout.
        standings: in the order of the first turn.
        ratios: every jaxpix over every peer.
    """

    model: str
    image_size: int
    num_pixels: int
    precision: str
    source: str
    agreement: Mapping[str, float]
    standings: tuple[Standing, ...] = ()
    ratios: tuple[Ratio, ...] = ()
