"""Tables of hand-made attacks: the paper's layouts, what stands beside the numbers, and what does not appear."""

import pytest
from support import the_paper
from support.handmade import attack_result, experiments, record

from jaxpix.records.record import PixelChange
from jaxpix.report.runs.reading import AttackResult
from jaxpix.report.runs.series import series_of
from jaxpix.report.table import Table
from jaxpix.report.tables import study as study_tables

DISEASES = {"COVID-19": 200, "pneumonia": 100}


def tables_of(attacks: list[AttackResult]) -> list[Table]:
    return study_tables.tables_of(series_of(attacks))


def table(tables: list[Table], start: str) -> Table:
    (found,) = [one for one in tables if one.key.startswith(start)]
    return found


def column(made: Table, name: str) -> list[str]:
    return [row[list(made.columns).index(name)] for row in made.rows]


def cells(made: Table) -> dict[str, tuple[str, ...]]:
    return {row[0]: tuple(row[1:]) for row in made.rows}


def starts(tables: list[Table]) -> list[str]:
    return [one.key[:2] for one in tables]


def test_derma_gives_tables_6_to_9_with_the_papers_figures_beside():
    made = tables_of([attack_result(the_paper.transformed("derma"))])
    success = table(made, "01")
    assert (success.source, success.columns) == ("Table 6", ("class", "1 pixel, measured", "1 pixel, paper"))
    assert [row[0] for row in success.rows] == ["akiec", "bcc", "bkl", "df", "mel", "nv", "vasc"]
    assert cells(success)["bkl"] == ("41.0 % (31.9–50.8), 41/100", "41 %")

    counts = table(made, "04")
    assert counts.source == "Table 7"
    assert counts.columns[:2] == ("original", "figures")
    measured = {row[0]: row[2:] for row in counts.rows if row[1] == "measured"}
    paper = {row[0]: row[2:] for row in counts.rows if row[1] == "paper"}
    assert measured["df"] == ("3", "57", "2", "–", "0", "18", "0")
    assert measured == paper

    ratios = table(made, "05")
    assert (ratios.source, cells(ratios)["nv"]) == ("Table 8", ("37.52 %", "37.52 %"))
    assert column(ratios, "1 pixel, measured") == column(ratios, "1 pixel, paper")
    assert "144 with 1 pixel" not in ratios.notes[0]
    assert "224 with 1 pixel" in ratios.notes[0]

    conversion = table(made, "03")
    assert conversion.source == "Table 9"
    assert conversion.rows[0][2:] == ("61", "61", "42.4 % (34.6–50.5), 61/144", "42.36 %")
    assert conversion.rows[1][2:] == ("83", "83", "57.6 % (49.5–65.4), 83/144", "57.64 %")
    # 61 of the 400 images of the four diseases.
    assert cells(table(made, "02"))["all diseases"] == ("15.2 % (12.1–19.1), 61/400",)
    assert starts(made) == sorted(starts(made))
    assert not [one for one in made if one.key[:2] in ("07", "08", "09", "10")]


def test_chest_gives_tables_15_16_9_and_figure_10():
    made = tables_of([attack_result(the_paper.transformed("chest"))])
    success = table(made, "01")
    assert success.source == "Table 15"
    assert cells(success)["Normal"] == ("95.0 % (88.8–97.8), 95/100", "95 %")
    counts = table(made, "04")
    assert counts.source == "Table 16"
    assert counts.columns == (
        "after the attack",
        "figures",
        *("Normal", "Infiltration", "Atelectasis", "Effusion", "Nodule"),
    )
    measured = {row[0]: row[2:] for row in counts.rows if row[1] == "measured"}
    assert measured == {row[0]: row[2:] for row in counts.rows if row[1] == "paper"}
    assert len(measured) == 18
    assert measured["Normal"] == ("–", "54", "44", "30", "28")
    assert measured["Effusion, Mass, Pleural_Thickening"] == ("0", "0", "0", "2", "0")
    assert table(made, "03").rows[0][2:] == ("156", "156", "62.2 % (56.0–67.9), 156/251", "62.15 %")
    numbers = table(made, "07")
    assert numbers.source == "Figure 10"
    assert [row[0] for row in numbers.rows] == ["none (Normal)", "1", "2", "3"]
    assert [int(row[1].split(", ")[1].split("/")[0]) for row in numbers.rows] == [156, 166, 127, 3]
    kinds = table(made, "08")
    # The paper's text: the top three are Infiltration, Atelectasis and Effusion.
    assert {row[0] for row in kinds.rows[:3]} == {"Infiltration", "Atelectasis", "Effusion"}
    assert not [one for one in made if one.key[:2] in ("06", "12")]


