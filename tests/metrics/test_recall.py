import math

import pytest
from support.some_records import some_record

from jaxpix.errors import InputError
from jaxpix.metrics.recall import margin_of, recall_of, truth_of, union_of, widened

LOWEST = {"a": -2.0, "b": -1.0, "c": 1.0, "d": -0.5}
TRUTH = truth_of(
    [
        some_record(
            name,
            success=low < 0,
            after="sick",
            fitness="margin",
            best_fitness=low,
            exhaustive_flips=3 if low < 0 else 0,
            preset="exhaustive, all",
        )
        for name, low in LOWEST.items()
    ],
    is_whole=True,
)


def found(image_id, queries):
    return some_record(image_id, success=True, after="sick", queries_to_first_hit=queries, queries=10_100)


def missed(image_id, confidence, trajectory=()):
    return some_record(
        image_id, best_fitness=confidence, queries=10_100, generations=100, trajectory=list(trajectory)
    )


def logit(confidence):
    return math.log(confidence / (1 - confidence))


def test_recall_and_regret_by_hand():
    # Each generation has 100 candidates: the trajectory's tenth value is that after 1,000.
    way = [0.9, *[0.8] * 8, 0.7, *[0.6] * 90, 0.55]
    records = [found("a", 100), found("b", 1001), missed("c", 0.95), missed("d", 0.55, way)]
    recall = recall_of(TRUTH, records)
    assert (recall.images, recall.existing.successes, recall.misses) == (4, 3, 1)
    assert [(at.queries, at.recall.successes) for at in recall.at] == [(100, 1), (1_000, 1), (10_100, 2)]
    assert {at.recall.experiments for at in recall.at} == {3}
    expected = [logit(0.9) + 0.5, logit(0.7) + 0.5, logit(0.55) + 0.5]
    assert [at.median_regret for at in recall.at] == pytest.approx(expected)
    assert recall.median_regret == recall.largest_regret == pytest.approx(logit(0.55) + 0.5)
    assert [(point.queries, point.rate.successes) for point in recall.curve] == [
        (0, 0),
        (100, 1),
        (1_000, 1),
        (1_001, 2),
        (10_100, 2),
    ]


def test_a_trajectory_of_many_generations_has_fewer_points():
    """Of 254 generations every second one is kept: after 11 candidates of one a generation, that of generation 10."""
    way = [-0.1 * point for point in range(128)]
    record = some_record(
        "d", fitness="margin", best_fitness=-12.7, queries=255, generations=254, trajectory=way
    )
    assert recall_of(TRUTH, [record], (11, 12, 255)).at[0].median_regret == pytest.approx(-0.5 + 0.5)
    assert recall_of(TRUTH, [record], (12,)).at[0].median_regret == pytest.approx(0.0)
    assert recall_of(TRUTH, [record], (255,)).at[0].median_regret == pytest.approx(-12.2)


def test_what_does_not_exist_cannot_be_found():
    with pytest.raises(InputError, match="tsai2023 flips 'c', which by the whole truth no candidate does"):
        recall_of(TRUTH, [found("c", 3)])
    with pytest.raises(
        InputError, match=r"tsai2023 attacked 'e', of which the truth .exhaustive, all, complete. says"
    ):
        recall_of(TRUTH, [found("e", 3)])
    with pytest.raises(
        InputError, match="expected the records of an exhaustive search, got that of 'a' by tsai2023"
    ):
        truth_of([found("a", 1)], is_whole=True)


def test_a_truth_of_some_values_is_a_lower_bound():
    corners = truth_of(
        [some_record("a", exhaustive_flips=0, preset="exhaustive, corners", fitness="margin")], is_whole=False
    )
    recall = recall_of(corners, [found("a", 3)])
    assert (recall.existing.successes, recall.at[0].recall.successes) == (1, 1)
    assert "lower bound" in corners.says


def test_searches_are_held_against_the_same_images_where_they_find_more_than_the_truth():
    swept = {"exhaustive_flips": 0, "preset": "exhaustive, corners", "fitness": "margin", "best_fitness": 0.5}
    corners = truth_of([some_record(name, **swept) for name in "ab"], is_whole=False)
    searches = {"one": [found("a", 3), missed("b", 0.7)], "other": [missed("a", 0.9), missed("b", 0.6)]}
    joined = widened(corners, searches)
    assert joined.flipped == ("a",)
    assert joined.lowest == {"a": pytest.approx(logit(0.25)), "b": pytest.approx(logit(0.6))}
    assert {recall_of(joined, records).existing.successes for records in searches.values()} == {1}
    assert widened(TRUTH, {"one": [found("c", 1)]}) is TRUTH


def test_without_a_truth_there_is_what_any_search_found():
    searches = {"one": [found("a", 3), missed("b", 0.7)], "other": [missed("a", 0.9), missed("b", 0.6)]}
    truth = union_of(searches)
    assert truth.flips == {"a": True, "b": False}
    assert truth.lowest == {"a": pytest.approx(logit(0.25)), "b": pytest.approx(logit(0.6))}
    recalls = {name: recall_of(truth, records) for name, records in searches.items()}
    assert [recalls[name].at[-1].recall.text() for name in ("one", "other")] == [
        "100.0 % (20.7–100.0), 1/1",
        "0.0 % (0.0–79.3), 0/1",
    ]
    assert recalls["other"].median_regret == pytest.approx(logit(0.9) - logit(0.25))


@pytest.mark.parametrize(
    ("changes", "margin"),
    [
        ({"fitness": "margin", "best_fitness": -1.5}, -1.5),
        ({"fitness": "margin", "best_fitness": math.inf}, None),
        ({"best_fitness": 0.25}, math.log(1 / 3)),
        ({"best_fitness": 1.0}, None),
        ({"best_fitness": -0.25, "target": ["sick"]}, math.log(3)),
        ({"fitness": "cosine", "best_fitness": 0.5}, None),
        ({"task": "multilabel"}, None),
    ],
)
def test_margins_of_every_fitness(changes, margin):
    assert margin_of(some_record("a", **changes)) == (margin if margin is None else pytest.approx(margin))
