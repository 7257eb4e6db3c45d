"""`report --compare`: two runs on the same images."""

import csv
import json
import shutil
from pathlib import Path

import pytest
from support.drawn_runs import make_run
from support.handmade import attack_result, experiments, record

from jaxpix.errors import InputError
from jaxpix.report.__main__ import main
from jaxpix.report.paired.runs import pair_runs, pairs_among
from jaxpix.report.writing import write_report

SICK, WELL = ["PNEUMONIA"], ["NORMAL"]
CLEAR, OPACITY, NODULE = ["clear-like"], ["opacity-like"], ["nodule-like"]


def attack(outcomes, name="one", **overrides):
    """Image n of `outcomes` went from one label to another."""
    changes = {
        key: overrides.pop(key) for key in ("num_pixels", "target", "seed", "class_names") if key in overrides
    }
    records = [
        record(
            image_id=f"{number}.png",
            label_before=before,
            label_after=after,
            victim=name,
            victim_id=f"{name:0>16}",
            **changes,
        )
        for number, (before, after) in enumerate(outcomes)
    ]
    return attack_result(records, folder=overrides.pop("folder", None) or Path(name), **overrides)


def test_rates_are_of_the_same_images_and_danger_of_the_diseased_ones():
    first = attack([(SICK, WELL), (SICK, SICK), (SICK, SICK), (WELL, SICK), (WELL, WELL)])
    second = attack([(SICK, WELL), (SICK, WELL), (SICK, SICK), (WELL, WELL), (WELL, WELL)], "other")
    (one,) = pair_runs([first], [second])
    success, dangerous = one.success, one.dangerous
    assert (success.both, success.only_first, success.only_second, success.neither) == (1, 1, 1, 2)
    assert (dangerous.both, dangerous.only_first, dangerous.only_second, dangerous.neither) == (1, 0, 1, 1)
    assert dangerous.difference == pytest.approx(1 / 3)
    # The diseased image that only the second calls normal comes first.
    assert [(ours.image_id, ours.success, theirs.success) for ours, theirs in one.changed_sides] == [
        ("1.png", False, True),
        ("3.png", True, False),
    ]


def test_images_of_one_run_alone_are_counted_and_left_out():
    first, second = attack([(SICK, WELL)] * 5), attack([(SICK, SICK)] * 3, "other", num_experiments=4)
    (one,) = pair_runs([first], [second])
    assert one.success.pairs == 3
    assert (
        "3 images that both attacked; 2 were attacked only in the first run and 0 only in the second"
        in one.notes[0]
    )
    assert any(note.startswith("Unfinished: 3 of 4 experiments (other)") for note in one.notes)


def test_studies_are_matched_by_pixels_and_target():
    first = [attack([(SICK, WELL)], f"a{count}", num_pixels=count) for count in (1, 2, 3)]
    second = [attack([(SICK, SICK)], f"b{count}", num_pixels=count) for count in (3, 1)]
    assert [one.name for one in pair_runs(first, second)] == ["1 pixel, untargeted", "3 pixels, untargeted"]
    with pytest.raises(
        InputError, match=r"nothing to compare: a2 has K = 2 untargeted, b3 has K = 3 untargeted"
    ):
        pair_runs(first[1:2], second[:1])
    with pytest.raises(InputError, match="are both attacks with 1 pixel, untargeted; name one of them"):
        pair_runs([first[0], attack([(SICK, WELL)], "again")], second)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"options": {"generations": 30}}, r"generations: 100 and 30"),
        ({"options": {"population": 50}}, r"population: 100 and 50"),
        ({"seed": 7}, r"seed: 0 and 7"),
        ({"data_fingerprint": "f" * 16}, r"data fingerprint: None and ffffffffffffffff"),
        ({"dataset": {"split": "lesion"}}, r"data set's split: patient and lesion"),
        ({"dataset": {"image_size": 64}}, r"data set's image size: 224 and 64"),
        ({"dataset": {"note": "resized"}}, r"data set's note: None and resized"),
    ],
)
def test_what_differs_beside_the_victim_is_named(changes, named):
    with pytest.raises(
        InputError, match=rf"differ in more than the victim \({named}\); attack both in the same way"
    ):
        pair_runs([attack([(SICK, WELL)])], [attack([(SICK, WELL)], "other", **changes)])


def test_the_same_run_other_images_and_other_labels_are_refused():
    first = attack([(SICK, WELL)])
    with pytest.raises(InputError, match="they are the same run"):
        pair_runs([first], [first])
    elsewhere = attack_result(experiments(3, victim="other", label_before=SICK), folder=first.folder / "x")
    with pytest.raises(InputError, match="no image was attacked in both"):
        pair_runs([first], [elsewhere])
    with pytest.raises(InputError, match=r"0\.png has the label \['PNEUMONIA'\] in one and \['NORMAL'\]"):
        pair_runs([first], [attack([(WELL, SICK)], "other")])