def test_oct_gives_table_11_with_targeted_rows():
    none: dict[int, list[list[str]]] = {1: [], 2: [], 3: []}
    rows = [
        (["NORMAL"], None, 100, {k: [["CNV"]] * n for k, n in ((1, 62), (2, 66), (3, 69))}),
        (["CNV"], ["NORMAL"], 100, {**none, 3: [["NORMAL"]]}),
        (["DME"], ["NORMAL"], 100, {**none, 3: [["NORMAL"]]}),
        (["DRUSEN"], ["NORMAL"], 100, {k: [["NORMAL"]] * 3 for k in none}),
    ]
    made = tables_of(the_paper.attacks("oct", rows))
    success = table(made, "01")
    assert success.source == "Table 11"
    assert success.columns == (
        "class",
        *(f"{k}, {kind}" for k in ("1 pixel", "2 pixels", "3 pixels") for kind in ("measured", "paper")),
    )
    by_row = cells(success)
    assert by_row["NORMAL (untargeted)"][1::2] == ("62 %", "66 %", "69 %")
    assert by_row["CNV to NORMAL"][1::2] == ("0 %", "0 %", "1 %")
    assert by_row["DRUSEN to NORMAL"][0] == "3.0 % (1.0–8.5), 3/100"
    for row in success.rows:
        for measured, paper in zip(row[1::2], row[2::2], strict=True):
            assert float(measured.split(" ")[0]) == float(paper.split(" ")[0])
    dangerous = table(made, "02")
    assert cells(dangerous)["all diseases to NORMAL"][0] == "1.0 % (0.3–2.9), 3/300"
    # Diseases were attacked with a target only, so there is no choice of way, and no Table 9.
    assert not [one for one in made if one.key.startswith("03")]


def covid(architecture, results):
    """`results`: by K: successes of Covid, of Pneumonia, and of Normal that became Covid and Pneumonia."""
    rows = []
    for name, place in (("COVID-19", 0), ("pneumonia", 1)):
        ends = {k: [["normal"]] * result[place] for k, result in results.items()}
        rows.append(([name], ["normal"], DISEASES[name], ends))
    ends = {k: [["COVID-19"]] * result[2] + [["pneumonia"]] * result[3] for k, result in results.items()}
    rows.append((["normal"], None, 100, ends))
    made = the_paper.attacks("covid", rows, victim={"architecture": architecture})
    return tables_of(made)


def test_covid_gives_tables_12_and_13():
    made = covid("resnet50", {1: (3, 4, 12, 9), 2: (4, 5, 11, 12), 3: (5, 4, 10, 12)})
    success = table(made, "01")
    assert success.source == "Table 12"
    assert success.columns[:4] == ("class", "figure", "1 pixel, measured", "1 pixel, paper")
    by_row = {row[:2]: row[2:] for row in success.rows}
    assert list(by_row) == [
        (name, figure)
        for name in ("normal (untargeted)", "pneumonia to normal", "COVID-19 to normal")
        for figure in ("success", "AvgCL")
    ]
    assert by_row["COVID-19 to normal", "success"][:2] == ("1.5 % (0.5–4.3), 3/200", "1.5 %")
    assert by_row["COVID-19 to normal", "AvgCL"][:2] == ("0.625, n = 3", "0.718")
    assert by_row["normal (untargeted)", "success"][1::2] == ("21 %", "23 %", "22 %")
    resulting = table(made, "06")
    assert resulting.source == "Table 13"
    assert resulting.columns[3:] == ("share, measured", "share, paper", "AvgCL, measured", "AvgCL, paper")
    first = {row[1:3]: row[3:] for row in resulting.rows}
    assert first["COVID-19", "1"] == ("57.1 % (36.5–75.5), 12/21", "57 %", "0.625", "0.878")
    assert first["pneumonia", "3"] == ("54.5 % (34.7–73.1), 12/22", "55 %", "0.625", "0.796")
    # Nothing but Normal was attacked without a target: Table 13 says it all.
    assert not [one for one in made if one.key[:2] in ("04", "05", "12")]


def test_densenet_on_covid_gives_table_14_and_has_no_printed_table_13():
    made = covid("densenet121", {1: (2, 4, 9, 9), 2: (3, 6, 9, 8), 3: (4, 7, 8, 8)})
    success = table(made, "01")
    assert success.source == "Table 14"
    by_row = {row[:2]: row[2:] for row in success.rows}
    assert by_row["pneumonia to normal", "success"][1::2] == ("4 %", "6 %", "7 %")
    assert by_row["pneumonia to normal", "AvgCL"][1::2] == ("0.578", "0.616", "0.630")
    assert table(made, "06").columns[3:] == ("share, measured", "AvgCL, measured")


