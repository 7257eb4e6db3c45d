"""Exhaustive searches of two and three pixels: complete over what was tried, or a lower bound that says so."""

import dataclasses
import itertools
import math

import jax.numpy as jnp
import numpy as np
import pytest
from support.toys import toy_images, toy_victim

from jaxpix import AttackConfig, Victim, attack_images
from jaxpix.attack.experiments import Attack
from jaxpix.errors import InputError
from jaxpix.records.maps import load_maps, save_maps
from jaxpix.records.pixel_sets import PixelSets
from jaxpix.search.exhaustive.candidates import Candidates
from jaxpix.search.exhaustive.coverage import coverage_of
from jaxpix.search.exhaustive.program import Found
from jaxpix.search.exhaustive.scope import COMPLETE, Scope, Together, scope_of

SHAPE = (6, 5, 1)
GREY = np.full((1, *SHAPE), 100, np.uint8)
PAIRS = AttackConfig(search="exhaustive", num_pixels=2)
FEW_AUDITED = 200


def victim_of(*conditions):
    """Two classes, of which the second one needs all conditions: (row, column, whether it must be bright)."""

    def logits(images):
        evidence = [
            images[:, row, column, 0] - 200.5 if is_bright else 9.5 - images[:, row, column, 0]
            for row, column, is_bright in conditions
        ]
        least = jnp.min(jnp.stack(evidence), 0)
        return jnp.stack([jnp.zeros_like(least), least], -1) + 0.0 * images.mean((1, 2, 3))[:, None]

    return Victim.from_function(logits, class_names=["no", "yes"], input_shape=SHAPE, name="known")


TWO = ((2, 3, True), (1, 1, False))


def swept(victim, images, config, **options):
    attack = Attack(victim, config)
    labels = np.asarray(victim.space.labels(victim.predict(images)))
    jobs = [attack.job(str(number), image, labels[number]) for number, image in enumerate(images)]
    return list(attack.run(jobs, **{"total": FEW_AUDITED, **options}))


def test_the_only_pair_that_works_is_found():
    (one,) = swept(victim_of(*TWO), GREY, PAIRS)
    record, maps = one.record, one.maps
    assert record.success
    assert record.verified
    assert (record.exhaustive_flips, record.exhaustive_positions) == (1, 2)
    assert record.queries == 30 * 2 + math.comb(30, 2) * 4
    assert {(pixel.x, pixel.y, *pixel.after) for pixel in record.pixels} == {(3, 2, 255), (1, 1, 0)}
    # The larger one of the two changes, from 100 to 255.
    assert maps.smallest_change[2, 3] == maps.smallest_change[1, 1] == 155
    assert np.count_nonzero(maps.smallest_change) == np.count_nonzero(maps.flips) == 2
    # At every position the best pair that contains it; only these two have one behind the boundary.
    assert (maps.lowest_distance < 0).sum() == 2
    assert not maps.flipping.any()
    assert not maps.is_bound
    assert not maps.is_whole
    text = coverage_of([maps], record.queries).text
    assert text.startswith(
        "complete over the values and positions that were tried, each alone and in sets of 2, "
    )


def test_pairs_of_the_worst_positions_are_a_lower_bound_and_say_so():
    """The dark pixel does nothing by itself, so it is not among the two worst."""
    (one,) = swept(victim_of(*TWO), GREY, dataclasses.replace(PAIRS, worst=2))
    assert not one.record.success
    assert one.record.queries == 30 * 2 + 4
    assert one.maps.is_bound
    text = coverage_of([one.maps], one.record.queries).text
    assert text.startswith(
        "a lower bound, float32, audited: single pixels, and of sets of 2 those of the 2 worst of 30 "
    )
    assert "complete" not in text
    (other,) = swept(victim_of(*TWO), GREY, dataclasses.replace(PAIRS, worst=8))
    assert other.record.success


