"""Searches beside one another on images whose truth is known by hand."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from support.linear import SIDE, linear_victim, margins_of_pixels
from support.toys import toy_images

from jaxpix import AttackConfig, read_records
from jaxpix.attack.given import GivenImages
from jaxpix.bench.plots import draw_all
from jaxpix.bench.results import Results
from jaxpix.bench.searches import SearchesOptions, measure_searches, named
from jaxpix.bench.tables import show_all
from jaxpix.errors import InputError
from jaxpix.search.exhaustive import sweep
from jaxpix.search.presets import search_of

BIAS = 130.0
IMAGES = toy_images(6, size=SIDE, seed=1)
SEARCHES = ("tsai2023", "random", "shortlist")


@pytest.fixture(scope="module")
def victim():
    return linear_victim(BIAS)


@pytest.fixture(scope="module")
def images(victim):
    labels = np.asarray(victim.space.labels(victim.predict(IMAGES)))
    return GivenImages(victim.space, IMAGES, labels, [f"i{n}" for n in range(len(IMAGES))], False)


@pytest.fixture
def options(tmp_path):
    return SearchesOptions(
        subset="given",
        all=True,
        run=tmp_path / "runs",
        searches=SEARCHES,
        truth="all",
        queries=20,
        config=AttackConfig(population=10, fitness="margin"),
        out=tmp_path,
        name="found",
    )


def test_recall_is_that_of_the_truth_and_goes_on_where_it_was(victim, images, options, monkeypatch, capsys):
    monkeypatch.setattr(sweep, "AUDITED", 60)
    results = Results(options.out, options.name, "bench searches", {})
    rows = list(measure_searches(options, victim, images))
    flips = {f"i{n}" for n, image in enumerate(IMAGES) if margins_of_pixels(image, BIAS).min() < 0}
    assert 0 < len(flips) < len(IMAGES)
    for row in rows:
        records = read_records(row.folder)
        assert {record.image_id for record in records if record.success} <= flips
        assert row.recall.existing.successes == len(flips)
        assert row.recall.at[-1].recall.successes == sum(record.success for record in records)
        assert all(record.queries <= 20 for record in records)
        results.add(row)
    by_name = {row.search: row.recall for row in rows}
    # The best pixel of a linear victim is the first of the list, and no search beats it.
    assert by_name["shortlist"].at[0].recall.rate == 1.0
    assert by_name["random"].at[-1].recall.rate < 1.0
    assert by_name["random"].median_regret > 0
    assert by_name["shortlist"].median_regret is None
    assert {row.truth for row in rows} == {"exhaustive, all, complete"}
    before = {path: path.read_bytes() for path in options.run.glob("*/journal.jsonl")}
    again = list(measure_searches(options, victim, images))
    assert [row.recall for row in again] == [row.recall for row in rows]
    assert before == {path: path.read_bytes() for path in options.run.glob("*/journal.jsonl")}
    show_all(results)
    shown = capsys.readouterr().out
    assert "Recall: images" in shown
    assert "of the images that can be flipped" in shown
    [picture] = draw_all(results)
    assert picture.name == "found-recall.png"
    stored = json.loads(results.json_path.read_text())["searches"]
    assert [at["queries"] for at in stored[0]["recall"]["at"]] == [20]
    assert Results.read(results.json_path).of("searches") == rows


def test_images_that_can_be_flipped_are_enough_for_recall(victim, images, options, monkeypatch):
    monkeypatch.setattr(sweep, "AUDITED", 60)
    every = {row.search: row.recall for row in measure_searches(options, victim, images)}
    folder = str(options.run / "exhaustive-all")
    only = dataclasses.replace(options, flippable=True, truth=folder, run=options.run / "only")
    for row in measure_searches(only, victim, images):
        whole = every[row.search]
        assert row.recall.images == row.recall.existing.successes == whole.existing.successes < whole.images
        assert row.recall.at == whole.at
    with pytest.raises(InputError, match="another attack"):
        list(measure_searches(dataclasses.replace(only, run=options.run), victim, images))


def test_of_two_pixels_the_truth_is_a_lower_bound(victim, images, options, monkeypatch):
    monkeypatch.setattr(sweep, "AUDITED", 60)
    config = dataclasses.replace(options.config, num_pixels=2, worst=6)
    two = dataclasses.replace(options, config=config, searches=("random", "best"), truth="all")
    random, best = measure_searches(two, victim, images)
    assert random.truth == "exhaustive, all, sets of 2, lower bound, or found by a search: a lower bound"
    # Of a linear victim the worst pair is made of the worst pixels.
    assert best.recall.at[-1].recall.rate == 1.0
    assert random.recall.existing == best.recall.existing


def test_a_success_that_the_truth_denies_names_the_image(victim, images, options, monkeypatch):
    monkeypatch.setattr(sweep, "AUDITED", 60)
    only = dataclasses.replace(options, searches=("shortlist",))
    [row] = measure_searches(only, victim, images)
    (options.run / "exhaustive-all" / "records.parquet").unlink()
    journal = options.run / "exhaustive-all" / "journal.jsonl"
    lines = [json.loads(line) for line in journal.read_text().splitlines()]
    denied = next(line for line in lines if line["success"])
    denied["exhaustive_flips"] = 0
    journal.write_text("".join(json.dumps(line) + "\n" for line in lines))
    with pytest.raises(
        InputError, match=f"shortlist flips '{denied['image_id']}', which by the whole truth no"
    ):
        list(measure_searches(dataclasses.replace(only, truth=str(journal.parent)), victim, images))
    other = linear_victim(BIAS, seed=1)
    with pytest.raises(InputError, match="is the truth of another attack: victim "):
        list(measure_searches(dataclasses.replace(only, truth=str(journal.parent)), other, images))
    assert row.recall.misses == 0


def test_what_was_stored_before_stays_readable():
    stored = sorted((Path(__file__).parents[2] / "benchmarks" / "results").glob("cpu-*.json"))
    assert stored
    for file in stored:
        kept, results = json.loads(file.read_text()), Results.read(file)
        for rows in ("searches", "datasets", "comparisons", "attacks"):
            assert len(results.of(rows)) == len(kept.get(rows, ()))


@pytest.mark.parametrize(
    ("name", "population", "generations"),
    [("tsai2023", 100, 100), ("su2019", 400, 25), ("sparse_rs", 1, 10_099), ("CMA_ES", 100, 100)],
)
def test_every_search_may_evaluate_as_many_candidates(name, population, generations):
    search = search_of(named(AttackConfig(), name, 10_100))
    assert (search.population, search.generations) == (population, generations)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"config": AttackConfig(preset="scipy")}, "bench searches takes no preset: --searches names"),
        ({"searches": ("random", "random")}, "expected distinct searches, got random, random"),
        (
            {"searches": ("CMAES",)},
            r"unknown search 'CMAES' \(did you mean CMA_ES\?\); there are presets \(tsai2023, .* \(ARS, ",
        ),
        ({"searches": ("tsai2022",)}, r"unknown search 'tsai2022' \(did you mean tsai2023\?\)"),
        (
            {"flippable": True, "truth": None},
            "--flippable asks which images can be flipped: it needs --truth",
        ),
        ({"truth": "nowhere"}, "--truth: expected the run folder of an exhaustive search, .*, got 'nowhere'"),
    ],
)
def test_what_cannot_be_compared_is_refused(victim, images, options, changes, message):
    with pytest.raises(InputError, match=message):
        list(measure_searches(dataclasses.replace(options, **changes), victim, images))
