"""Exhaustive searches against truths that are known by hand or by brute force."""

import dataclasses

import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image
from support.toys import toy_images, toy_victim

from jaxpix import AttackConfig, Victim, attack_images, read_records
from jaxpix.attack.experiments import Attack
from jaxpix.errors import InputError
from jaxpix.pixels import Pixels
from jaxpix.records.maps import load_maps, maps_path, save_maps
from jaxpix.search.exhaustive.candidates import Candidates
from jaxpix.search.exhaustive.scope import scope_of

SHAPE = (6, 5, 1)
# An audit is spread over the images of a run; of so many, each has a few.
FEW_AUDITED = 200
ALL = AttackConfig(search="exhaustive", values="all")


def triggered(images):
    """Logits of two classes: class 1 if row 2, column 3 is above 200, or the corner is below 10."""
    bright = images[:, 2, 3, 0] - 200.5
    dark = 9.5 - images[:, 0, 0, 0]
    evidence = jnp.maximum(bright, dark)
    return jnp.stack([jnp.zeros_like(evidence), evidence], -1) + 0.0 * images.mean((1, 2, 3))[:, None]


def known():
    return Victim.from_function(triggered, class_names=["no", "yes"], input_shape=SHAPE, name="known")


def swept(victim, images, config=ALL, **options):
    attack = Attack(victim, config)
    labels = np.asarray(victim.space.labels(victim.predict(images)))
    jobs = [attack.job(str(number), image, labels[number]) for number, image in enumerate(images)]
    return list(attack.run(jobs, **{"total": FEW_AUDITED, **options}))


@pytest.fixture(scope="module")
def grey():
    return np.full((1, *SHAPE), 100, np.uint8)


def test_a_truth_known_by_hand(grey):
    (one,) = swept(known(), grey)
    record, maps = one.record, one.maps
    assert record.success
    assert record.verified
    assert record.stop_reason == "exhausted"
    assert (record.exhaustive_flips, record.exhaustive_positions) == (55 + 10, 2)
    assert record.queries == 30 * 255
    # The corner comes first: its values 0 to 9 are the first ten candidates.
    assert record.queries_to_first_hit == 1
    assert maps.smallest_change[2, 3] == 101
    assert maps.smallest_change[0, 0] == 91
    assert np.count_nonzero(maps.smallest_change) == 2
    assert maps.reached.tolist() == [0, 65]
    assert maps.is_whole
    assert maps.contradictions == 0
    assert (record.pixels[0].x, record.pixels[0].y, record.pixels[0].after) == (3, 2, [255])


def test_corners_and_levels_try_those_alone(grey):
    for values, flips, tried in (("corners", 2, 60), (3, 2, 90), (17, 4 + 1, 510)):
        (one,) = swept(known(), grey, AttackConfig(search="exhaustive", values=values))
        assert (one.record.exhaustive_flips, one.record.queries) == (flips, tried)
        assert not one.maps.is_whole


def test_a_mask_keeps_the_rest_of_the_image(grey, tmp_path):
    mask = np.zeros(SHAPE[:2], np.uint8)
    mask[2:4, 2:5] = 255
    Image.fromarray(mask).save(tmp_path / "mask.png")
    (one,) = swept(known(), grey, dataclasses.replace(ALL, mask=tmp_path / "mask.png"))
    assert (one.record.exhaustive_flips, one.record.queries) == (55, 6 * 255)
    assert np.isnan(one.maps.lowest_distance).sum() == 24


def brute_force(victim, image, config):
    """Every candidate as a whole image, by the victim itself: numbers of those that change the label."""
    candidates = Candidates(scope_of(config, victim.input_shape), image)
    target = None if config.target is None else victim.space.parse(config.target)
    images = np.stack([candidates.painted(number) for number in range(candidates.size)])
    before = np.asarray(victim.space.labels(victim.predict(image[None])))[0]
    after = np.asarray(victim.space.labels(victim.predict(images)))
    reached = (after != before).any(-1) if target is None else (after == target).all(-1)
    return reached & (images != image[None]).any((1, 2, 3))


@pytest.mark.parametrize("target", [None, "class 1"])
@pytest.mark.parametrize("task", ["multiclass", "multilabel"])
def test_label_sets_and_targets_are_found(task, target):
    config = AttackConfig(search="exhaustive", values=5, target=target)
    victim = toy_victim(task, size=8)
    images = toy_images(3, size=8)
    for one, image in zip(swept(victim, images, config), images, strict=True):
        expected = brute_force(victim, image, config)
        np.testing.assert_array_equal(one.maps.flipping.ravel(), expected)
        assert one.maps.reached.sum() == expected.sum()
        assert one.record.success == expected.any() == one.record.verified or not expected.any()


