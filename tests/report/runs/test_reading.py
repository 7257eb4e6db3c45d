"""Run folders that were made up are refused before anything is written, and the file is named."""

import json

import pytest
import tomli_w
from support.drawn_runs import make_run

from jaxpix.errors import InputError
from jaxpix.report.runs.contents import check_records
from jaxpix.report.runs.reading import read_attacks
from jaxpix.report.runs.series import series_of

OUTCOMES = [(["clear-like"], ["opacity-like"]), (["opacity-like"], ["opacity-like"])]


@pytest.fixture
def run(tmp_path):
    return make_run(tmp_path / "run", OUTCOMES, size=16)


def change(path, *keys, value):
    content = json.loads(path.read_text())
    inner = content
    for key in keys[:-1]:
        inner = inner[key]
    inner[keys[-1]] = value
    path.write_text(json.dumps(content))


@pytest.mark.parametrize(
    ("name", "keys", "value", "message"),
    [
        (
            "about.json",
            ("dataset", "image_size"),
            "16",
            r"dataset\.image_size: Input should be a valid integer",
        ),
        ("about.json", ("dataset", "title"), None, r"dataset\.title: Input should be a valid string"),
        ("about.json", ("victim", "provenance"), {"training": 3}, r"victim\.provenance\.training"),
        (
            "about.json",
            ("victim", "test_metrics"),
            {"loss": float("nan")},
            "expected finite numbers, got nan",
        ),
        (
            "selection.json",
            ("groups", 0, "indices"),
            "abc",
            r"groups\.0\.indices: Input should be a valid array",
        ),
        ("selection.json", ("asked",), -3, "asked: Input should be greater than or equal to 1"),
        ("identity.json", ("data_fingerprint",), 7, "data_fingerprint: Input should be a valid string"),
        ("environment.json", ("devices",), [[[]]] * 2 + [1e999], "expected finite numbers, got inf"),
    ],
)
def test_values_of_other_types_name_file_and_key(run, name, keys, value, message):
    change(run / name, *keys, value=value)
    with pytest.raises(InputError, match=rf"{name} is damaged: .*{message}"):
        read_attacks([run])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"generations": "many"}, r"config\.toml: attack\.generations: Input should be a valid integer"),
        ({"seed": float("nan")}, r"config\.toml: expected finite numbers, got nan"),
        ({"classes": [1]}, r"config\.toml: attack\.classes\.0: Input should be a valid string"),
        ({"classes": [1] * 2000}, r"attack\.classes\.9: .*\n\s+and 1,990 more$"),
        ({"classes": ["measles"]}, r"config\.toml: unknown class 'measles'"),
        ({"differential_weight": ["a", "b"]}, r"config\.toml: attack\.differential_weight"),
    ],
)
def test_options_that_no_attack_has(run, options, message):
    (run / "config.toml").write_text(tomli_w.dumps({"attack": {"num_pixels": 1, **options}}))
    with pytest.raises(InputError, match=message):
        read_attacks([run])


def test_options_of_other_versions_stay_and_numbers_are_numbers(run):
    (run / "config.toml").write_text(
        tomli_w.dumps({"attack": {"differential_weight": ["0.5", 1], "of_later": [1]}})
    )
    (attack,) = read_attacks([run])
    assert attack.options == {"differential_weight": (0.5, 1.0), "of_later": [1]}


@pytest.mark.parametrize(
    ("keys", "value", "message"),
    [
        (("dataset", "image_size"), 3, "is outside, or of other images than about.json describes"),
        (("dataset", "channels"), 3, "is outside, or of other images than about.json describes"),
    ],
)
def test_pixels_that_are_not_of_the_images(run, keys, value, message):
    change(run / "about.json", *keys, value=value)
    with pytest.raises(InputError, match=rf"the record of 'image-\d\.png': .*{message}"):
        read_attacks([run])


def test_records_of_several_attacks_are_refused(tmp_path):
    run, other = (
        make_run(tmp_path / name, OUTCOMES, size=16, image_id=name, seed=seed)
        for seed, name in enumerate("ab")
    )
    (run / "records.parquet").unlink()
    (run / "journal.jsonl").write_text(
        (run / "journal.jsonl").read_text() + (other / "journal.jsonl").read_text()
    )
    with pytest.raises(InputError, match=r"the record of 'b-0\.png': seed is not that of the others"):
        read_attacks([run])


def test_no_image_counts_twice(run):
    (attack,) = read_attacks([run])
    with pytest.raises(InputError, match=r"here: an image has two records; delete records\.parquet"):
        check_records(attack.records * 2, {"dataset": attack.dataset}, attack.options, "here")


def test_a_link_out_of_the_folder_is_not_followed(run, tmp_path):
    (tmp_path / "private.json").write_text('{"password": "secret"}')
    (run / "environment.json").unlink()
    (run / "environment.json").symlink_to(tmp_path / "private.json")
    with pytest.raises(InputError, match=r"environment\.json is a link out of its folder"):
        read_attacks([run])


def test_folders_that_differ_in_channels_alone_are_two_series(tmp_path):
    grey, colour = (
        make_run(tmp_path / variant, [(["a"], ["b"])], variant, 16, {"name": "same"}, **names)
        for variant, names in (
            ("phantom-xray", {"class_names": ["a", "b"], "normal_classes": []}),
            ("phantom-derma", {"class_names": ["a", "b"], "normal_classes": [], "dataset": "phantom-xray"}),
        )
    )
    assert len(series_of(read_attacks([grey, colour]))) == 2
