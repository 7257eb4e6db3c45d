"""The first screen: which picture, which sentence, which figures."""

import pytest
from support.drawn_runs import make_run
from support.handmade import attack_result, experiments, record

from jaxpix.metrics.queries import median_interval
from jaxpix.report.page.comparison import compared
from jaxpix.report.page.lead import lead_of
from jaxpix.report.runs.reading import read_attacks
from jaxpix.report.runs.series import series_of, short_names

CLEAR, OPACITY, NODULE = ["clear-like"], ["opacity-like"], ["nodule-like"]


def sick(sure, **changes):
    return record(
        label_before=["PNEUMONIA"], label_after=["NORMAL"], confidences_after=[sure, 1 - sure], **changes
    )


def well(sure, **changes):
    return record(label_after=["PNEUMONIA"], confidences_after=[1 - sure, sure], **changes)


def missed(left, **changes):
    return record(label_before=["PNEUMONIA"], confidences_after=[1 - left, left], **changes)


def lead(*records):
    return lead_of(series_of([attack_result(records)]))


def test_disease_called_normal_comes_before_what_is_surer():
    found = lead(
        well(0.99, image_id="surest"), sick(0.6, image_id="unsure"), sick(0.8, image_id="sure"), missed(0.5)
    )
    assert found.record.image_id == "sure"
    assert found.verdict == "Changing one pixel made the classifier call 2 of 3 PNEUMONIA images normal."
    assert found.is_dangerous
    dangerous, success, queries = found.figures
    assert (dangerous.value, dangerous.count, dangerous.is_dangerous) == ("66.7 %", "2 of 3 images", True)
    assert (success.value, success.interval, success.count) == (
        "75 %",
        "95 % interval 30.1–95.4 %",
        "3 of 4 images",
    )
    assert (queries.value, queries.interval) == ("17", "too few for an interval")


def test_without_disease_called_normal_the_surest_success():
    found = lead(well(0.7, image_id="a"), well(0.9, image_id="b"), missed(0.5, image_id="c"))
    assert found.record.image_id == "b"
    # The sentence is about what the picture shows.
    assert found.verdict == "Changing one pixel made the classifier call 2 of 2 normal images diseased."
    assert not found.is_dangerous


def test_without_any_success_the_nearest_miss():
    found = lead(missed(0.7, image_id="a"), missed(0.55, image_id="b"), missed(0.9, image_id="c"))
    assert (found.record.image_id, found.record.success) == ("b", False)
    assert found.fall == "fell from 75.0 % to 55.0 %"
    assert found.verdict.startswith("No change of one pixel was found")
    assert found.card["after_text"] == "still PNEUMONIA (55.0%)"
    assert [figure.value for figure in found.figures] == ["0 %", "0 %"]


def test_a_picture_that_is_missing_is_passed_over(tmp_path):
    run = make_run(tmp_path / "run", [(OPACITY, CLEAR)] * 3, size=16)
    all_series = series_of(read_attacks([run]))
    first = lead_of(all_series).record
    (run / first.image_file).unlink()
    second = lead_of(all_series)
    assert second.record.image_id != first.image_id
    assert second.card["image"] is not None
    for path in (run / "originals").iterdir():
        path.unlink()
    assert lead_of(all_series).card["image"] is None


def test_own_classes_without_normal_have_two_figures():
    found = lead(
        record(normal_classes=[], label_after=["PNEUMONIA"]), record(normal_classes=[], image_id="b")
    )
    assert [figure.term for figure in found.figures] == ["label changed", "median queries to a hit"]


def test_what_was_attacked_is_one_line():
    assert lead(sick(0.9)).attacked == (
        "resnet50 (test accuracy 90.0 %) on the data set pneumonia: 1 pixel, 1 image that it classifies correctly"
    )
    records = [sick(0.9)]
    unknown = lead_of(series_of([attack_result(records, victim={"test_metrics": None})]))
    assert "(its own accuracy was not measured)" in unknown.attacked


def test_the_median_has_an_interval_from_six_successes_on():
    records = [sick(0.9, image_id=str(number), queries_to_first_hit=10 * number) for number in range(1, 13)]
    # The third and the tenth of twelve: each tail holds 1.93 %.
    assert median_interval(records) == (30, 100)
    assert median_interval(records[:5]) is None
    assert median_interval([missed(0.5)]) is None


def test_attacks_side_by_side_are_tested_on_the_same_images():
    def attack(hits, **changes):
        records = experiments(10, [["NORMAL"]] * hits, label_before=["PNEUMONIA"], **changes)
        return attack_result(
            records, victim={"name": changes.get("victim", "resnet50"), "id": changes["victim_id"]}
        )

    one = attack(2, victim="one", victim_id="1" * 16)
    more = attack(4, victim="one", victim_id="1" * 16, num_pixels=2)
    two = attack(8, victim="two", victim_id="2" * 16)
    all_series = series_of([one, more, two])
    assert short_names(all_series) == ["one", "two"]
    rows = compared(all_series)
    assert [(row.name, row.pixels) for row in rows] == [
        ("one", "1 pixel"),
        ("one", "2 pixels"),
        ("two", "1 pixel"),
    ]
    assert [row.success.successes for row in rows] == [2, 4, 8]
    assert [row.dangerous.successes for row in rows] == [2, 4, 8]
    assert [row.paired for row in rows] == ["", "0 / 2 of 10, p 0.5", "0 / 6 of 10, p 0.031"]
    assert compared(all_series[1:]) == []


def test_an_image_with_two_targets_has_no_pair():
    classes = {"class_names": ["NORMAL", "CNV", "DME"], "normal_classes": ["NORMAL"], "label_before": ["CNV"]}
    aimed = [
        attack_result(experiments(3, [target], target=target, **classes)) for target in (["NORMAL"], ["DME"])
    ]
    more = attack_result(experiments(3, [["NORMAL"]], num_pixels=2, **classes))
    rows = compared(series_of([*aimed, more]))
    assert [row.paired for row in rows] == ["", ""]


@pytest.mark.parametrize(
    ("titles", "victims", "names"),
    [
        (["a", "b"], ["v", "v"], ["a", "b"]),
        (["a", "a"], ["v", "w"], ["v", "w"]),
        (["a", "a"], ["v", "v"], ["fitness confidence", "fitness margin"]),
    ],
)
def test_series_are_called_by_what_tells_them_apart(titles, victims, names):
    attacks = [
        attack_result(
            [record(fitness=fitness, victim=victim, victim_id=victim * 16)],
            dataset={"title": title},
            victim={"name": victim, "id": victim * 16},
        )
        for title, victim, fitness in zip(titles, victims, ("confidence", "margin"), strict=True)
    ]
    assert short_names(series_of(attacks)) == names
