"""Exhaustive searches from a run folder to a page: table, sentence, maps; and what an audit that contradicts does."""

import dataclasses
import json

import pytest
from support.toys import toy_images, toy_victim

from jaxpix import AttackConfig, attack_images, read_records
from jaxpix.errors import InputError
from jaxpix.records.maps import load_maps, maps_path, save_maps
from jaxpix.report.__main__ import main
from jaxpix.report.runs.reading import read_attacks
from jaxpix.report.runs.series import series_of
from jaxpix.report.runs.sweeps import coverage_of_series
from jaxpix.report.tables.exhaustive import exhaustive_table

COUNT = 6


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Six toys: every value of every position, in a run folder, with an evolution of the same images beside it."""
    folder = tmp_path_factory.mktemp("runs")
    victim, images = toy_victim(size=8), toy_images(COUNT, size=8)
    attack_images(
        victim,
        images,
        None,
        AttackConfig(search="exhaustive", values=9),
        run=folder / "truth",
    )
    attack_images(victim, images, None, AttackConfig(generations=5), run=folder / "evolution")
    return folder / "truth"


def series(run):
    (found,) = series_of(read_attacks([run]))
    return found


def test_the_table_counts_what_the_maps_hold(run):
    records = read_records(run)
    maps = {record.image_id: load_maps(maps_path(run, record.image_id)) for record in records}
    table = exhaustive_table(series(run))
    last = dict(zip(table.columns, table.rows[-1], strict=True))
    flipping = [record for record in records if record.exhaustive_flips]
    assert 0 < len(flipping) <= COUNT
    assert last["any candidate is adversarial"].endswith(f"{len(flipping)}/{COUNT}")
    mean = sum(one.num_positions for one in maps.values()) / COUNT
    assert last["their mean (ANVP)"] == f"{mean:,.1f}"
    assert last["mean share of the positions tried"] == f"{100 * mean / 64:.2f} %"
    candidates = sum(record.queries for record in records)
    share = sum(record.exhaustive_flips for record in records) / candidates
    assert last["adversarial among all candidates"] == f"{100 * share:.3f} %"
    assert f"{candidates:,} candidates of {COUNT} images" in table.notes[0]
    assert table.notes[0].startswith(
        "Complete over the values and positions that were tried, float32, audited"
    )


def test_the_page_shows_maps_and_does_not_call_the_counts_lower_bounds(run, tmp_path):
    main([str(run), "--out", str(tmp_path)])
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    for name in ("Vulnerable positions", "Smallest change", "Lowest confidence", "What there is to find"):
        assert name in page
    assert "lower bounds" not in page.split("Model card and checklist")[0]
    assert "Success against queries" not in page
    assert list(tmp_path.glob("figures/vulnerable-*.png"))
    checklist = json.loads((tmp_path / "checklist.json").read_text(encoding="utf-8"))
    (item,) = [one for one in checklist["items"] if one["key"] == "exhaustive"]
    assert "omplete over" in json.dumps(item)


def test_an_evolution_beside_it_keeps_its_own_words(run, tmp_path):
    main([str(run), str(run.parent / "evolution"), "--out", str(tmp_path)])
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert "lower bounds, these images only" in page
    assert "tried every candidate" in page
    assert "search exhaustive, 9" in page


def test_contradictions_forbid_the_word_complete(run):
    path = maps_path(run, read_records(run)[0].image_id)
    kept = path.read_bytes()
    try:
        save_maps(path, dataclasses.replace(load_maps(path), contradictions=2))
        words = coverage_of_series(series(run)).text
        assert words.startswith("not complete: 2 contradictions")
    finally:
        path.write_bytes(kept)


def test_maps_of_other_images_are_refused(run, tmp_path):
    path = maps_path(run, read_records(run)[0].image_id)
    kept, maps = path.read_bytes(), load_maps(path)
    try:
        save_maps(path, dataclasses.replace(maps, flips=maps.flips[:4]))
        with pytest.raises(InputError, match="is damaged: lowest_distance is"):
            coverage_of_series(series(run))
    finally:
        path.write_bytes(kept)


def test_pairs_of_the_worst_positions_are_called_a_lower_bound_everywhere(tmp_path):
    victim, images = toy_victim(size=8), toy_images(COUNT, size=8)
    config = AttackConfig(search="exhaustive", values=9, num_pixels=2, worst=9)
    kept = attack_images(victim, images, None, config, run=tmp_path / "pairs")
    assert {record.preset for record in kept} == {"exhaustive, 9, sets of 2, lower bound"}
    (found,) = series_of(read_attacks([tmp_path / "pairs"]))
    table = exhaustive_table(found)
    assert table.title.startswith("What there is to find, at least: ")
    assert table.notes[0].startswith(
        "A lower bound, float32, audited: single pixels, and of sets of 2 those of the 9 "
    )
    main([str(tmp_path / "pairs"), "--out", str(tmp_path)])
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert "lower bounds, these images only" in page
    assert "every candidate tried" not in page
    (item,) = [
        one
        for one in json.loads((tmp_path / "checklist.json").read_text(encoding="utf-8"))["items"]
        if one["key"] == "exhaustive"
    ]
    assert "A lower bound" in json.dumps(item)
    assert "omplete over" not in json.dumps(item)
