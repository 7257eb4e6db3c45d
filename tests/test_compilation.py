"""What was compiled once is not compiled again: the compiler itself is watched, not the functions one knows of."""

import contextlib
import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import jax
import numpy as np
import pytest
from support.small_networks import MEAN, STD, noise_images, small_resnet, small_victim
from support.toys import toy_images, toy_victim

from jaxpix import AttackConfig, EngineConfig, Record, Victim, attack_images
from jaxpix.attack.experiments import Attack
from jaxpix.config import TrainConfig
from jaxpix.models.resnet import ResNet
from jaxpix.search.engine import Engine
from jaxpix.train.step import initial_state, make_evaluate, make_optimizer, make_step

_COMPILED = "/jax/core/compile/backend_compile_duration"
_programs: list[float] = []


def _listen(event: str, seconds: float, **details: object) -> None:
    if event == _COMPILED:
        _programs.append(seconds)


jax.monitoring.register_event_duration_secs_listener(_listen)


@contextlib.contextmanager
def compiling(at_least: int, at_most: float) -> Iterator[None]:
    before = len(_programs)
    yield
    assert at_least <= len(_programs) - before <= at_most


def attack_round(evaluator: str, size: int) -> Callable[[int], None]:
    victim = small_victim(size=size) if evaluator == "incremental" else toy_victim(size=size)
    attack = Attack(
        victim, AttackConfig(population=8, generations=3), EngineConfig(evaluator=evaluator, slots=2)
    )

    def run(number: int) -> None:
        images = noise_images(5, size, seed=number)
        labels = np.asarray(victim.space.labels(victim.predict(images)))
        jobs = [attack.job(f"{number}-{i}", images[i], labels[i]) for i in range(5)]
        assert len(list(attack.run(jobs))) == 5

    return run


@pytest.mark.parametrize(("evaluator", "size"), [("dense", 12), ("incremental", 32)])
def test_a_second_attack_compiles_nothing(evaluator: str, size: int) -> None:
    run = attack_round(evaluator, size)
    with compiling(at_least=1, at_most=np.inf):
        run(0)
    with compiling(at_least=0, at_most=0):
        run(1)
        run(2)


def test_no_more_slots_than_images_and_what_fits_is_used_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Records are those of any number of slots; fewer images than slots that are compiled compile nothing."""
    victim, images, config = toy_victim(), toy_images(5), AttackConfig(population=8, generations=3)
    compile_programs, slots = Engine.compile, []

    def noting(engine: Engine, *arguments: Any) -> None:
        slots.append(engine.layout.num_slots)
        compile_programs(engine, *arguments)

    monkeypatch.setattr(Engine, "compile", noting)

    def attack(count: int) -> list[Record]:
        found = attack_images(victim, images[:count], None, config, engine=EngineConfig(slots=3))
        return [dataclasses.replace(record, seconds=0.0) for record in found]

    two = attack(2)
    with compiling(at_least=0, at_most=0):
        assert attack(2) == two
    with compiling(at_least=1, at_most=np.inf):
        five = attack(5)
    with compiling(at_least=0, at_most=0):
        assert attack(2) == two
    assert five[:2] == two
    assert slots == [2, 2, 3, 3]


def test_another_victim_of_the_same_structure_is_compiled_already() -> None:
    """Its weights are its own."""
    victim, images = small_victim(), noise_images(3, 32)
    logits, model = victim.predict(images), victim.model()
    assert isinstance(model, ResNet)
    model.fc.bias.set_value(model.fc.bias.get_value() + 1)
    with compiling(at_least=0, at_most=0):
        other = Victim.from_model(
            model,
            architecture="resnet50",
            task="multiclass",
            class_names=victim.class_names,
            input_shape=victim.input_shape,
            mean=[MEAN],
            std=[STD],
        )
        np.testing.assert_allclose(other.predict(images), logits + 1, rtol=1e-5, atol=1e-5)
    assert other.victim_id != victim.victim_id


def test_prediction_pads_to_one_shape() -> None:
    victim = toy_victim()
    with compiling(at_least=1, at_most=np.inf):
        victim.predict(toy_images(100))
        victim.predict(toy_images(1))
    with compiling(at_least=0, at_most=0):
        victim.predict(toy_images(100, seed=1))
        victim.predict(toy_images(1, seed=1))


def test_training_and_its_evaluation_compile_once() -> None:
    mean, std = np.array([110.0], np.float32), np.array([70.0], np.float32)
    model = small_resnet()
    optimizer = make_optimizer(TrainConfig(), steps_per_epoch=2)
    step, state = make_step(model, optimizer, mean, std), initial_state(model, optimizer)
    evaluate = make_evaluate(small_resnet(), mean, std)
    images, labels, mask = noise_images(4, 32), np.eye(4, dtype=np.float32), np.ones(4, bool)

    with compiling(at_least=2, at_most=np.inf):
        state, _ = step(state, images, labels, mask)
        jax.block_until_ready(evaluate(state.params, state.statistics, images))
    with compiling(at_least=0, at_most=0):
        for seed in (1, 2):
            state, _ = step(state, noise_images(4, 32, seed=seed), labels, mask)
            jax.block_until_ready(evaluate(state.params, state.statistics, images))
