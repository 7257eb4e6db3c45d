"""What `long/reproduce.py` concludes from records and verdicts; that its attacks agree is tested room by room."""

import dataclasses

import numpy as np
import pytest
from long.reproduce_agreement import (
    compare_records,
    compare_searches,
    compare_verdicts,
    fitness_difference,
    margin,
)
from support.some_records import some_record

RECORDS = [some_record("a", success=True, after="sick"), some_record("b"), some_record("c")]


def verdicts(*logits):
    names = [["healthy"] if healthy >= sick else ["sick"] for healthy, sick in logits]
    return {
        record.image_id: {"label": label, "logits": list(pair), "untouched": [10.0, 0.0]}
        for record, label, pair in zip(RECORDS, names, logits, strict=True)
    }


def test_only_the_seconds_may_differ():
    later = [dataclasses.replace(record, seconds=99.0) for record in reversed(RECORDS)]
    assert compare_records(RECORDS, later) == {"records": 3, "identical": 3, "different": {}}
    nearly = [*RECORDS[:2], dataclasses.replace(RECORDS[2], best_fitness=0.25000001, queries=601)]
    assert compare_records(RECORDS, nearly)["different"] == {"c": ["queries", "best_fitness"]}


@pytest.mark.parametrize("pair", [(RECORDS, RECORDS[:2]), (RECORDS[:2], RECORDS)])
def test_an_image_that_one_side_lacks_is_a_difference(pair):
    assert compare_records(*pair) == {"records": 3, "identical": 2, "different": {"c": ["missing"]}}


def test_the_margin_is_that_of_the_original_label():
    assert margin(RECORDS[0], [1.0, 3.5]) == -2.5
    assert margin(RECORDS[1], [4.0, 1.0]) == 3.0


@pytest.mark.parametrize(
    ("logits", "same_label", "beyond"),
    [
        ((5.0, 5.01), 3, 0),
        # The larger logit is 10, so judges may part by 1e-3 and by no more.
        ((5.0, 4.9995), 2, 0),
        ((5.0, 4.9), 2, 1),
    ],
)
def test_judges_may_part_only_where_the_margin_is_rounding(logits, same_label, beyond):
    first = verdicts((5.0, 5.0005), (9.0, 1.0), (8.0, 1.0))
    result = compare_verdicts(RECORDS, first, verdicts(logits, (9.0, 1.0), (8.0, 1.0)))
    assert result["allowed"] == pytest.approx(1e-3)
    assert (result["same_label"], result["beyond_tolerance"]) == (same_label, beyond)
    assert len(result["disagreements"]) == 3 - same_label


def test_searches_that_part_are_counted_and_their_margins_told():
    other = [dataclasses.replace(RECORDS[0], success=False), *RECORDS[1:]]
    result = compare_searches(RECORDS, other, {"a": -0.5}, {"a": 0.25})
    assert result["successes"] == {"both": 0, "only_first": 1, "only_second": 0, "neither": 2}
    assert result["decided_differently"] == [
        {"image_id": "a", "succeeded": "only_first", "margins": [-0.5, 0.25]}
    ]
    assert result["different"] == {"a": ["success"]}
    assert (result["identical"], result["same_but_for_rounding"]) == (2, 2)


def test_other_confidences_are_rounding_and_other_pixels_are_not():
    rounded = dataclasses.replace(RECORDS[0], confidences_after=[0.4999999, 0.5], best_fitness=0.2500001)
    elsewhere = dataclasses.replace(RECORDS[1], pixels=[], best_fitness=0.2500001)
    result = compare_searches(RECORDS, [rounded, elsewhere, RECORDS[2]])
    assert (result["identical"], result["same_but_for_rounding"]) == (1, 2)


def test_the_fitness_of_the_same_candidate_is_compared_and_of_no_other():
    rounded = dataclasses.replace(RECORDS[0], best_fitness=0.250001)
    elsewhere = dataclasses.replace(RECORDS[1], best_fitness=0.5, pixels=[])
    assert fitness_difference(RECORDS[:2], [rounded, elsewhere]) == pytest.approx(1e-6)
    assert np.isnan(fitness_difference(RECORDS[:1], [elsewhere]))