@pytest.mark.parametrize("channels", [1, 3])
def test_brute_force_finds_the_same(channels):
    config = AttackConfig(search="exhaustive", values=5 if channels == 3 else "all")
    victim = toy_victim(channels=channels, size=8)
    images = toy_images(3, channels=channels, size=8)
    found = swept(victim, images, config)
    assert sum(one.record.success for one in found) > 0
    for one, image in zip(found, images, strict=True):
        expected = brute_force(victim, image, config)
        np.testing.assert_array_equal(one.maps.flipping.ravel(), expected)
        assert one.record.exhaustive_flips == expected.sum()
        assert one.record.exhaustive_positions == one.maps.flipping.any(1).sum()
        assert one.record.success == expected.any()


def test_whatever_an_evolution_finds_was_there():
    victim, images = toy_victim(size=8), toy_images(6, size=8)
    truth = {one.record.image_id: one for one in swept(victim, images)}
    found = [
        record
        for record in attack_images(victim, images, None, AttackConfig(generations=10))
        if record.success
    ]
    assert found
    for record in found:
        maps, (pixel,) = truth[record.image_id].maps, record.pixels
        place = np.flatnonzero((maps.positions == (pixel.x, pixel.y)).all(1))[0]
        assert maps.flipping[place, pixel.after[0]]


def test_a_kill_in_the_middle_of_an_image_loses_a_block_at_most(tmp_path):
    victim, images = toy_victim(size=8), toy_images(2, size=8)
    whole = swept(victim, images)
    attack = Attack(victim, ALL)
    labels = np.asarray(victim.space.labels(victim.predict(images)))
    jobs = [attack.job(str(number), image, labels[number]) for number, image in enumerate(images)]
    counted = []

    def killed(count):
        counted.append(count)
        if sum(counted) > 10_000:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(attack.run(jobs, on_candidates=killed, total=FEW_AUDITED, scratch=tmp_path))
    (unfinished,) = tmp_path.glob("0-*.unfinished")
    # A kill may tear the last row.
    unfinished.write_bytes(unfinished.read_bytes()[:-3])
    done, notices = sum(counted), []
    counted.clear()
    again = list(
        attack.run(
            jobs, on_candidates=counted.append, on_notice=notices.append, total=FEW_AUDITED, scratch=tmp_path
        )
    )
    assert any("going on after" in notice for notice in notices)
    candidates = 2 * 8 * 8 * 256
    assert candidates - done <= sum(counted) <= candidates - done + 2 * attack.searcher._blocks.size
    assert not list(tmp_path.iterdir())
    for one, other in zip(whole, again, strict=True):
        assert dataclasses.replace(one.record, seconds=0) == dataclasses.replace(other.record, seconds=0)
        np.testing.assert_array_equal(one.maps.lowest_distance, other.maps.lowest_distance)


def test_what_was_found_of_another_image_is_not_gone_on_with(tmp_path):
    victim, images = toy_victim(size=8), toy_images(2, size=8)
    attack = Attack(victim, AttackConfig(search="exhaustive"))
    labels = np.asarray(victim.space.labels(victim.predict(images)))

    def stop(count):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(
            attack.run(
                [attack.job("a", images[0], labels[0])],
                on_candidates=stop,
                total=FEW_AUDITED,
                scratch=tmp_path,
            )
        )
    (one,) = attack.run([attack.job("a", images[1], labels[1])], total=FEW_AUDITED, scratch=tmp_path)
    (other,) = attack.run([attack.job("a", images[1], labels[1])], total=FEW_AUDITED)
    np.testing.assert_array_equal(one.maps.lowest_distance, other.maps.lowest_distance)


def off(victim, error):
    """The same search with `error` in its arithmetic: a function of pixels [g, P, 1], added to class 0's logit."""
    attack = Attack(victim, ALL)
    problem = attack.searcher.problem

    def logits(weights, bases, images, pixels: Pixels):
        exact = problem.evaluator.logits(weights, bases, images, pixels)
        return exact.at[..., 0].add(error(pixels))

    evaluator = dataclasses.replace(problem.evaluator, logits=logits)
    attack.searcher = type(attack.searcher)(
        victim, dataclasses.replace(problem, evaluator=evaluator), attack.searcher.scope
    )
    return attack


