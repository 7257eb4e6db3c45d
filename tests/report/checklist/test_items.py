"""The model card and checklist: what records answer, and what is left to people."""

import json

import pytest
from support.drawn_runs import make_run
from support.handmade import attack_result, experiments

from jaxpix.records.attacked import Group
from jaxpix.report.checklist.items import checklist_of, to_plain
from jaxpix.report.exports.markdown import checklist_markdown
from jaxpix.report.runs.series import series_of
from jaxpix.report.writing import write_report

CONFUSION = [[90, 10], [5, 95]]
TESTED = {
    "task": "multiclass",
    "count": 200,
    "accuracy": 0.925,
    "confusion": CONFUSION,
    "classes": [{"class": "NORMAL"}, {"class": "PNEUMONIA"}],
}


def pneumonia(**overrides):
    records = experiments(50, [["NORMAL"]] * 5, label_before=["PNEUMONIA"]) + experiments(
        50, [["PNEUMONIA"]] * 10
    )
    return attack_result(records, victim={"test_metrics": TESTED}, data_fingerprint="f" * 16, **overrides)


def lines(item):
    return [line for answer in item.answers for line in answer.lines]


def items(*attacks):
    return {item.key: item for item in checklist_of(series_of(attacks)).items}


def test_eighteen_items_in_order_of_which_fifteen_are_filled():
    checklist = checklist_of(series_of([pneumonia()]))
    assert [item.number for item in checklist.items] == list(range(1, 19))
    assert checklist.num_filled == 15
    assert [item.key for item in checklist.items if not item.is_filled] == [
        "intended_use",
        "exhaustive",
        "defences",
    ]
    assert all(item.authors for item in checklist.items if not item.is_filled)


def test_the_guidelines_numbers_are_as_they_are_given():
    checklist = checklist_of(series_of([pneumonia()]))
    assert {one["name"]: one["items"] for one in checklist.guidelines} == {
        "CLAIM 2024": "9, 19–21, 23, 28–30, 33, 37–40, 43",
        "STARD-AI 2025": "7, 13–15c, 18, 21–24, 28, 30–31, 40",
        "TRIPOD+AI": "5a, 10, 12, 15, 18, 20a, 23a, 27a",
        "FUTURE-AI 2025": "robustness 1–3",
        "EU AI Act": "article 15",
    }


@pytest.mark.parametrize(
    ("guideline", "numbers"),
    [
        ("CLAIM 2024", {"9", "19", "20", "21", "23", "28", "29", "30", "33", "37", "38", "39", "40", "43"}),
        (
            "STARD-AI 2025",
            {"7", "13", "14", "15a", "15b", "15c", "18", "21", "22", "23", "24", "28", "30", "31", "40"},
        ),
        ("TRIPOD+AI", {"5a", "10", "12", "15", "18", "20a", "23a", "27a"}),
        ("FUTURE-AI 2025", {"robustness 1", "robustness 2", "robustness 3"}),
    ],
)
def test_every_number_of_a_guideline_has_its_item_and_no_other(guideline, numbers):
    checklist = checklist_of(series_of([pneumonia()]))
    given = [item.references.get(guideline, "") for item in checklist.items]
    assert {one for text in given for one in text.split(", ") if one} == numbers


def test_items_stand_where_the_guidelines_ask_for_the_like():
    """CLAIM 2024 counts partitions, disjointness and sample size otherwise than CLAIM 2020 did."""
    references = {item.key: item.references for item in checklist_of(series_of([pneumonia()])).items}
    assert references["split"] == {"CLAIM 2024": "19, 20", "STARD-AI 2025": "15b"}
    assert references["sample_size"] == {"CLAIM 2024": "21", "STARD-AI 2025": "22", "TRIPOD+AI": "10"}
    assert references["flow"] == {"STARD-AI 2025": "7, 24", "TRIPOD+AI": "20a"}
    assert references["confusion"]["STARD-AI 2025"] == "30"


def test_figures_are_those_of_the_records():
    found = items(pneumonia())
    # Wilson for 185/200, 90/100 and 95/100.
    assert lines(found["clean_accuracy"]) == [
        "Accuracy on test images: 92.5 % (88.0–95.4), 185/200.",
        "NORMAL: 90.0 % (82.6–94.5), 90/100 called so.",
        "PNEUMONIA: 95.0 % (88.8–97.8), 95/100 called so.",
    ]
    assert lines(found["rates"])[0] == "1 pixel, untargeted: success 15.0 % (9.3–23.3), 15/100."
    assert lines(found["dangerous"]) == [
        "1 pixel, untargeted: disease called normal 10.0 % (4.3–21.4), 5/50."
    ]
    # 1 - 0.05^(1/100) = 2.95 %.
    assert "100 images. A true rate of 3 % or more" in lines(found["sample_size"])[0]
    assert lines(found["confusion"])[1:] == [
        "After, 1 pixel, untargeted, NORMAL (50): 10 PNEUMONIA, 40 not changed.",
        "After, 1 pixel, untargeted, PNEUMONIA (50): 5 NORMAL, 45 not changed.",
    ]
    assert "Queries: at most 10,100 an image. Aim: untargeted." in lines(found["threat_model"])
    assert (
        "85 images were not changed; the confidence in their label fell from 75.0 % to 62.5 %"
        in (lines(found["failures"])[0])
    )
    assert "No success found means" in lines(found["failures"])[1]