def test_pneumonia_compares_numbers_of_pixels_on_the_same_images():
    attacks = [
        attack_result(experiments(10, [["PNEUMONIA"]] * successes, num_pixels=k), asked=10)
        for k, successes in ((1, 2), (2, 3), (3, 8))
    ]
    made = tables_of(attacks)
    assert table(made, "01").source == "Table 10"
    paired = table(made, "10")
    assert [row[1:] for row in paired.rows] == [
        ("1 and 2", "10", "2", "0", "1", "7", "1"),
        ("1 and 3", "10", "2", "0", "6", "2", "0.031"),
        ("2 and 3", "10", "3", "0", "5", "2", "0.062"),
    ]
    # Of two classes each can only become the other.
    assert not [one for one in made if one.key[:2] in ("04", "05", "06")]


def test_colour_and_grey_stand_beside_table_17():
    grey = attack_result(experiments(10, [["PNEUMONIA"]] * 2, seconds=2.0, queries=500))
    colour = attack_result(the_paper.transformed("derma"))
    found = table(tables_of([grey, colour]), "09")
    assert found.source == "Table 17"
    rows = {row[0]: row for row in found.rows}
    assert rows["greyscale"][2:] == ("1", "20.0 %", "19 %", "20.0 % (5.7–51.0), 2/10", "2.0", "169", "500")
    assert rows["colour"][2:6] == ("7", "32.0 %", "25 %", "32.0 % (28.7–35.5), 224/700")
    assert not [one for one in tables_of([grey]) if one.key.startswith("09")]
    other_search = attack_result(the_paper.transformed("derma"), options={"generations": 30})
    assert not [one for one in tables_of([grey, other_search]) if one.key.startswith("09")]


def test_hits_failures_and_controls():
    records = [
        record(image_id="a", label_after=["PNEUMONIA"], pixels=[PixelChange(1, 1, [10], [255])]),
        record(
            image_id="b", label_after=["PNEUMONIA"], pixels=[PixelChange(1, 2, [20], [0])], refuted_hits=2
        ),
        record(image_id="c", null_control=False, verified=False),
    ]
    made = tables_of([attack_result(records, asked=3)])
    (grey,) = table(made, "14").rows
    assert grey[:6] == ("1", "grey", "2", "15.0", "127.5", "132.5")
    assert grey[6:] == ("50.0 % (9.5–90.5), 1/2", "50.0 % (9.5–90.5), 1/2")
    (failed, *_) = table(made, "13").rows
    assert failed == ("NORMAL", "1", "1 of 3", "0.750", "0.625", "0.125", "0.125", "0.125")
    (control,) = table(made, "15").rows
    assert control == ("untargeted", "1", "3", "33.3 % (6.1–79.2), 1/3", "2", "33.3 % (6.1–79.2), 1/3", "1")
    (queries, *_) = table(made, "11").rows
    assert queries == ("NORMAL", "1", "2 of 3", "17", "17", "600", "1.5")
    assert cells(table(made, "12"))["NORMAL"] == ("0.625, n = 2",)


def test_a_class_without_any_eligible_image_has_its_row():
    success = table(tables_of([attack_result(experiments(20, []), asked=20)]), "01")
    assert cells(success)["PNEUMONIA"] == ("– (0/0)", "0 %")
    assert cells(success)["NORMAL"][0] == "0.0 % (0.0–16.1), 0/20"


@pytest.mark.parametrize(
    ("dataset", "task", "target", "num_pixels", "source"),
    [
        ("pneumoniamnist", "multiclass", None, (1,), "Table 6"),
        ("pneumoniamnist", "multiclass", None, (1, 2), "Table 10"),
        ("pneumoniamnist", "multiclass", ["PNEUMONIA"], (1, 2), "Table 11"),
        ("phantom-chest", "multilabel", None, (1,), "Table 15"),
    ],
)
def test_other_data_sets_have_the_papers_layout_without_its_figures(
    dataset, task, target, num_pixels, source
):
    attacks = [
        attack_result(
            experiments(5, [["PNEUMONIA"]], dataset=dataset, task=task, target=target, num_pixels=k)
        )
        for k in num_pixels
    ]
    success = table(tables_of(attacks), "01")
    assert success.source == source
    assert not [name for name in success.columns if "paper" in name]
    assert "architecture" not in " ".join(success.notes)


def test_without_success_or_normal_classes_tables_are_left_out():
    made = tables_of([attack_result(experiments(5, [], normal_classes=[]))])
    assert starts(made) == ["01", "13", "15"]