def test_rounding_of_the_search_decides_nothing():
    """Errors as of low precision: everything near the boundary is evaluated again, and the truth comes out."""
    victim, images = toy_victim(size=8), toy_images(3, size=8)
    attack = off(victim, lambda pixels: 3e-3 * jnp.sin(pixels.values[..., 0, 0] * 7.0 + pixels.x[..., 0]))
    labels = np.asarray(victim.space.labels(victim.predict(images)))
    jobs = [attack.job(str(number), image, labels[number]) for number, image in enumerate(images)]
    reevaluated = 0
    for one, image in zip(attack.run(jobs, total=10), images, strict=True):
        reevaluated += one.maps.reevaluated
        np.testing.assert_array_equal(one.maps.flipping.ravel(), brute_force(victim, image, ALL))
        assert one.maps.contradictions == 0
        assert one.maps.band > 3e-3
        assert one.maps.audited == 1000
    assert reevaluated > 3 * 64


def test_a_search_that_errs_is_found_out():
    """Errors that no probe shows, at one value in five and far from the boundary: the audit contradicts."""
    victim, images = toy_victim(size=8), toy_images(1, size=8)
    attack = off(victim, lambda pixels: jnp.where(pixels.values[..., 0, 0] % 5 == 3, 50.0, 0.0))
    labels = np.asarray(victim.space.labels(victim.predict(images)))
    (one,) = attack.run([attack.job("0", images[0], labels[0])], total=10)
    assert one.maps.contradictions > 0 or one.maps.band > 50


def test_maps_come_back_as_they_were_saved(tmp_path, grey):
    (one,) = swept(known(), grey)
    path = maps_path(tmp_path, "0")
    save_maps(path, one.maps)
    for field in dataclasses.fields(one.maps):
        before, after = getattr(one.maps, field.name), getattr(load_maps(path), field.name)
        np.testing.assert_array_equal(after, before)
        assert type(after) is type(before)
    path.write_bytes(path.read_bytes()[:-50])
    with pytest.raises(InputError, match="is damaged"):
        load_maps(path)


@pytest.mark.parametrize(
    ("channels", "options", "message"),
    [
        (1, {"num_pixels": 4}, "changes 1, 2 or 3 pixels, got num_pixels 4"),
        (1, {"worst": 5}, "it needs num_pixels 2 or 3, got 1"),
        (3, {"values": "all"}, "16,777,216 values at each position"),
        (3, {"values": 256}, "fewer than 2,147,483,648 are allowed"),
        (1, {"mask": "absent.png"}, "mask absent.png: expected a PNG"),
    ],
)
def test_what_cannot_be_tried_is_refused(channels, options, message):
    with pytest.raises(InputError, match=message):
        Attack(toy_victim(channels=channels), AttackConfig(search="exhaustive", **options))


@pytest.mark.parametrize("values", [1, 300, "1000", "many", "-5", "1_0", "²"])
def test_values_that_are_none_are_refused(values):
    said = f"values: expected corners, all, or a number of levels from 2 to 256, got {values!r}"
    with pytest.raises(ValueError, match=said):
        AttackConfig(search="exhaustive", values=values)


def test_a_mask_must_fit_the_images(tmp_path):
    Image.new("L", (4, 4)).save(tmp_path / "mask.png")
    with pytest.raises(InputError, match="expected 12 x 12 pixels"):
        Attack(toy_victim(), AttackConfig(search="exhaustive", mask=tmp_path / "mask.png"))
    Image.new("L", (12, 12)).save(tmp_path / "mask.png")
    with pytest.raises(InputError, match="black everywhere"):
        Attack(toy_victim(), AttackConfig(search="exhaustive", mask=tmp_path / "mask.png"))


@pytest.mark.parametrize("options", [{"values": "all"}, {"mask": "mask.png"}, {"worst": 9}])
def test_what_only_an_exhaustive_search_asks_is_refused_of_others(options):
    with pytest.raises(InputError, match="search exhaustive"):
        Attack(toy_victim(), AttackConfig(**options))


def test_records_show_their_maps_in_memory_and_from_a_folder(tmp_path):
    victim, images = toy_victim(size=8), toy_images(2, size=8)
    config = AttackConfig(search="exhaustive")
    kept = attack_images(victim, images, None, config, run=tmp_path / "run")
    for record in (
        attack_images(victim, images, None, config)[0],
        kept[0],
        read_records(tmp_path / "run")[0],
    ):
        assert record.maps().num_flips == record.exhaustive_flips
    assert kept[0].show_maps().width > 400
    other = attack_images(victim, images, None, AttackConfig(generations=0))[0]
    with pytest.raises(InputError, match="only search exhaustive makes maps"):
        other.maps()
