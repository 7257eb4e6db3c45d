"""Records that no experiment ends in are refused, and the field is named."""

import math

import pytest
from support.handmade import record

from jaxpix.records.check import check_record
from jaxpix.records.record import PixelChange

WON = {"label_after": ["PNEUMONIA"]}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        WON,
        {"target": ["PNEUMONIA"], **WON},
        {
            "task": "multilabel",
            "normal_classes": [],
            "label_before": [],
            "label_after": ["NORMAL", "PNEUMONIA"],
        },
        {"confidences_after": [math.nan, math.nan], "best_fitness": math.inf},
        {"normal_classes": []},
        {"pixels": []},
        {"trajectory": [math.inf, 0.5, 0.5, 0.25]},
    ],
)
def test_what_experiments_end_in(changes):
    check_record(record(**changes))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"num_pixels": "1"}, "num_pixels: Input should be a valid integer"),
        ({"num_pixels": 0}, "pixels: expected at most 0, got 1"),
        ({"queries": -1}, "queries: Input should be greater than or equal to 0"),
        ({"queries": 2**63}, "queries: Input should be less than"),
        ({"success": 1}, "success: Input should be a valid boolean"),
        ({"seconds": math.inf}, "seconds: Input should be a finite number"),
        ({"trajectory": [0.25, 0.5]}, "trajectory: expected the best so far, which never rises"),
        ({"trajectory": [0.5] * 129}, "trajectory: expected at most 128 values, got 129"),
        ({"trajectory": ["0.5"]}, "trajectory.0: Input should be a valid number"),
        ({"task": "both"}, "task: Input should be 'multiclass' or 'multilabel'"),
        ({"label_before": ["measles"]}, "unknown class 'measles'"),
        ({"label_after": []}, "a multiclass label is exactly one class"),
        ({"target": ["measles"]}, "unknown class 'measles'"),
        ({"class_names": ["NORMAL", "NORMAL"]}, "class names must be distinct"),
        ({"image_id": "a\ud800"}, "surrogates not allowed"),
        ({"success": True}, r"success: \['NORMAL'\] to \['NORMAL'\] is none"),
        ({"target": ["NORMAL"], **WON}, "success: .* is none"),
        ({"confidences_before": [1.0]}, "confidences_before: expected 2 values, got 1"),
        (
            {"confidences_before": [math.nan, 0.5]},
            "confidences_before: expected numbers from 0 to 1, got nan",
        ),
        (
            {"confidences_after": [0.5, 1.5], **WON},
            "confidences_after: expected numbers from 0 to 1, got 1.5",
        ),
        ({"confidences_after": [math.nan, 0.5], **WON}, "confidences_after: .* got nan"),
        ({"pixels": [PixelChange(-1, 0, [0], [1])]}, "pixels: expected a place"),
        ({"pixels": [PixelChange(1, 0, [0], [256])]}, "pixels: expected a place"),
        ({"pixels": [PixelChange(1, 0, [0], [1, 2, 3])]}, "pixels: expected a place"),
    ],
)
def test_what_none_ends_in(changes, message):
    with pytest.raises(ValueError, match=message):
        check_record(record(**changes))