def test_pixels_that_are_not_needed_make_no_position_vulnerable():
    (one,) = swept(victim_of((2, 3, True)), GREY, PAIRS)
    # Alone, and with either value of each of 29 others.
    assert (one.record.exhaustive_flips, one.record.exhaustive_positions) == (1 + 29 * 2, 1)
    assert one.maps.flips[2, 3] == one.maps.flips.sum() == 1
    assert [len(sets) for sets in one.maps.flipping_sets] == [58]
    assert len(one.record.pixels) <= 2


def test_three_pixels_that_need_each_other():
    three = AttackConfig(search="exhaustive", num_pixels=3)
    (one,) = swept(victim_of(*TWO, (4, 0, True)), GREY, three)
    assert (one.record.exhaustive_flips, one.record.exhaustive_positions) == (1, 3)
    assert one.record.queries == 30 * 2 + math.comb(30, 2) * 4 + math.comb(30, 3) * 8
    (two,) = swept(victim_of(*TWO), GREY, three)
    assert (two.record.exhaustive_flips, two.record.exhaustive_positions) == (1 + 28 * 2, 2)
    assert [len(sets) for sets in two.maps.flipping_sets] == [1, 56]


def nothing_found(candidates):
    return Found(*(np.zeros(candidates.num_rows),) * 4)


def changed(image, other):
    """Numbers of the single corners that make one image of another, in order."""
    rows, columns = np.nonzero((image != other).any(-1))
    return [
        (row * image.shape[1] + column) * 2 + (other[row, column, 0] == 255)
        for row, column in zip(rows, columns, strict=True)
    ]


def test_brute_force_finds_the_same_pairs_and_every_success_of_a_search_is_one():
    victim, images = toy_victim(size=6), toy_images(4, size=6)
    scope = scope_of(PAIRS, victim.input_shape)
    found = swept(victim, images, PAIRS)
    assert any(one.record.success for one in found)
    for one, image in zip(found, images, strict=True):
        candidates = Candidates(scope, image)
        candidates.combine(nothing_found(candidates))
        painted = np.stack([candidates.painted(number) for number in range(candidates.size)])
        before = np.asarray(victim.space.labels(victim.predict(image[None])))[0]
        flips = (np.asarray(victim.space.labels(victim.predict(painted))) != before).any(-1)
        assert one.record.exhaustive_flips == flips.sum()
        expected = {tuple(changed(image, painted[number])) for number in np.flatnonzero(flips)}
        assert found_sets(one.maps) == expected
    searches = [AttackConfig(num_pixels=2, search="sparse_rs", generations=5)]
    searches += [AttackConfig(num_pixels=2, generations=20, seed=seed) for seed in range(2)]
    checked = 0
    for config in searches:
        for record in attack_images(victim, images, None, config):
            image = images[int(record.image_id)]
            at_corners = all(set(pixel.after) <= {0, 255} for pixel in record.pixels)
            if record.success and at_corners:
                checked += 1
                pixels = tuple(changed(image, record.painted_on(image)))
                assert pixels in found_sets(found[int(record.image_id)].maps)
    assert checked > 0


def found_sets(maps):
    singles = {(int(number),) for number in np.flatnonzero(maps.flipping.ravel())}
    return singles.union(*(map(tuple, sets.tolist()) for sets in maps.flipping_sets))


def test_a_kill_among_the_pairs_loses_a_block_at_most(tmp_path):
    victim, images = toy_victim(size=8), toy_images(1, size=8)
    config = dataclasses.replace(PAIRS, values="17", worst=40)
    (whole,) = swept(victim, images, config)
    attack = Attack(victim, config)
    label = np.asarray(victim.space.labels(victim.predict(images)))[0]
    counted, notices = [], []

    def killed(count):
        counted.append(count)
        if sum(counted) > 64 * 17 + 1000:
            raise KeyboardInterrupt

    options = {"total": FEW_AUDITED, "scratch": tmp_path}
    with pytest.raises(KeyboardInterrupt):
        list(attack.run([attack.job("0", images[0], label)], on_candidates=killed, **options))
    done = sum(counted)
    counted.clear()
    (again,) = attack.run(
        [attack.job("0", images[0], label)], on_candidates=counted.append, on_notice=notices.append, **options
    )
    assert any("going on after" in notice for notice in notices)
    assert sum(counted) <= attack.searcher.scope.size - done + attack.searcher._blocks.size
    assert dataclasses.replace(whole.record, seconds=0) == dataclasses.replace(again.record, seconds=0)
    np.testing.assert_array_equal(whole.maps.packed_sets, again.maps.packed_sets)
    np.testing.assert_array_equal(whole.maps.lowest_distance, again.maps.lowest_distance)


