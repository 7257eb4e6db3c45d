"""All measurements that a plan asks for, one after the other; each is kept as soon as it is done."""

import dataclasses
import functools
import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import jax

from ..config import AttackConfig, EngineConfig, SearchPrecision
from ..search.evaluators import make_evaluator
from ..search.layout import is_out_of_memory
from ..terminal.console import say
from .attacks import jaxpix_contenders, measure_attack
from .comparison import compare_in_turns
from .options import BenchOptions, EvaluatorName, LayoutName, Plan, without_tfloat32
from .peers import agreement_with_torch, check_peers, peer_contender
from .results import Results
from .rows import Comparison, Forward
from .subjects import Subject, random_subject, surest, trained_subject, unconfusable
from .tables import number, percent
from .throughput import compile_bare, grouped, time_forward
from .training import measure_training_step

Row = TypeVar("Row")

# Nothing stops before its last generation, as with the peers.
_NEVER = 0.999
_AGREEMENT_IMAGES = 4


class Session:
    """Measures what the options ask for and adds it to the results.

    Raises:
        InputError: a peer that is unknown or not installed.
    """

    def __init__(self, options: BenchOptions, plan: Plan, results: Results):
        check_peers(options.peers)
        self._options, self._plan, self._results = options, plan, results

    def run(self) -> None:
        """All measurements."""
        work = {"forward": self._forward, "attack": self._attack, "train": self._train, "peers": self._peers}
        for subject in self._subjects():
            for kind in self._plan.measure:
                work[kind](subject)

    def _subjects(self) -> Iterator[Subject]:
        options, plan = self._options, self._plan
        if options.victim is not None:
            yield trained_subject(options.victim, options.data_dir, plan.images, options.seed)
            return
        for name in plan.models:
            yield random_subject(name, plan.image_size, plan.images, options.seed)

    def _engine(self, evaluator: EvaluatorName, slots: int | None = None) -> EngineConfig:
        switch = self._options.switch if evaluator == "incremental" else None
        return EngineConfig(evaluator=evaluator, switch=switch, slots=slots)

    def _attack_config(self, num_pixels: int, precision: SearchPrecision) -> AttackConfig:
        plan = self._plan
        return AttackConfig(
            num_pixels=num_pixels,
            population=plan.population,
            generations=plan.generations,
            precision=precision,
            seed=self._options.seed,
        )

    def _forward(self, subject: Subject) -> None:
        options, plan = self._options, self._plan
        for precision, evaluator in itertools.product(plan.precision, options.evaluators):
            # Dense evaluation does not depend on K.
            pixels = plan.num_pixels[:1] if evaluator == "dense" else plan.num_pixels
            for num_pixels, batch in itertools.product(pixels, plan.batches):
                rate = self._results.rates.of(precision)
                measure = functools.partial(
                    self._bare, subject, evaluator, num_pixels, precision, batch, matrix_rate=rate
                )
                what = f"{subject.victim.name}, {evaluator}, K {num_pixels}, {precision}, batch {batch}"
                row = self._fitting(f"forward: {what}", measure)
                if row is not None:
                    self._results.add(row)
                    say(f"forward: {what}: {number(row.candidates_per_second)} candidates/s")

    def _bare(
        self,
        subject: Subject,
        evaluator: EvaluatorName,
        num_pixels: int,
        precision: SearchPrecision,
        batch: int,
        matrix_rate: float,
    ) -> Forward:
        victim, repeats = subject.victim, self._plan.repeats
        made = make_evaluator(victim, num_pixels, precision, self._engine(evaluator))
        size = grouped(batch, self._plan.population)
        bare = compile_bare(made, subject.images, num_pixels, *size, repeats)
        return time_forward(
            bare, victim.name, num_pixels, precision, repeats=repeats, matrix_rate=matrix_rate
        )

    def _attack(self, subject: Subject) -> None:
        options, plan = self._options, self._plan
        if options.difficulty == "full":
            subject = unconfusable(subject)
        every = itertools.product(plan.precision, options.evaluators, plan.num_pixels, plan.slots)
        for precision, evaluator, num_pixels, slots in every:
            config = self._attack_config(num_pixels, precision)
            engine = self._engine(evaluator, slots)
            rate = self._results.rates.of(precision)
            measure = functools.partial(
                measure_attack, subject, config, engine, repeats=plan.repeats, matrix_rate=rate
            )
            what = f"{subject.victim.name}, {evaluator}, K {num_pixels}, {precision}"
            row = self._fitting(f"attack: {what}, slots {slots or 'by default'}", measure)
            if row is not None:
                self._results.add(row)
                speed, kept = number(row.candidates_per_second), percent(row.efficiency)
                say(f"attack: {what}, {row.slots} slots: {speed} candidates/s, {kept} of the bare evaluator")

    def _train(self, subject: Subject) -> None:
        plan, description = self._plan, subject.victim.description
        assert description is not None, "subjects are networks of ours"
        precisions = dict.fromkeys(map(without_tfloat32, plan.precision))
        for precision, batch in itertools.product(precisions, plan.train_batch):
            measure = functools.partial(
                measure_training_step,
                description["architecture"],
                subject.victim.input_shape,
                num_classes=len(subject.victim.class_names),
                precision=precision,
                batch=batch,
                repeats=plan.repeats,
                # Training leaves float32 to the backend, which on GPUs means TF32.
                matrix_rate=self._results.rates.of("tfloat32" if precision == "float32" else precision),
            )
            what = f"{subject.victim.name}, {precision}, batch {batch}"
            row = self._fitting(f"train: {what}", measure)
            if row is not None:
                self._results.add(row)
                say(f"train: {what}: {number(row.images_per_second)} images/s")

    def _peers(self, subject: Subject) -> None:
        options, plan = self._options, self._plan
        for precision, num_pixels in itertools.product(plan.precision, plan.num_pixels):
            say(f"peers: {subject.victim.name}, K {num_pixels}, {precision}: {plan.repeats} turns")
            row = compare(
                subject,
                self._attack_config(num_pixels, precision),
                [self._engine(evaluator) for evaluator in options.evaluators],
                peers=options.peers,
                layouts=options.peer_layouts,
                repeats=plan.repeats,
            )
            self._results.add(row)

    def _fitting(self, what: str, measure: Callable[[], Row]) -> Row | None:
        """A measurement, or None with a note where the device's memory is too small for it."""
        try:
            return measure()
        except jax.errors.JaxRuntimeError as error:
            if not is_out_of_memory(error):
                raise
        say(f"{what}: out of memory")
        self._results.add(f"{what}: out of memory")
        return None


