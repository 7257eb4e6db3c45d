"""Searches beside an exhaustive one in a report: what there is to find is known by hand."""

import csv
import json
import shutil

import numpy as np
import pytest
from support.linear import SIDE, linear_victim, margins_of_pixels
from support.toys import toy_images

from jaxpix import AttackConfig, attack_images, read_records
from jaxpix.report.__main__ import main
from jaxpix.report.runs.faults import fault_sentences, truth_sentence
from jaxpix.report.runs.reading import read_attacks
from jaxpix.report.runs.series import series_of
from jaxpix.report.runs.truths import judgements_of
from jaxpix.report.tables.recall import recall_table
from jaxpix.search.exhaustive import sweep

BIAS = 130.0
IMAGES = toy_images(6, size=SIDE, seed=1)
EXISTING = {number for number, image in enumerate(IMAGES) if margins_of_pixels(image, BIAS).min() < 0}


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """All values, the extreme values only, a search that finds what there is, and one that hardly tries."""
    folder = tmp_path_factory.mktemp("runs")
    victim = linear_victim(BIAS)
    configs = {
        "all": AttackConfig(search="exhaustive", values="all", fitness="margin"),
        "corners": AttackConfig(search="exhaustive", values="corners", fitness="margin"),
        "shortlist": AttackConfig(search="shortlist", population=10, generations=30, fitness="margin"),
        "random": AttackConfig(search="random", population=4, generations=1, fitness="margin"),
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sweep, "AUDITED", 60)
        for name, config in configs.items():
            attack_images(victim, IMAGES, None, config, run=folder / name)
    return folder


def judged(*folders):
    return judgements_of(series_of(read_attacks(folders)))


def test_recall_and_whose_fault_it_is_by_hand(runs):
    (found,) = judged(runs / "all", runs / "random", runs / "shortlist")
    assert 0 < len(EXISTING) < len(IMAGES)
    assert found.truth.is_whole
    assert sum(found.truth.flips.values()) == len(EXISTING)
    lucky = sum(record.success for record in read_records(runs / "random"))
    assert lucky < len(EXISTING)
    table = recall_table(found)
    rows = {row[0]: dict(zip(table.columns, row, strict=True)) for row in table.rows}
    assert rows["shortlist"]["at its end"].endswith(f"{len(EXISTING)}/{len(EXISTING)}")
    assert rows["random"]["at its end"].endswith(f"{lucky}/{len(EXISTING)}")
    # It ends after eight queries, and nobody knows what it would have found within 100.
    assert (rows["random"]["100 queries"], rows["random"]["queries at its end"]) == ("–", "8")
    assert rows["shortlist"]["100 queries"].endswith(f"{len(EXISTING)}/{len(EXISTING)}")
    missed, nothing = len(EXISTING) - lucky, len(IMAGES) - len(EXISTING)
    assert rows["random"]["failures that are the search's"] == f"{missed} of {missed + nothing}"
    margins = [float(one) for one in rows["random"]["regret, median and largest"].split(", ")]
    assert 0 < margins[0] <= margins[1]
    random, shortlist = fault_sentences(found)
    assert random == (
        f"random: failed on {missed + nothing} of 6 images. On {missed} of them that is the search's fault; on the "
        f"other {nothing} there is no such pixel."
    )
    assert shortlist.endswith("On none of them is that the search's fault: there is no such pixel.")


def test_fewer_values_are_a_lower_bound_and_never_say_that_there_is_nothing(runs):
    (found,) = judged(runs / "corners", runs / "shortlist", runs / "random")
    assert not found.truth.is_whole
    assert "is known to flip" in truth_sentence(found)
    assert "nobody tried" in truth_sentence(found)
    for sentence in fault_sentences(found):
        assert "does not mean that there is no such pixel" in sentence
    # Of several truths the one that tried most counts.
    (found,) = judged(runs / "corners", runs / "all", runs / "random")
    assert found.truth.is_whole


def test_what_has_no_truth_or_no_search_has_no_recall(runs, tmp_path):
    assert not judged(runs / "all")
    assert not judged(runs / "random", runs / "shortlist")
    other = tmp_path / "other"
    attack_images(
        linear_victim(BIAS, seed=1),
        IMAGES,
        None,
        AttackConfig(search="random", population=4, generations=0),
        run=other,
    )
    assert not judged(runs / "all", other)


def test_a_success_that_the_truth_denies_is_a_warning_and_no_miss(runs, tmp_path):
    shutil.copytree(runs / "all", tmp_path / "all")
    shutil.copytree(runs / "shortlist", tmp_path / "shortlist")
    (tmp_path / "all" / "records.parquet").unlink()
    journal = tmp_path / "all" / "journal.jsonl"
    lines = [json.loads(line) for line in journal.read_text().splitlines()]
    denied = next(line for line in lines if line["success"])
    denied["exhaustive_flips"] = 0
    journal.write_text("".join(json.dumps(line) + "\n" for line in lines))
    (found,) = judged(tmp_path / "all", tmp_path / "shortlist")
    assert found.denied == [denied["image_id"]]
    assert not found.truth.is_whole
    assert denied["image_id"] in found.doubts[0]
    assert found.searches[0].recall.misses == 0


def test_the_page_and_the_files_have_it(runs, tmp_path):
    main([*(str(runs / name) for name in ("all", "shortlist", "random")), "--out", str(tmp_path)])
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert page.count('id="recall"') == 1
    assert f"{len(EXISTING)} of 6 images can be flipped" in page
    assert "on the other" in page.partition('id="recall"')[2]
    (path,) = tmp_path.glob("tables/00-recall-*.csv")
    written = csv.reader(path.read_text(encoding="utf-8").splitlines())
    assert [row[0] for row in written] == ["search", "shortlist", "random"]
    assert list(tmp_path.glob("tables/00-recall-*.tex"))
    assert list(tmp_path.glob("figures/recall-*.png"))
    (item,) = [
        one
        for one in json.loads((tmp_path / "checklist.json").read_text(encoding="utf-8"))["items"]
        if one["key"] == "exhaustive"
    ]
    assert "random: failed on" in json.dumps(item)
    (one,) = json.loads((tmp_path / "summary.json").read_text(encoding="utf-8"))["recall"]
    assert one["is_whole"] is True
    assert [search["name"] for search in one["searches"]] == ["shortlist", "random"]
    assert np.isclose(one["searches"][0]["at"][-1]["recall"]["rate"], 1.0)
