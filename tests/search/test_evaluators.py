"""Which evaluator is chosen, and that a whole attack does not care."""

import dataclasses

import jax
import numpy as np
import pytest
from support.small_networks import mixed_images, small_victim
from support.toys import toy_victim

from jaxpix import AttackConfig, EngineConfig, attack_images
from jaxpix.errors import InputError
from jaxpix.search.evaluators import make_evaluator


@pytest.fixture(scope="module")
def victim():
    return small_victim("resnet", 48)


def rounded(record):
    return dataclasses.replace(record, seconds=0.0, best_fitness=0.0, trajectory=[])


def test_both_evaluators_attack_alike():
    victim = small_victim("densenet", 40)
    images = mixed_images(victim, 8)
    config = AttackConfig(num_pixels=2, generations=6, population=40)
    dense, incremental = (
        attack_images(victim, images, None, config, engine=EngineConfig(evaluator=evaluator))
        for evaluator in ("dense", "incremental")
    )
    assert [record.success for record in dense] == [record.success for record in incremental]
    assert 0 < sum(record.success for record in dense) < len(dense)
    if jax.default_backend() == "cpu":
        # Rounding may differ; it parts none of these searches.
        assert [rounded(record) for record in dense] == [rounded(record) for record in incremental]
        fitness = [[record.best_fitness for record in records] for records in (dense, incremental)]
        np.testing.assert_allclose(*fitness, rtol=0, atol=1e-5)


def test_auto_is_incremental_for_a_network_and_dense_where_nothing_is_saved(victim):
    assert make_evaluator(victim, 1).name.startswith("incremental (whole maps from ")
    assert make_evaluator(toy_victim(), 1).name == "dense"
    assert make_evaluator(victim, 1, engine=EngineConfig(evaluator="dense")).name == "dense"
    everywhere = EngineConfig(evaluator="auto")
    assert make_evaluator(victim, 300, engine=everywhere).name == "dense"


def test_the_switch_can_be_named(victim):
    assert make_evaluator(victim, 1, engine=EngineConfig(switch="layer1.0")).name == (
        "incremental (whole maps from layer2.0 on)"
    )
    last = make_evaluator(victim, 1, engine=EngineConfig(switch="layer4.0"))
    assert last.name == "incremental (whole maps from the next operation on)"
    with pytest.raises(InputError, match=r"unknown layer 'layer9'; allowed: stem, layer1\.0"):
        make_evaluator(victim, 1, engine=EngineConfig(switch="layer9"))


def test_a_users_function_chooses_its_own_arithmetic():
    with pytest.raises(InputError, match="must be float32 or tfloat32, got bfloat16"):
        make_evaluator(toy_victim(), 1, "bfloat16")


def test_a_search_in_bfloat16_is_verified_in_float32(victim):
    images = mixed_images(victim, 6)
    config = AttackConfig(num_pixels=3, generations=4, population=40, precision="bfloat16")
    records = attack_images(victim, images, None, config)
    assert any(record.success for record in records)
    for record, image in zip(records, images, strict=True):
        changed = image.copy()
        for pixel in record.pixels:
            changed[pixel.y, pixel.x] = pixel.after
        label = victim.class_names[int(np.argmax(victim.logits(changed[None])[0]))]
        assert record.label_after == [label]
        assert record.success == (record.label_before != [label])
