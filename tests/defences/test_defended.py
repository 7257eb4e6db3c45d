"""A victim behind a defence: what it says, what judges it, and that no door takes it for the victim alone."""

import dataclasses
import functools
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest
from support.small_networks import SMALL, noise_images
from support.toys import toy_images, toy_victim

import jaxpix
from jaxpix import AttackConfig, InputError, Victim, attack_images, defended
from jaxpix.defences import jpeg
from jaxpix.defences.catalogue import KINDS, defence_of
from jaxpix.defences.ensembles import ensemble
from jaxpix.search.evaluators import make_evaluator
from jaxpix.search.verification import Judge
from jaxpix.storage.png import encode_png
from jaxpix.victim.class_order import matched_to


@functools.cache
def network() -> Victim:
    return Victim.from_model(
        SMALL["resnet"](1),
        architecture="resnet18",
        task="multiclass",
        class_names=["a", "b", "c", "d"],
        input_shape=(32, 32, 1),
        mean=[128],
        std=[60],
    )


@pytest.mark.parametrize("name", ["median3", "gaussian1", "bilateral5", "bits4", "resize2"])
def test_a_defended_victim_sees_the_filtered_image(name: str) -> None:
    victim, images = toy_victim(), toy_images(3)
    behind = defended(victim, name)
    filtered = defence_of(name).filter(images.astype(np.float32))
    np.testing.assert_allclose(behind.logits(images), victim.logits(filtered), rtol=1e-5, atol=1e-5)
    assert behind.victim_id not in ("", victim.victim_id)
    assert behind.name == f"toy behind {name}"
    assert behind.provenance["defences"] == [defence_of(name).says]