def compare(
    subject: Subject,
    config: AttackConfig,
    engines: Sequence[EngineConfig],
    *,
    peers: Sequence[str],
    layouts: Sequence[LayoutName],
    repeats: int,
) -> Comparison:
    """Let jaxpix and the peers attack the image that the victim is surest of, in turns.

    Args:
        subject: victim and images.
        config: of the attack, for everybody. Torch runs bfloat16 by autocast, and anything else as it ships;
            peers have a search of their own.
        engines: jaxpix runs once with each.
        peers, layouts: keys of `PEERS` and of `torch_models.LAYOUTS`; every peer runs in every layout.
        repeats: turns.

    Raises:
        InputError: see `run_peer`.
    """
    config = dataclasses.replace(config, stop_fraction=_NEVER)
    # First, because it refuses victims that torch has no counterpart of.
    agreement = agreement_with_torch(subject, layouts, _AGREEMENT_IMAGES)
    one = surest(subject)
    contenders = [its for engine in engines for its in jaxpix_contenders(one, config, engine)]
    contenders += [peer_contender(one, name, layout, config) for layout in layouts for name in peers]
    victim, source = subject.victim, subject.source
    row = Comparison(
        victim.name, victim.input_shape[0], config.num_pixels, config.precision, source, agreement
    )
    *_, row = compare_in_turns(row, contenders, repeats)
    return row