def test_attacks_of_different_searches_are_apart_and_say_so():
    one = attack_result(experiments(5, []))
    others = [
        attack_result(experiments(5, [], preset="su2019")),
        attack_result(experiments(5, []), options={"population": 20}),
        attack_result(experiments(5, [], seed=3)),
    ]
    made = [found for found in tables_of([one, *others]) if found.key.startswith("01")]
    assert len({found.key for found in made}) == 4
    titles = sorted(found.title for found in made)
    assert titles[0].endswith("resnet50, fitness confidence")
    assert [title.split("confidence, ")[1] for title in titles[1:]] == [
        "population 20",
        "preset su2019",
        "seed 3",
    ]


def test_the_same_image_in_two_folders_counts_once():
    half, whole = experiments(3, [["PNEUMONIA"]]), experiments(6, [["PNEUMONIA"]])
    success = table(tables_of([attack_result(half, asked=3), attack_result(whole, asked=6)]), "01")
    assert cells(success)["NORMAL"][0] == "16.7 % (3.0–56.4), 1/6"


NOTES = [
    ({"dataset": {"note": "resized by a third party"}}, {}, "resized by a third party."),
    (
        {"dataset": {"synthetic": True}},
        {},
        "synthetic images, drawn by jaxpix; they say nothing about patients.",
    ),
    ({}, {"synthetic": True}, "synthetic images"),
    ({"num_experiments": 9}, {}, "Unfinished: 5 of 9 experiments (1 pixel, untargeted)."),
    ({"dataset": {"image_size": 64}}, {}, "image size 64 px (paper: 224 px)"),
    ({"asked": 20}, {}, "images per class 20 (paper: 100 classified correctly)"),
    ({"options": {"generations": 30}}, {}, "generations 30 (paper: 100)"),
    ({"options": {"population": 20}}, {}, "population 20 (paper: 100)"),
    ({"options": {"precision": "bfloat16"}}, {}, "precision bfloat16 (paper: not stated; usual: float32)"),
    ({"options": {"bounds": "redraw"}}, {}, "bounds redraw (paper: not stated; usual: clip)"),
    ({"victim": {"architecture": None}}, {}, "architecture unknown (paper: resnet50)"),
    ({}, {"preset": "su2019"}, "preset su2019 (paper: tsai2023)"),
    ({}, {"fitness": "margin"}, "fitness margin (paper: confidence)"),
    ({"asked": 200}, {}, "images per class 200 (paper: 100 classified correctly)"),
    ({"options": {"strategy": "best1"}}, {}, "strategy best1 (paper: rand1, a random base)"),
    ({"dataset": {"split": "patient"}}, {}, "split patient (paper: 8:2 by image)"),
    ({"victim": {"architecture": "resnet14"}}, {}, "architecture resnet14 (paper: resnet50)"),
]


@pytest.mark.parametrize(("overrides", "of_records", "note"), NOTES)
def test_every_table_says_what_its_numbers_must_not_be_quoted_without(overrides, of_records, note):
    records = experiments(5, [["PNEUMONIA"]], split="paper", **of_records)
    clean = tables_of([attack_result(experiments(5, [["PNEUMONIA"]], split="paper"))])
    assert clean
    assert not [one for one in clean if note in " ".join(one.notes)]
    made = tables_of([attack_result(records, **overrides)])
    assert len(made) == len(clean)
    assert all(note in " ".join(one.notes) for one in made)


def test_the_papers_own_protocol_has_no_caveat():
    made = tables_of([attack_result(the_paper.transformed("derma"))])
    assert not [note for one in made for note in one.notes if "protocol" in note or "Unfinished" in note]
    assert "Rates with their Wilson 95 % interval and counts." in table(made, "01").notes
    assert not [note for note in table(made, "01").notes if note.startswith("*")]


def test_a_preset_told_by_name_may_be_brought_back_to_the_papers_choice():
    records = experiments(5, [], preset="scipy", split="paper")
    (series,) = series_of([attack_result(records, options={"strategy": "rand1"})])
    assert series.title.endswith("fitness confidence, preset scipy, strategy rand1")
    note = "Not the paper's protocol: preset scipy (paper: tsai2023)."
    assert note in table(study_tables.tables_of([series]), "01").notes


def test_an_asterisk_is_explained():
    success = table(tables_of([attack_result(experiments(5, []))]), "01")
    assert cells(success)["NORMAL"][0] == "0.0 %* (0.0–43.4), 0/5"
    assert [note for note in success.notes if note.startswith("* fewer experiments than asked")]


def test_table_keys_are_file_stems():
    with pytest.raises(AssertionError, match="unsafe table key"):
        Table("../x", "", "", (), (), ())
    with pytest.raises(AssertionError, match="1 cells, 2 columns"):
        Table("x", "", "", ("a", "b"), (("c",),), ())
