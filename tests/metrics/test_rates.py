import dataclasses
import math

import pytest
from support.some_records import some_record

from jaxpix.metrics import queries, rates
from jaxpix.metrics.rates import footnote


@pytest.mark.parametrize(
    ("successes", "experiments", "low", "high"),
    # Reference values: Wilson's formula evaluated by hand to four decimals.
    [(0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (41, 100, 0.3187, 0.5080), (1, 2, 0.0945, 0.9055)],
)
def test_wilson(successes, experiments, low, high):
    rate = rates.wilson(successes, experiments)
    assert rate.rate == successes / experiments
    assert (rate.low, rate.high) == (pytest.approx(low, abs=1e-4), pytest.approx(high, abs=1e-4))


@pytest.mark.parametrize(
    ("successes", "experiments"), [(0, 1), (1, 1), (0, 45), (41, 100), (49, 49), (7, 9999)]
)
def test_the_ends_of_wilson_are_as_far_from_the_rate_as_chance_allows(successes, experiments):
    rate = rates.wilson(successes, experiments)
    for end in {rate.low, rate.high} - {0.0, 1.0}:
        chance = 1.959963984540054 * math.sqrt(end * (1 - end) / experiments)
        assert abs(end - rate.rate) == pytest.approx(chance, rel=1e-12)
    assert (rate.low == 0.0, rate.high == 1.0) == (successes == 0, successes == experiments)


def test_wilson_of_nothing():
    rate = rates.wilson(0, 0)
    assert math.isnan(rate.rate)
    assert (rate.low, rate.high) == (0, 1)
    assert rate.text(100) == "– (0/0)"


@pytest.mark.parametrize(("successes", "experiments"), [(-1, 5), (6, 5)])
def test_wilson_refuses_impossible_counts(successes, experiments):
    with pytest.raises(ValueError, match=f"got {successes} of {experiments}"):
        rates.wilson(successes, experiments)


def test_the_footnote_of_the_asterisk():
    assert footnote(5) == "fewer than 5 correctly classified images"
    assert footnote(1) == "fewer than 1 correctly classified image"
    assert footnote(10, None, 5, 10) == "fewer than 5 or 10 correctly classified images"


def test_rate_text_has_an_asterisk_where_fewer_were_attacked():
    assert rates.wilson(41, 100).text(100) == "41.0 % (31.9–50.8), 41/100"
    assert rates.wilson(3, 5).text(100).startswith("60.0 %* (")


def records():
    return [
        some_record("a", success=True, after="sick", confidences_after=[0.2, 0.8], queries_to_first_hit=10),
        some_record("b", success=True, after="sick", confidences_after=[0.4, 0.6], queries_to_first_hit=30),
        some_record("c"),
        dataclasses.replace(some_record("d"), label_before=["sick"], null_control=False),
    ]


def test_success_rate_and_groups():
    assert rates.success_rate(records()).rate == 0.5
    groups = rates.by_original(records())
    assert {label: len(members) for label, members in groups.items()} == {("healthy",): 3, ("sick",): 1}


def test_average_confidence_is_of_the_resulting_class_over_successes():
    assert rates.average_confidence(records()) == pytest.approx(0.7)
    assert rates.average_confidence(records()[2:]) is None
    label_sets = [dataclasses.replace(record, task="multilabel") for record in records()]
    assert rates.average_confidence(label_sets) is None


def test_median_and_mean_queries():
    assert queries.median_queries_to_first_hit(records()) == 20
    assert queries.median_queries_to_first_hit(records()[:1]) == 10
    assert queries.median_queries_to_first_hit([]) is None
    assert queries.mean_queries_to_first_hit([*records(), some_record("e", success=True)]) == 19
    assert queries.mean_queries_to_first_hit(records()[2:]) is None


def test_null_control():
    assert rates.null_control_failures(records()) == 1


def test_success_against_queries_by_hand():
    made = [
        some_record("a", success=True, queries=200, queries_to_first_hit=30),
        some_record("b", success=True, queries=100, queries_to_first_hit=30),
        # The saved image succeeded, but the search had not seen it.
        some_record("c", success=True, queries=400, queries_to_first_hit=None),
        some_record("d", success=False, queries=500),
    ]
    curve = queries.success_curve(made)
    assert [(point.queries, point.rate.successes) for point in curve] == [(0, 0), (30, 2), (400, 3), (500, 3)]
    assert all(point.rate == rates.wilson(point.rate.successes, 4) for point in curve)
    assert queries.success_curve([]) == []
    assert [point.rate.rate for point in queries.success_curve(made[3:])] == [0.0, 0.0]
