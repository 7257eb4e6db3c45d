import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from support.numpy_attack import attack as numpy_attack
from support.toys import SIZE, toy_images, toy_logits_numpy, toy_victim, two_faced_victim

from jaxpix import AttackConfig, EngineConfig, Victim, attack_images
from jaxpix.attack.experiments import Attack
from jaxpix.errors import InputError

# Another configuration, or number of slots, is another program to compile.
QUICK, TWO_SLOTS = AttackConfig(generations=15), EngineConfig(slots=2)


@pytest.fixture(scope="module")
def victim():
    return toy_victim()


@pytest.fixture(scope="module")
def images():
    return toy_images(30)


@pytest.fixture(scope="module")
def records(victim, images):
    return attack_images(victim, images[:9], None, QUICK, engine=TWO_SLOTS)


def rebuilt(record, image):
    """The adversarial image, from the record alone."""
    changed = image.copy()
    for pixel in record.pixels:
        assert image[pixel.y, pixel.x].tolist() == pixel.before
        changed[pixel.y, pixel.x] = pixel.after
    return changed


def without_time(record):
    return dataclasses.replace(record, seconds=0.0)


def test_some_succeed_and_some_fail(records):
    assert 0 < sum(record.success for record in records) < len(records) == 9


def test_success_is_what_the_victim_says_of_the_rebuilt_image(victim, images, records):
    for record, image in zip(records, images, strict=False):
        logits = np.asarray(victim.logits(rebuilt(record, image)[None]))[0]
        names = list(victim.space.names(np.asarray(victim.space.labels(logits))))
        assert names == record.label_after
        assert record.success == (names != record.label_before)
        np.testing.assert_allclose(record.confidences_after, victim.space.confidences(logits), atol=1e-6)


def test_exactly_k_pixels_change_and_nothing_else(victim, images):
    for record, image in zip(
        attack_images(victim, images[:3], None, AttackConfig(num_pixels=3, generations=5)),
        images,
        strict=False,
    ):
        assert len(record.pixels) == 3
        changed = (rebuilt(record, image) != image).any(-1).sum()
        assert changed <= 3


def test_queries_and_stop_reasons_are_exact(records):
    for record in records:
        assert record.queries == 100 * (1 + record.generations)
        assert record.generations <= 15
        if record.stop_reason == "generations":
            assert record.generations == 15
        if record.success:
            assert 1 <= record.queries_to_first_hit <= record.queries
        else:
            assert record.queries_to_first_hit is None
            assert record.stop_reason == "generations"
            assert record.trajectory[-1] == np.float32(record.best_fitness)
        assert len(record.trajectory) == 1 + record.generations
        assert record.trajectory[-1] <= record.best_fitness
        assert record.verified
        assert record.null_control
        assert record.refuted_hits == 0


@pytest.mark.parametrize("num_slots", [1, 3, 5])
def test_records_do_not_depend_on_slots_or_order(victim, images, records, num_slots):
    order = np.arange(9) if num_slots == 3 else np.arange(9)[::-1]
    again = attack_images(
        victim,
        images[:9][order],
        None,
        QUICK,
        image_ids=[str(i) for i in order],
        engine=EngineConfig(slots=num_slots),
    )
    by_id = {record.image_id: without_time(record) for record in again}
    assert [by_id[str(i)] for i in range(9)] == [without_time(record) for record in records]


def test_records_do_not_depend_on_the_other_images(victim, images, records):
    alone = attack_images(victim, images[4:5], None, QUICK, image_ids=["4"], engine=TWO_SLOTS)
    assert without_time(alone[0]) == without_time(records[4])


def test_another_seed_gives_another_search(victim, images, records):
    other = attack_images(victim, images[:9], None, dataclasses.replace(QUICK, seed=1), engine=TWO_SLOTS)
    assert [record.pixels for record in other] != [record.pixels for record in records]


def test_every_image_has_draws_of_its_own(victim, images):
    twins = attack_images(victim, images[[4, 4]], None, QUICK, image_ids=["one", "other"], engine=TWO_SLOTS)
    assert twins[0].pixels != twins[1].pixels


def test_wrongly_classified_images_are_left_out(victim, images):
    predicted = victim.predict(images[:4]).argmax(1)
    labels = predicted.copy()
    labels[1] = (labels[1] + 1) % 3
    records = attack_images(victim, images[:4], labels, QUICK, engine=TWO_SLOTS)
    assert [record.image_id for record in records] == ["0", "2", "3"]


def test_targeted_reaches_its_class_and_skips_images_already_there(victim, images):
    predicted = victim.predict(images).argmax(1)
    config = AttackConfig(target="class 1", num_pixels=2, generations=20)
    records = attack_images(victim, images[:12], None, config)
    assert len(records) == (predicted[:12] != 1).sum()
    assert any(record.success for record in records)
    for record in records:
        assert record.success == (record.label_after == ["class 1"])
        assert record.target == ["class 1"]


def test_multilabel_colour_with_cosine():
    victim = toy_victim("multilabel", channels=3, classes=5)
    images = toy_images(6, channels=3)
    records = attack_images(victim, images, None, QUICK)
    assert {record.fitness for record in records} == {"cosine"}
    assert any(record.success for record in records)
    for record, image in zip(records, images, strict=True):
        assert len(record.pixels[0].after) == 3
        logits = np.asarray(victim.logits(rebuilt(record, image)[None]))[0]
        assert record.label_after == list(victim.space.names(np.asarray(victim.space.labels(logits))))
        assert record.success == (record.label_after != record.label_before)


@pytest.mark.parametrize("preset", ["su2019", "scipy"])
def test_presets_attack_too(victim, images, preset):
    config = AttackConfig(preset=preset, generations=3, fitness="margin")
    records = attack_images(victim, images[:2], None, config)
    assert {record.queries % 400 for record in records} == {0}