def test_sets_are_numbered_as_they_are_listed():
    for count in (2, 3):
        sets = PixelSets(count, np.arange(10, dtype=np.int32).reshape(5, 2))
        listed = [
            pixels
            for rows in itertools.combinations(sets.pixels.tolist(), count)
            for pixels in itertools.product(*rows)
        ]
        assert sets.members(np.arange(sets.size)).tolist() == [list(pixels) for pixels in listed]


def test_of_many_values_the_worst_that_differ_much_are_taken():
    grid = scope_of(dataclasses.replace(PAIRS, values="all"), SHAPE).grid
    candidates = Candidates(Scope(grid, (Together(2, 3, 2),)), GREY[0])
    distance = np.full((30, 256), 5.0, np.float32)
    distance[7, 200:] = np.arange(56) * 0.01
    distance[7, 20] = 3.0
    distance[11, 100] = -9.0  # that is the image itself
    distance[12, 0], distance[12, 10] = 1.0, np.nan
    distance[3, 255] = 2.0
    candidates.combine(nothing_found(candidates)._replace(distance=distance.ravel()))
    (sets,) = candidates.sets
    assert (sets.pixels // 256).tolist() == [[3, 3], [7, 7], [12, 12]]
    assert (sets.pixels[1] % 256).tolist() == [200, 20]
    assert sets.pixels[0, 0] % 256 == 255
    assert abs(int(sets.pixels[0, 1] % 256) - 255) >= 64


def test_as_many_sets_as_are_sensible():
    small = scope_of(PAIRS, (28, 28, 1))
    assert small.together == (Together(2, 784, 2),)
    assert small.size == 784 * 2 + math.comb(784, 2) * 4 <= COMPLETE
    three = scope_of(dataclasses.replace(PAIRS, num_pixels=3), (28, 28, 1))
    assert three.together[0] == small.together[0]
    for scope in (
        three,
        *(scope_of(dataclasses.replace(PAIRS, values=one), (64, 64, 1)) for one in ("17", "all")),
    ):
        last = scope.together[-1]
        most = max(scope.grid.size, 10_000)
        assert (last.num_positions < len(scope.grid.positions), last.num_values) == (True, 2)
        assert 0.8 * most < last.size <= most
    with pytest.raises(InputError, match="sets of 3 pixels; at most 134,217,728 are allowed"):
        scope_of(dataclasses.replace(PAIRS, num_pixels=3, worst=2000), (224, 224, 1))


def test_maps_of_sets_come_back_and_older_ones_are_read(tmp_path):
    (one,) = swept(victim_of(*TWO), GREY, PAIRS)
    save_maps(tmp_path / "new.npz", one.maps)
    again = load_maps(tmp_path / "new.npz")
    assert found_sets(again) == found_sets(one.maps) == {(6 * 2, 13 * 2 + 1)}
    with np.load(tmp_path / "new.npz") as content:
        kept = {name: content[name] for name in content.files}
    np.savez(tmp_path / "bad.npz", **{**kept, "together": kept["together"] + 1})
    with pytest.raises(InputError, match="is damaged"):
        load_maps(tmp_path / "bad.npz")
    for name in ("together", "combined", "packed_sets"):
        del kept[name]
    np.savez(tmp_path / "old.npz", **kept)
    assert load_maps(tmp_path / "old.npz").flipping_sets == []
