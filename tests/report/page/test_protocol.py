"""What was done beside what the paper did."""

import pytest
from support.handmade import attack_result, experiments

from jaxpix.report.page.protocol import protocol_rows
from jaxpix.report.runs.series import series_of

TRAINING = {
    "model": "resnet50",
    "init": "imagenet",
    "learning_rate": 0.001,
    "momentum": 0.9,
    "batch_size": 64,
    "epochs": 100,
    "stop_accuracy": 0.95,
    "seed": 3,
}


def rows_of(*attacks):
    (series,) = series_of(attacks)
    rows = protocol_rows([series])
    assert {of for _, of in rows} == {""}
    return {row.name: (row.paper, row.here, row.verdict) for row, _ in rows}, series


def attack(**overrides):
    records = experiments(4, [["PNEUMONIA"]], **overrides.pop("records", {}))
    given = {
        "dataset": {"split": "paper", "subset": "test"},
        "victim": {"provenance": {"training": TRAINING}},
    }
    return attack_result(records, **{**given, **overrides})


def test_the_papers_own_protocol_differs_nowhere():
    rows, series = rows_of(attack())
    assert {verdict for _, _, verdict in rows.values()} == {"as in the paper", "the paper does not say"}
    assert rows["population"] == ("100", "100", "as in the paper")
    assert rows["bounds"] == ("not stated; usual: clip", "clip", "the paper does not say")
    assert series.conditions == []


def test_every_deviation_is_named():
    changed = {**TRAINING, "init": None, "learning_rate": 0.02, "schedule": "cosine"}
    rows, series = rows_of(
        attack(
            dataset={"split": "patient", "image_size": 64, "note": "resized"},
            victim={"provenance": {"training": changed}},
            options={"generations": 12, "stop_fraction": 0.0, "differential_weight": [0.5, 1.0]},
            asked=20,
        )
    )
    different = {name: here for name, (_, here, verdict) in rows.items() if verdict == "differs"}
    assert different == {
        "data": "the data set pneumonia, part 'test'; resized",
        "split": "patient",
        "image size": "64 px",
        "initial weights": "random",
        "training": "learning rate 0.02, schedule cosine",
        "images per class": "20",
        "generations": "12",
        "differential weight": "0.5–1",
        "stop fraction": "0",
    }
    assert series.conditions == ["the data set pneumonia: resized."]


def test_what_is_not_known_is_not_called_the_papers():
    rows, _ = rows_of(attack(victim={"provenance": {}}))
    assert rows["training"][1:] == ("unknown", "unknown")
    assert rows["initial weights"][1:] == ("unknown", "unknown")


def test_attacks_that_disagree_are_told_apart_and_unfinished_ones_named():
    one = attack(asked=100)
    two = attack(records={"num_pixels": 2}, asked=None, num_experiments=9)
    rows, series = rows_of(one, two)
    assert rows["images per class"][1:] == (
        "100 (1 pixel, untargeted), all (2 pixels, untargeted)",
        "differs",
    )
    assert series.conditions == ["Unfinished: 4 of 9 experiments (2 pixels, untargeted)."]


def test_what_several_series_share_stands_once():
    victims = [{"name": name, "id": name, "provenance": {"training": TRAINING}} for name in ("one", "two")]
    attacks = [
        attack(victim=victim, options={"generations": generations})
        for victim, generations in zip(victims, (27, 12), strict=True)
    ]
    rows = protocol_rows(series_of(attacks))
    assert [of for row, of in rows if row.name == "population"] == [""]
    assert [(of, row.here) for row, of in rows if row.name == "generations"] == [("one", "27"), ("two", "12")]


@pytest.mark.parametrize(
    ("options", "preset", "most"),
    [
        ({"search": "random"}, "random", "100"),
        ({"search": "sparse_rs", "generations": 4}, "sparse_rs", "1"),
        ({"algorithm": "CMA_ES", "population": 30}, "CMA_ES", "30"),
        ({"search": "exhaustive", "values": "all"}, "exhaustive, all", None),
        ({"preset": "best", "population": 30}, "shortlist", "30"),
    ],
)
def test_another_search_has_its_own_settings(options, preset, most):
    rows, series = rows_of(attack(records={"preset": preset}, options=options))
    assert rows["search"] == ("differential evolution", preset, "differs")
    assert rows.get("population", (None, None))[1] == most
    assert "strategy" not in rows
    assert f"search {preset}" in series.title
    assert "preset" not in series.title
