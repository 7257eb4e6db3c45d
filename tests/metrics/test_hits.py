import pytest
from support.handmade import experiments, record

from jaxpix.metrics.channels import by_channels
from jaxpix.metrics.failures import certainty, confidence_fall
from jaxpix.metrics.hits import hit_pixels, winning_intensities
from jaxpix.records.record import PixelChange

HIT = {"label_after": ["PNEUMONIA"]}


def test_positions_are_of_the_pixels_that_successes_changed():
    records = [
        record(pixels=[PixelChange(0, 3, [1], [2]), PixelChange(1, 1, [7], [7])], **HIT),
        record(pixels=[PixelChange(2, 2, [1], [2])]),
    ]
    (pixel,) = hit_pixels(records, 4)
    assert pixel == PixelChange(0, 3, [1], [2])
    with pytest.raises(ValueError, match=r"expected pixels within 3, got \(0, 3\)"):
        hit_pixels(records, 3)


def test_winning_intensities_by_hand():
    changes = [([10, 20, 30], [0, 255, 31]), ([20, 20, 30], [255, 255, 30]), ([60, 0, 0], [255, 0, 200])]
    records = [record(pixels=[PixelChange(5, 5, old, new)], **HIT) for old, new in changes]
    red, green, blue = winning_intensities([*records, record()])
    assert (red.before, red.after) == ((10, 20, 60), (0, 255, 255))
    assert (red.median_before, red.median_after) == (20.0, 255.0)
    assert red.mean_change == pytest.approx((10 + 235 + 195) / 3)
    assert (red.at_black.successes, red.at_white.successes, red.at_white.experiments) == (1, 2, 3)
    assert (green.median_after, blue.at_white.successes) == (255.0, 0)
    assert winning_intensities([record()]) == []


def test_grey_and_colour_together_are_refused():
    grey, colour = PixelChange(0, 0, [1], [2]), PixelChange(0, 0, [1, 2, 3], [4, 5, 6])
    with pytest.raises(ValueError, match="one number of channels"):
        winning_intensities([record(pixels=[grey], **HIT), record(pixels=[colour], **HIT)])


def test_fall_of_the_original_class_where_the_attack_failed():
    records = [
        record(confidences_before=[0.9, 0.1], confidences_after=[0.6, 0.4]),
        record(confidences_before=[0.8, 0.2], confidences_after=[0.7, 0.3]),
        record(confidences_before=[0.7, 0.3], confidences_after=[0.75, 0.25]),
        record(confidences_before=[0.9, 0.1], confidences_after=[0.1, 0.9], **HIT),
    ]
    fall = confidence_fall(records)
    assert fall is not None
    assert fall.failures == 3
    assert (fall.mean_before, fall.mean_after) == (pytest.approx(0.8), pytest.approx(2.05 / 3))
    assert (fall.mean_fall, fall.median_fall) == (pytest.approx(0.35 / 3), pytest.approx(0.1))
    assert fall.largest_fall == pytest.approx(0.3)
    assert confidence_fall(records[3:]) is None


@pytest.mark.parametrize(
    ("label", "confidences", "sure"),
    [
        (["a", "b"], [0.9, 0.6, 0.1], 0.6),
        (["a"], [0.9, 0.3, 0.1], 0.7),
        ([], [0.2, 0.45, 0.1], 0.55),
        # Under 0.5 exactly where the label set has changed.
        (["a"], [0.9, 0.51, 0.1], 0.49),
    ],
)
def test_a_label_set_is_as_sure_as_its_least_sure_decision(label, confidences, sure):
    made = record(task="multilabel", class_names=["a", "b", "c"], normal_classes=[], label_before=label)
    assert certainty(made, confidences) == pytest.approx(sure)


def test_colour_against_grey_weighs_classes_alike():
    grey_sick = experiments(10, [["NORMAL"]] * 5, label_before=["PNEUMONIA"], seconds=1.0, queries=100)
    grey_well = experiments(30, [], seconds=3.0, queries=300)
    colour = experiments(4, [["PNEUMONIA"]], pixels=[PixelChange(0, 0, [1, 2, 3], [4, 5, 6])])
    grey, coloured = by_channels([grey_sick, colour, grey_well])
    assert (grey.num_channels, coloured.num_channels) == (1, 3)
    assert (grey.classes, grey.average_success) == (2, pytest.approx(0.25))
    assert (grey.success.successes, grey.success.experiments) == (5, 40)
    assert (grey.seconds, grey.queries) == (pytest.approx(2.5), pytest.approx(250))
    assert (coloured.classes, coloured.average_success) == (1, 0.25)