def test_evolution_reaches_the_exhaustive_optimum():
    """4x4 grey image: all 4,096 one-pixel candidates are tried; DE must find the best one."""
    victim = toy_victim(size=4)
    config = AttackConfig(stop_fraction=0.99, fitness="margin", seed=3)
    images = toy_images(4, size=4, seed=5)
    records = attack_images(victim, images, None, config)
    assert len(records) == 4
    for record, image in zip(records, images, strict=True):
        candidates = np.repeat(image[None], 16 * 256, axis=0)
        y, x, value = np.unravel_index(np.arange(16 * 256), (4, 4, 256))
        candidates[np.arange(len(candidates)), y, x, 0] = value
        logits = victim.predict(candidates)
        label = victim.predict(image[None]).argmax()
        others = np.delete(logits, label, axis=1)
        margins = logits[:, label] - np.asarray(jax.nn.logsumexp(jnp.asarray(others), axis=1))
        adversarial = logits.argmax(1) != label
        # What is returned is the fittest adversarial candidate, where there is one.
        optimum = margins[adversarial].min() if adversarial.any() else margins.min()
        assert record.success == adversarial.any()
        assert record.best_fitness == pytest.approx(float(optimum), abs=1e-4)


def test_agrees_with_an_independent_numpy_implementation(victim, images):
    labels = victim.predict(images).argmax(1)
    np.testing.assert_array_equal(toy_logits_numpy(images).argmax(1), labels)
    ours = [
        attack_images(victim, images, labels, dataclasses.replace(QUICK, seed=seed), engine=TWO_SLOTS)
        for seed in (0, 1)
    ]
    reference = [
        [
            numpy_attack(toy_logits_numpy, image, label, seed=[seed, index], generations=QUICK.generations)
            for index, (image, label) in enumerate(zip(images, labels, strict=True))
        ]
        for seed in (0, 1)
    ]
    for records, expected in zip(ours, reference, strict=True):
        successes = sum(record.success for record in records)
        expected_successes = sum(success for success, _, _ in expected)
        assert 5 < expected_successes < 25, "the comparison needs successes and failures"
        assert abs(successes - expected_successes) <= 3
    queries = np.mean([[record.queries for record in records] for records in ours])
    expected_queries = np.mean([[total for _, _, total in run] for run in reference])
    assert queries == pytest.approx(expected_queries, rel=0.1)


def test_a_refuted_hit_goes_back_into_the_search():
    """The search sees a rounder copy of the victim; the judge, a single image, sees the exact one."""
    exact, two_faced = toy_victim(), two_faced_victim()
    images = toy_images(8, seed=9)
    attack = Attack(two_faced, AttackConfig(generations=10))
    labels = np.eye(3, dtype=bool)[np.concatenate([exact.logits(image[None]) for image in images]).argmax(1)]
    jobs = [
        attack.job(str(i), image, label) for i, (image, label) in enumerate(zip(images, labels, strict=True))
    ]
    records = [finished.record for finished in attack.run(jobs)]
    assert sum(record.refuted_hits for record in records) > 0
    for record in records:
        image = rebuilt(record, images[int(record.image_id)])
        alone = np.asarray(exact.logits(image[None]))[0].argmax()
        assert record.success == (record.label_before != [f"class {alone}"])
        assert record.success or record.generations == attack.config.generations


def test_compiled_functions_compile_once(victim, images):
    attack = Attack(victim, QUICK, engine=TWO_SLOTS)
    labels = np.asarray(victim.space.labels(victim.predict(images)))
    for round_ in range(2):
        jobs = [attack.job(f"{round_}-{i}", images[i], labels[i]) for i in range(5)]
        assert len(list(attack.run(jobs))) == 5
    program = attack.engine.program
    for function in (program.advance, program.fill, program.read):
        assert function._cache_size() == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"images": np.zeros((2, SIZE, SIZE, 1), np.float32)},
            r"8-bit images \(uint8, 0\.\.255\), got float32",
        ),
        (
            {"images": np.zeros((2, 5, 5, 1), np.uint8)},
            r"expects images \[B, 12, 12, 1\], got \[2, 5, 5, 1\]",
        ),
        ({"labels": [0]}, "2 images, 1 labels"),
        ({"labels": [0, 3]}, r"class numbers 0\.\.2, got 0\.\.3"),
        ({"image_ids": ["a", "a"]}, r"expected 2 distinct image_ids, got 2 \(1 distinct\)"),
        ({"config": AttackConfig(target="nobody")}, "unknown class 'nobody'; allowed: class 0, class 1"),
        ({"config": AttackConfig(num_pixels=145)}, "num_pixels between 1 and 144"),
    ],
)
def test_errors(victim, images, change, message):
    call = {"images": images[:2], "labels": None, "config": QUICK, **change}
    with pytest.raises(InputError, match=message):
        attack_images(victim, **call)


def test_config_errors_name_the_field():
    with pytest.raises(
        ValueError, match="AttackConfig: population: Input should be greater than or equal to 4, got 3"
    ):
        AttackConfig(population=3)


@pytest.mark.filterwarnings("ignore:the first population of 1 of 2 images is flat")
def test_an_untrained_network_can_be_attacked_as_a_plain_function():
    """The README's promise: any pure JAX function."""
    matrix = jax.random.normal(jax.random.key(0), (8 * 8 * 3, 2)) / 50
    victim = Victim.from_function(
        lambda images: images.reshape(len(images), -1) @ matrix,
        class_names=["no", "yes"],
        input_shape=(8, 8, 3),
    )
    records = attack_images(victim, toy_images(2, channels=3, size=8), None, AttackConfig(generations=3))
    assert [record.image_id for record in records] == ["0", "1"]
