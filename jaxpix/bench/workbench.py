"""What the measurements of a visit share: networks, compiled attacks and evaluators, each made once.

Every measurement yields its row as soon as there is one, and again when it knows more.
"""

import dataclasses
import functools
from collections.abc import Callable, Iterator, Sequence

from ..attack.experiments import Attack
from ..config import AttackConfig, EngineConfig, ModelName, Precision, SearchPrecision
from ..search.evaluators import make_evaluator
from .attacks import beside_bare, jaxpix_contender, run_attack, warm_up, whole_attack
from .comparison import compare_in_turns
from .options import EvaluatorName
from .peers import agreement_with_torch, check_peers, missing, peer_contender
from .rows import Comparison, Forward, TrainingStep, WholeAttack
from .subjects import Subject, hardest, random_subject, repeated
from .throughput import Bare, compile_bare, grouped, time_forward
from .training import measure_training_step


@dataclasses.dataclass(frozen=True)
class Scale:
    """How large everything is.

    Attributes:
        image_size: side of the images in pixels.
        population, generations: of every attack.
        images, rounds: distinct images of a whole attack, and how often each is attacked.
        repeats: timed runs of bare evaluators, training steps and matrix products.
        attack_repeats: timed runs of whole attacks, and turns of comparisons.
        enough_seconds: attacks that together ran for so long are not repeated.
    """

    image_size: int
    population: int
    generations: int
    images: int
    rounds: int
    repeats: int
    attack_repeats: int
    enough_seconds: float = 25.0


class Workbench:
    """Measures; what two measurements need is made by the first."""

    def __init__(self, scale: Scale, matrix_rate: Callable[[SearchPrecision], float]):
        self.scale, self._matrix_rate = scale, matrix_rate
        self.subject = functools.cache(self._subject)
        self.attack = functools.cache(self._attack)
        self.bare = functools.cache(self._bare)

    def _subject(self, model: ModelName) -> Subject:
        """A network and distinct images."""
        return random_subject(model, self.scale.image_size, self.scale.images)

    def _attack(self, model: ModelName, num_pixels: int, precision: SearchPrecision) -> tuple[Attack, float]:
        """An attack that is warmed up, and how long compiling it took."""
        config = AttackConfig(
            num_pixels=num_pixels,
            population=self.scale.population,
            generations=self.scale.generations,
            precision=precision,
        )
        subject = self.subject(model)
        attack = Attack(subject.victim, config, EngineConfig(evaluator="incremental"))
        return attack, warm_up(attack, subject.images[0], subject.labels[0])

    def _bare(
        self,
        model: ModelName,
        evaluator: EvaluatorName,
        num_pixels: int,
        precision: SearchPrecision,
        size: tuple[int, int],
    ) -> Bare:
        """An evaluator compiled for g populations of P candidates, `size`."""
        subject, config = self.subject(model), EngineConfig(evaluator=evaluator)
        made = make_evaluator(subject.victim, num_pixels, precision, config)
        return compile_bare(made, subject.images, num_pixels, *size, self.scale.repeats)

    def forward(
        self,
        model: ModelName,
        evaluator: EvaluatorName,
        num_pixels: int,
        precision: SearchPrecision,
        batch: int,
    ) -> Iterator[Forward]:
        """A bare evaluator on `batch` candidates."""
        size = grouped(batch, self.scale.population)
        bare = self.bare(model, evaluator, num_pixels, precision, size)
        yield time_forward(
            bare,
            self.subject(model).victim.name,
            num_pixels,
            precision,
            repeats=self.scale.repeats,
            matrix_rate=self._matrix_rate(precision),
        )

    def whole_attack(
        self, model: ModelName, num_pixels: int, precision: SearchPrecision, *, full: bool = False
    ) -> Iterator[WholeAttack]:
        """An attack on images of mixed difficulty: after its first run, after all, and beside the evaluator.

        `full`: on a quarter of the images, so hard that no attack ends before its last query.
        """
        images = self.subject(model)
        if full:
            images = hardest(images, max(1, self.scale.images // 4))
        subject = repeated(images, self.scale.rounds)
        attack, compile_seconds = self.attack(model, num_pixels, precision)
        runs = []
        for _ in range(self.scale.attack_repeats):
            runs.append(run_attack(attack, subject))
            yield whole_attack(attack, subject, compile_seconds, runs)
            if sum(run.seconds for run in runs) >= self.scale.enough_seconds:
                break
        size = attack.engine.layout.group, attack.search.population
        bare = self.bare(model, "incremental", num_pixels, precision, size)
        timing = bare.time(self.scale.repeats)
        row = whole_attack(attack, subject, compile_seconds, runs)
        yield beside_bare(row, attack, bare, timing, self._matrix_rate(precision))

    def training_step(self, model: ModelName, precision: Precision, batch: int) -> Iterator[TrainingStep]:
        """A step of training."""
        image_shape = self.scale.image_size, self.scale.image_size, 3
        yield measure_training_step(
            model,
            image_shape,
            num_classes=3,
            precision=precision,
            batch=batch,
            repeats=self.scale.repeats,
            matrix_rate=self._matrix_rate("tfloat32" if precision == "float32" else precision),
        )

    def comparison(
        self, model: ModelName, precision: SearchPrecision, peers: Sequence[str]
    ) -> Iterator[Comparison]:
        """The attack with one pixel beside those peers that are installed, after each turn.

        Raises:
            InputError: none of them is.
        """
        here = [name for name in peers if not missing(name)]
        check_peers(here or peers)
        attack, _ = self.attack(model, 1, precision)
        subject = self.subject(model)
        # An image that no attack confuses: like the peers, jaxpix runs all its generations.
        one = hardest(subject, 1)
        contenders = [jaxpix_contender(one, attack)]
        contenders += [peer_contender(one, name, "shipped", attack.config) for name in here]
        begun = Comparison(subject.victim.name, self.scale.image_size, 1, precision, one.source, {})
        for row in compare_in_turns(begun, contenders, self.scale.attack_repeats):
            yield row
        yield dataclasses.replace(row, agreement=agreement_with_torch(subject, ["shipped"]))
