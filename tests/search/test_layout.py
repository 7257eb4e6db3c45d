"""Slots, groups and devices; and what happens when memory is short."""

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path
from unittest import mock

import jax
import numpy as np
import pytest
from flax import nnx
from support.small_networks import as_if_trained, mixed_images, small_victim
from support.toys import toy_images, toy_victim

from jaxpix import AttackConfig, EngineConfig, Victim
from jaxpix.attack.experiments import Attack
from jaxpix.models.resnet import ResNet
from jaxpix.records.record import to_json
from jaxpix.search.evaluators import make_evaluator
from jaxpix.search.layout import Layout, bytes_per_slot, choose_layout

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def problem():
    return Attack(small_victim(), AttackConfig()).engine.problem


def test_a_base_takes_memory_in_every_slot(problem):
    evaluator = make_evaluator(small_victim(), 1, engine=EngineConfig(evaluator="dense"))
    dense = dataclasses.replace(problem, evaluator=evaluator)
    population = 100 * (3 + 1) * 4
    assert population < bytes_per_slot(dense) < 2 * population
    assert bytes_per_slot(problem) > 10 * population


@pytest.mark.parametrize("asked", [1, 2, 7])
def test_slots_are_those_asked_for(problem, asked):
    layout = choose_layout(problem, slots=asked)
    assert asked <= layout.num_slots < asked + len(jax.local_devices()) * layout.group


@pytest.mark.parametrize(("experiments", "slots"), [(0, 32), (1, 32), (33, 64), (128, 128), (1000, 128)])
def test_no_more_slots_than_experiments_need(experiments, slots):
    """In whole groups on every device."""
    devices = tuple(jax.devices()[:1]) * 2
    layout = Layout(num_slots=128, group=16, filling=8, devices=devices, seconds_per_call=1)
    fitting = layout.at_most(experiments)
    assert fitting == dataclasses.replace(layout, num_slots=slots)
    few = Layout(num_slots=8, group=1, filling=8, devices=devices[:1], seconds_per_call=1)
    assert (
        few.at_most(experiments).filling == few.at_most(experiments).num_slots == max(1, min(8, experiments))
    )


def test_halving_ends_at_one_slot_per_device():
    layout = Layout(num_slots=64, group=16, filling=8, devices=tuple(jax.devices()[:1]), seconds_per_call=1)
    sizes = []
    while layout is not None:
        sizes.append((layout.num_slots, layout.group))
        assert layout.num_slots % layout.group == 0
        assert layout.filling <= layout.num_slots
        layout = layout.halved()
    assert sizes == [(64, 16), (32, 8), (16, 4), (8, 2), (4, 1), (2, 1), (1, 1)]


def narrow_victim():
    """A real architecture, as narrow as it goes: what takes time is its compilation."""
    model = ResNet((1, 1, 1, 1), width=4, num_classes=3, channels=1, rngs=nnx.Rngs(1))
    return Victim.from_model(
        as_if_trained(model),
        architecture="resnet14",
        task="multiclass",
        class_names=["a", "b", "c"],
        input_shape=(32, 32, 1),
        mean=[110.0],
        std=[70.0],
    )


def jobs_of(attack, images):
    labels = np.asarray(attack.victim.space.labels(attack.victim.predict(images)))
    return [attack.job(str(index), image, labels[index]) for index, image in enumerate(images)]


def outcome(finished):
    return dataclasses.replace(finished.record, seconds=0.0)


def test_out_of_memory_halves_the_slots_and_loses_nothing():
    """The third device call fails as XLA does; experiments that were running start again."""
    victim, config = toy_victim(), AttackConfig(generations=6)
    calm = Attack(victim, config, EngineConfig(slots=2))
    expected = {item.record.image_id: outcome(item) for item in calm.run(jobs_of(calm, toy_images(8)))}

    attack = Attack(victim, config, EngineConfig(slots=4, generations_per_call=2))
    program, calls, notices = attack.engine.program, [], []
    advance = program.advance

    def short_of_memory(*arguments):
        calls.append(1)
        if len(calls) == 3:
            raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 9 bytes.")
        return advance(*arguments)

    program.advance = short_of_memory
    results = [outcome(item) for item in attack.run(jobs_of(attack, toy_images(8)), on_notice=notices.append)]
    notices = [notice for notice in notices if not notice.startswith("compiled in")]
    assert notices == ["out of memory with 4 slots in groups of 1; going on with 2 in groups of 1"]
    assert len(results) == 8
    assert {record.image_id: record for record in results} == expected


def test_other_runtime_errors_are_not_taken_for_a_full_memory():
    attack = Attack(toy_victim(), AttackConfig(generations=1), EngineConfig(slots=3))

    def broken(*arguments):
        raise jax.errors.JaxRuntimeError("INTERNAL: something else")

    attack.engine.program.advance = broken
    with pytest.raises(jax.errors.JaxRuntimeError, match="something else"):
        list(attack.run(jobs_of(attack, toy_images(2))))


# Devices that share the slots, slots asked for, evaluator, and the slots that whole shares make of it.
ON_DEVICES = [
    (1, 3, "incremental", 3),
    (2, 3, "dense", 4),
    (4, 4, "incremental", 4),
    (8, 5, "incremental", 8),
    (8, 9, "dense", 16),
]


def print_records_of_devices():
    """One line of JSON for each of `ON_DEVICES`: its layout and its records. Runs where there are 8 devices."""
    victim, local = narrow_victim(), jax.local_devices()
    images = mixed_images(victim, 10)
    for num_devices, slots, evaluator, _ in ON_DEVICES:
        # A process keeps its devices: what was traced for these does not fit others.
        make_evaluator.cache_clear()
        with mock.patch("jax.local_devices", return_value=local[:num_devices]):
            attack = Attack(
                victim,
                AttackConfig(num_pixels=2, generations=5, population=24),
                EngineConfig(slots=slots, evaluator=evaluator),
            )
        layout = attack.engine.layout
        finished = sorted(attack.run(jobs_of(attack, images)), key=lambda item: item.record.image_id)
        records = [to_json(outcome(item)) for item in finished]
        sys.stdout.write(json.dumps([len(layout.devices), layout.num_slots, records]) + "\n")


def test_devices_that_share_the_slots_give_the_records_of_one():
    environment = {
        **os.environ,
        "JAX_PLATFORMS": "cpu",
        "XLA_FLAGS": "--xla_force_host_platform_device_count=8",
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")]),
    }
    code = "from search import test_layout; test_layout.print_records_of_devices()"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line[:2] for line in lines] == [[count, slots] for count, _, _, slots in ON_DEVICES]
    # Within an evaluator: the two round differently.
    first: dict[str, list[str]] = {}
    for (_, _, evaluator, _), (_, _, records) in zip(ON_DEVICES, lines, strict=True):
        assert records == first.setdefault(evaluator, records)
    for records in first.values():
        successes = [json.loads(record)["success"] for record in records]
        assert 0 < sum(successes) < len(successes) == 10