def test_each_victim_of_a_report_is_paired_with_the_first_that_was_attacked_alike():
    first = [attack([(SICK, WELL)], "one", num_pixels=count, folder=Path(f"one-{count}")) for count in (1, 2)]
    other, third = (attack([(SICK, SICK)], name, folder=Path(name)) for name in ("other", "third"))
    again = attack([(SICK, WELL)], "one", folder=Path("again"))
    shorter = attack([(SICK, SICK)], "fourth", folder=Path("short"), options={"generations": 30})
    shorter_too = attack([(SICK, WELL)], "fifth", folder=Path("short-too"), options={"generations": 30})
    elsewhere = attack([(SICK, SICK)], "sixth", folder=Path("elsewhere"), dataset={"split": "lesion"})
    found = pairs_among([*first, other, again, third, shorter, elsewhere, shorter_too])
    assert [one.victims for one in found] == ["one and other", "one and third", "fourth and fifth"]
    assert [one.name for one in found] == ["1 pixel, untargeted"] * 3
    assert pairs_among([*first, again]) == []


def test_a_report_of_two_victims_and_their_comparison_link_to_each_other(tmp_path):
    runs = [
        make_run(tmp_path / name, outcomes, size=16, victim=name, victim_id=str(len(name)) * 16)
        for name, outcomes in (
            ("one", [(CLEAR, OPACITY), (OPACITY, OPACITY)]),
            ("other", [(CLEAR, CLEAR), (OPACITY, CLEAR)]),
        )
    ]
    page = write_report(runs, tmp_path / "out").read_text(encoding="utf-8")
    assert '<a href="comparison.html">Image by image: what changed sides between one and other</a>' in page
    comparison = (tmp_path / "out" / "comparison.html").read_text(encoding="utf-8")
    assert '<a href="index.html">The whole report</a>' in comparison
    assert comparison.count("data:image/webp") == 2
    alone = write_report(runs[:1], tmp_path / "alone")
    assert "comparison.html" not in alone.read_text(encoding="utf-8")
    assert not alone.with_name("comparison.html").exists()


def test_without_normal_there_is_no_danger():
    first, second = (
        attack([(SICK, WELL)], name, target=None, class_names=["PNEUMONIA", "NORMAL"])
        for name in ("one", "other")
    )
    (one,) = pair_runs([first], [second])
    assert one.dangerous.pairs == 1
    unknown = [
        attack_result(
            experiments(
                2, [["b"]], class_names=["a", "b"], normal_classes=[], label_before=["a"], victim=name
            ),
            folder=Path(name),
        )
        for name in ("one", "other")
    ]
    (one,) = pair_runs(unknown[:1], unknown[1:])
    assert one.dangerous is None


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    first = [(OPACITY, CLEAR)] * 2 + [(OPACITY, OPACITY)] * 8 + [(NODULE, OPACITY)] * 2
    second = [(OPACITY, CLEAR)] * 7 + [(OPACITY, OPACITY)] * 3 + [(NODULE, NODULE)] * 2
    return [
        make_run(folder / "first", first, size=16, victim="<b>one</b>"),
        make_run(folder / "second", second, size=16, victim="other"),
    ]


def test_files_of_a_comparison(runs, tmp_path, capsys):
    out = tmp_path / "out"
    main(["--compare", str(runs[0]), str(runs[1]), "--out", str(out)])
    assert "comparison: " in capsys.readouterr().out
    written = json.loads((out / "comparison.json").read_text(encoding="utf-8"))
    (one,) = written["comparisons"]
    assert one["images"] == {"both": 12, "only_first": 0, "only_second": 0}
    assert [run["victim"] for run in one["runs"]] == ["<b>one</b>", "other"]
    assert {name: one["dangerous"][name] for name in ("both", "only_first", "only_second", "neither")} == {
        "both": 2,
        "only_first": 0,
        "only_second": 5,
        "neither": 5,
    }
    # 5 coins on one side, twice: 2 / 2^5.
    assert one["dangerous"]["p_value"] == pytest.approx(0.0625)
    assert len(one["changed_sides"]) == 7
    rows = list(csv.reader((out / "comparison.csv").read_text(encoding="utf-8").splitlines()))
    assert rows[1][:4] == [
        "1 pixel, untargeted",
        "disease called normal",
        "16.7 % (4.7–44.8), 2/12",
        "58.3 % (32.0–80.7), 7/12",
    ]
    assert rows[1][5:] == ["0 / 5 of 12", "0.062"]
    assert r"\begin{tabular}" in (out / "comparison.tex").read_text(encoding="utf-8")


def test_the_page_needs_nothing_and_escapes(runs, tmp_path):
    main(["--compare", str(runs[0]), str(runs[1]), "--out", str(tmp_path / "out")])
    html = (tmp_path / "out" / "comparison.html").read_text(encoding="utf-8")
    assert "<b>one</b>" not in html
    assert "&lt;b&gt;one&lt;/b&gt;" in html
    assert html.count("data:image/webp;base64,") == 7
    assert "Synthetic images, drawn by jaxpix; no patient." in html
    assert "http" not in html.replace("http-equiv", "")


def test_a_picture_that_is_missing_is_said(runs, tmp_path):
    copy = tmp_path / "first"
    shutil.copytree(runs[0], copy)
    shutil.rmtree(copy / "adversarial")
    main(["--compare", str(copy), str(runs[1]), "--out", str(tmp_path / "out")])
    html = (tmp_path / "out" / "comparison.html").read_text(encoding="utf-8")
    assert html.count("no picture kept") == 2


def test_compare_stands_alone(runs):
    with pytest.raises(InputError, match="--compare RUN_A RUN_B stands alone"):
        main([str(runs[0]), "--compare", str(runs[0]), str(runs[1])])
