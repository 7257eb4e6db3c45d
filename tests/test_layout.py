"""Slots, groups and devices; and what happens when memory is short."""

import dataclasses
import os
import subprocess
import sys
from pathlib import Path

import jax
import pytest
from small_networks import small_victim
from toys import toy_images, toy_victim

from jaxpix import AttackConfig, EngineConfig
from jaxpix.evaluators import make_evaluator
from jaxpix.evolution import Optimizer
from jaxpix.experiments import Attack
from jaxpix.genome import Box
from jaxpix.layout import Layout, bytes_per_slot, choose_layout
from jaxpix.presets import search_of

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def parts():
    victim = small_victim()
    return make_evaluator(victim, 1), Optimizer(search_of(AttackConfig()), Box(victim.input_shape, 1))


def test_a_base_takes_memory_in_every_slot(parts):
    evaluator, optimizer = parts
    dense = make_evaluator(small_victim(), 1, engine=EngineConfig(evaluator="dense"))
    population = 100 * (3 + 1) * 4
    assert population < bytes_per_slot(dense, optimizer) < 2 * population
    assert bytes_per_slot(evaluator, optimizer) > 10 * population


@pytest.mark.parametrize("asked", [1, 2, 7])
def test_slots_are_those_asked_for(parts, asked):
    layout = choose_layout(*parts, slots=asked)
    assert asked <= layout.num_slots < asked + len(jax.local_devices()) * layout.group


def test_halving_ends_at_one_slot_per_device():
    layout = Layout(num_slots=64, group=16, filling=8, devices=tuple(jax.devices()[:1]), seconds_per_call=1)
    sizes = []
    while layout is not None:
        sizes.append((layout.num_slots, layout.group))
        assert layout.num_slots % layout.group == 0
        assert layout.filling <= layout.num_slots
        layout = layout.halved()
    assert sizes == [(64, 16), (32, 8), (16, 4), (8, 2), (4, 1), (2, 1), (1, 1)]


def jobs_of(attack, count):
    images = toy_images(count)
    labels = attack.victim.space.labels(attack.victim.predict(images))
    return [attack.job(str(index), images[index], labels[index]) for index in range(count)]


def outcome(finished):
    return dataclasses.replace(finished.record, seconds=0.0)


def test_out_of_memory_halves_the_slots_and_loses_nothing():
    """The third device call fails as XLA does; experiments that were running start again."""
    victim, config = toy_victim(), AttackConfig(generations=6)
    calm = Attack(victim, config, EngineConfig(slots=2))
    expected = {item.record.image_id: outcome(item) for item in calm.run(jobs_of(calm, 8))}

    attack = Attack(victim, config, EngineConfig(slots=4, generations_per_call=2))
    program, calls, notices = attack.engine.program, [], []
    advance = program.advance

    def short_of_memory(*arguments):
        calls.append(1)
        if len(calls) == 3:
            raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 9 bytes.")
        return advance(*arguments)

    program.advance = short_of_memory
    results = [outcome(item) for item in attack.run(jobs_of(attack, 8), on_notice=notices.append)]
    assert notices == ["out of memory with 4 slots in groups of 1; going on with 2 in groups of 1"]
    assert len(results) == 8
    assert {record.image_id: record for record in results} == expected


def test_other_runtime_errors_are_not_taken_for_a_full_memory():
    attack = Attack(toy_victim(), AttackConfig(generations=1), EngineConfig(slots=3))

    def broken(*arguments):
        raise jax.errors.JaxRuntimeError("INTERNAL: something else")

    attack.engine.program.advance = broken
    with pytest.raises(jax.errors.JaxRuntimeError, match="something else"):
        list(attack.run(jobs_of(attack, 2)))


FOUR_DEVICES = """
import sys; sys.path.insert(0, "tests")
import jax
from small_networks import mixed_images, small_victim
from jaxpix import AttackConfig, EngineConfig, attack_images
victim = small_victim()
images = mixed_images(victim, 10)
config = AttackConfig(num_pixels=2, generations=5, population=24)
records = attack_images(victim, images, None, config, engine=EngineConfig(slots=SLOTS))
print(len(jax.local_devices()))
for record in records:
    print(record.image_id, record.success, record.queries, record.best_fitness.hex(), record.pixels)
"""


def records_on(num_devices, slots):
    flags = f"--xla_force_host_platform_device_count={num_devices}"
    finished = subprocess.run(
        [sys.executable, "-c", FOUR_DEVICES.replace("SLOTS", str(slots))],
        cwd=ROOT,
        env={**os.environ, "XLA_FLAGS": flags, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    count, *records = finished.stdout.splitlines()
    assert int(count) == num_devices
    return records


def test_four_devices_give_the_records_of_one():
    one = records_on(1, slots=3)
    assert any(" True " in line for line in one)
    assert any(" False " in line for line in one)
    assert records_on(4, slots=8) == one