def test_the_flow_of_images_is_that_of_the_selection():
    groups = [
        Group(("NORMAL",), list(range(50)), examined=64, available=234, correct=58),
        Group(("PNEUMONIA",), list(range(50)), examined=64, available=390),
    ]
    assert lines(items(pneumonia(groups=groups))["flow"]) == [
        "1 pixel, untargeted, NORMAL: 234 there, 64 looked at, 58 correct, 50 attacked, 10 changed.",
        "1 pixel, untargeted, PNEUMONIA: 390 there, 64 looked at, 50 attacked, 5 changed.",
    ]
    assert lines(items(pneumonia())["flow"]) == [
        "1 pixel, untargeted: 100 classified correctly and chosen, 100 attacked, 15 changed."
    ]


def test_settings_are_marked_where_that_is_known():
    told = lines(items(pneumonia())["settings"])
    assert told[0].startswith("Prespecified by the published protocol: ")
    assert "generations 100" in told[0]
    changed = lines(items(pneumonia(options={"generations": 30}))["settings"])
    assert "generations 30 (published: 100)." in changed
    assert changed[1] == "Others, each to be marked as prespecified or exploratory by the authors:"


def test_where_normal_and_accuracy_are_unknown_people_fill_them_in():
    unknown = attack_result(
        experiments(10, class_names=["a", "b"], normal_classes=[], label_before=["a"]),
        victim={"test_metrics": None},
    )
    checklist = checklist_of(series_of([unknown]))
    assert not items(unknown)["dangerous"].is_filled
    assert not items(unknown)["clean_accuracy"].is_filled
    assert checklist.num_filled >= 12


@pytest.mark.parametrize(
    "metrics",
    [
        {"count": "many"},
        {"count": 0, "accuracy": 1.0},
        {"count": 5, "accuracy": "good", "confusion": 3, "classes": []},
        {"count": 5, "confusion": [["x"]], "classes": ["a"]},
        {"count": 5, "confusion": [[-1]], "classes": [{}]},
        {"count": 5, "labels": [1, {"auroc": None}]},
    ],
)
def test_metrics_of_any_kind_are_borne(metrics):
    found = items(attack_result(experiments(10), victim={"test_metrics": metrics}))
    assert not found["clean_accuracy"].is_filled


def test_what_several_series_say_alike_is_said_once():
    first = attack_result(experiments(10), victim={"name": "one", "id": "1" * 16})
    second = attack_result(
        experiments(10, victim="other", victim_id="2" * 16), victim={"name": "other", "id": "2" * 16}
    )
    found = items(first, second)
    assert [answer.title for answer in found["split"].answers] == [""]
    alike, *apart = found["victim"].answers
    assert (alike.title, alike.lines) == ("", ["Decision: the class of highest confidence; no threshold."])
    assert [answer.title for answer in apart] == ["one", "other"]
    assert [answer.lines[0] for answer in apart] == [
        f"{name}; architecture: resnet50." for name in ("one", "other")
    ]


def test_workers_that_computed_are_counted():
    environment = {"devices": ["H100"], "workers": ["a: H100", "b: H100"]}
    found = items(attack_result(experiments(10), environment=environment))
    assert any("; H100, by 2 workers; " in line for line in lines(found["software"]))


def test_it_lies_beside_the_page_as_json_markdown_and_part(tmp_path):
    clear, opacity = ["clear-like"], ["opacity-like"]
    run = make_run(
        tmp_path / "run", [(opacity, clear), (clear, clear)], size=16, about={"note": "<b>odd</b> note"}
    )
    page = write_report([run], tmp_path / "out")
    written = json.loads((tmp_path / "out" / "checklist.json").read_text(encoding="utf-8"))
    assert written["schema_version"] == 1
    assert len(written["items"]) == 18
    assert written["items"][0]["is_filled"] is False
    markdown = (tmp_path / "out" / "checklist.md").read_text(encoding="utf-8")
    assert markdown.count("To be filled in by the authors") >= 3
    html = page.read_text(encoding="utf-8")
    assert "Model card and checklist" in html
    assert "<b>odd</b>" not in html
    assert "&lt;b&gt;odd&lt;/b&gt; note" in html
    assert not any("compliant" in text.lower() for text in (markdown, json.dumps(written)))


def test_plain_is_json():
    plain = to_plain(checklist_of(series_of([pneumonia()])))
    assert json.loads(json.dumps(plain, allow_nan=False)) == plain | {
        "items": json.loads(json.dumps(plain["items"]))
    }


def test_markdown_has_every_item_with_its_references():
    text = checklist_markdown(checklist_of(series_of([pneumonia()])))
    assert text.count("\n## ") == 18
    assert "(CLAIM 2024: 19, 20; STARD-AI 2025: 15b)" in text