def test_every_defence_is_offered_by_its_usual_name() -> None:
    said = [defence_of(word).name for word in KINDS]
    assert said == ["median3", "gaussian1", "bilateral5", "jpeg75", "bits4", "resize2"]
    assert len({defence_of(name).says for name in [*said, "median5", "jpeg50"]}) == 8


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("meidan3", r"unknown defence 'meidan3' \(did you mean median\?\); there are median3 \(odd 3 to 5\)"),
        ("median4", "expected an odd number from 3 to 5 behind 'median', got 4"),
        ("jpeg0", "expected a number from 1 to 100 behind 'jpeg', got 0"),
        ("bits8", "expected a number from 1 to 7"),
        ("", "unknown defence ''"),
        ("x" * 5000, "unknown defence"),
    ],
)
def test_a_wrong_name_is_explained(name: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as raised:
        defence_of(name)
    assert len(str(raised.value)) < 600


def test_jpeg_is_searched_by_a_stand_in_and_judged_by_pillow() -> None:
    victim, images = toy_victim(), toy_images(4)
    behind = defended(victim, "jpeg20")
    through_pillow = victim.logits(jpeg.by_pillow(images, 20))
    np.testing.assert_array_equal(behind.logits(images), through_pillow)
    np.testing.assert_allclose(behind.predict(images), through_pillow, rtol=1e-5, atol=1e-5)
    judged = Judge(behind)([encode_png(image) for image in images])
    np.testing.assert_allclose(judged, through_pillow, rtol=1e-5, atol=1e-5)
    searched = behind.apply(behind.weights, jnp.asarray(images, jnp.float32))
    assert 0 < np.abs(searched - through_pillow).max() < np.abs(victim.logits(images) - through_pillow).max()


def test_what_pillow_refutes_is_no_success() -> None:
    """A stand-in that no pixel leaves as it is: every hit is refuted, and the null control is Pillow's."""
    exact = toy_victim()
    lying = dataclasses.replace(defence_of("jpeg75"), filter=lambda images: 255.0 - images)
    victim = lying.before(exact)
    images = toy_images(4)
    labels = [
        victim.space.names(label)[0] for label in np.asarray(victim.space.labels(victim.logits(images)))
    ]
    config = AttackConfig(generations=3, population=10)
    records = attack_images(victim, images, labels, config)
    honest = attack_images(defended(exact, "jpeg75"), images, labels, config)
    assert len(records) == len(images)
    assert all(record.null_control for record in records)
    for record, image in zip(records, images, strict=True):
        changed = image.copy()
        for pixel in record.pixels:
            changed[pixel.y, pixel.x] = pixel.after
        said = np.asarray(exact.space.labels(exact.logits(jpeg.by_pillow(changed[None], 75))))[0]
        assert tuple(record.label_after) == exact.space.names(said)
        assert record.success == (record.label_after != record.label_before)
    assert sum(record.refuted_hits for record in records) > sum(record.refuted_hits for record in honest)


def test_a_network_of_ours_keeps_its_fast_form_behind_a_defence() -> None:
    victim = network()
    behind = defended(victim, "median3")
    assert behind.frozen is not None
    images = noise_images(3, 32)
    np.testing.assert_allclose(
        behind.frozen.logits(behind.frozen.weights, jnp.asarray(images)),
        behind.logits(images),
        rtol=1e-3,
        atol=1e-3,
    )
    assert make_evaluator(behind, 1).name.startswith("incremental")
    assert behind.frozen.in_bfloat16().before is behind.frozen.before


def test_a_defended_victim_is_not_saved_as_the_victim_alone(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="stands behind a defence: save it alone"):
        defended(network(), "median3").save(tmp_path / "v")
    assert not (tmp_path / "v").exists()


@pytest.mark.parametrize("name", ["median3", "jpeg40"])
def test_classes_in_another_order_keep_the_defence(name: str) -> None:
    behind, images = defended(network(), name), noise_images(3, 32)
    turned, said = matched_to(behind, ["c", "a", "d", "b"], "data")
    assert said
    np.testing.assert_allclose(
        turned.logits(images), np.asarray(behind.logits(images))[:, [2, 0, 3, 1]], rtol=1e-6
    )
    assert turned.frozen is None


def test_images_of_another_size_reach_the_defence_after_fitting() -> None:
    behind = defended(toy_victim(), "bits2").for_images((24, 24, 1))
    assert behind.logits(np.zeros((1, 24, 24, 1), np.uint8)).shape == (1, 3)
    with pytest.raises(InputError, match="fit the victim first, then defend it"):
        defended(toy_victim(), "jpeg75").for_images((24, 24, 1))


def test_defences_stand_one_behind_the_other() -> None:
    victim, images = toy_victim(), toy_images(3)
    both = defended(victim, "median3", "jpeg30")
    medians = np.rint(defence_of("median3").filter(images.astype(np.float32))).astype(np.uint8)
    np.testing.assert_allclose(both.logits(images), victim.logits(jpeg.by_pillow(medians, 30)), rtol=1e-5)
    other = defended(victim, "jpeg30", "median3")
    saved = jpeg.by_pillow(images, 30)
    np.testing.assert_allclose(
        other.logits(images), victim.logits(defence_of("median3").filter(saved.astype(np.float32))), rtol=1e-5
    )
    assert both.victim_id != other.victim_id


@pytest.mark.parametrize("task", ["multiclass", "multilabel"])
def test_ensembles(task: str) -> None:
    images = toy_images(40)
    first = toy_victim(task)
    members = [first, defended(first, "bits2"), defended(first, "jpeg5")]
    each = np.stack([np.asarray(victim.logits(images)) for victim in members])
    mean, vote = ensemble(members, "mean"), ensemble(members, "vote")
    confidences = np.asarray(first.space.confidences(each)).mean(0)
    np.testing.assert_allclose(mean.space.confidences(mean.logits(images)), confidences, atol=1e-5)
    votes = np.asarray(first.space.labels(each)).sum(0)
    said = np.asarray(vote.space.labels(vote.logits(images)))
    if task == "multilabel":
        np.testing.assert_array_equal(said, votes >= 2)
    else:
        np.testing.assert_array_equal(votes[said], votes.max(axis=1))
        tied = (votes == 1).all(axis=1)
        np.testing.assert_array_equal(said[tied].argmax(1), confidences[tied].argmax(1))
    assert mean.victim_id != vote.victim_id
    if task == "multiclass":
        assert len(attack_images(vote, images[:2], config=AttackConfig(generations=1, population=4))) == 2
    with pytest.raises(InputError, match="needs two victims at least, got 1"):
        ensemble(members[:1], "vote")
    with pytest.raises(InputError, match="equal classes and images"):
        ensemble([first, toy_victim(task, size=16)], "mean")
    assert jaxpix.defended is defended
