"""The door for defences: what it measures of a victim whose weakness, and what mends it, are known by hand."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.bars import prepare_two_classes

from jaxpix import AttackConfig, InputError, Victim
from jaxpix.defences import catalogue
from jaxpix.defences.defence import Defence
from jaxpix.defend.__main__ import main
from jaxpix.defend.attacks import ATTACKS
from jaxpix.defend.planted import NUM_IMAGES, plant
from jaxpix.report.__main__ import main as report
from jaxpix.report.runs.defences import title_of
from jaxpix.report.tables.defences import defence_tables
from jaxpix.search.exhaustive.grid import ITS_OWN

pytestmark = pytest.mark.usefixtures("kept_programs")

# Which half is brighter; but a pixel brighter than any of the images turns the answer around.
VICTIM = """
import jax.numpy as jnp
from jaxpix import Victim

def victim(scale=1.0, name="spiked"):
    def logits(images):
        score = scale * (images[:, :, :16].mean((1, 2, 3)) - images[:, :, 16:].mean((1, 2, 3))) / 30
        spike = jnp.maximum(images.max((1, 2, 3)) - 232, 0) * 0.5
        score = score - jnp.tanh(score) * spike
        return jnp.stack([score, -score], 1)
    return Victim.from_function(logits, class_names=["left", "right"], input_shape=(32, 32, 1), name=name)

def other():
    return victim(0.5, "other")
"""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("world")
    prepare_two_classes(folder)
    (folder / "mine.py").write_text(VICTIM)
    return folder


def defend(world: Path, *more: str, run: str) -> dict[str, Any]:
    flags = [
        "--dataset",
        "bars",
        "--data-dir",
        str(world / "data"),
        "--per-class",
        "3",
        "--check-images",
        "4",
    ]
    search = ["--population", "16", "--generations", "4", "--evaluator", "dense"]
    main([*more, *flags, *search, "--run", str(world / run)])
    return json.loads((world / run / "defences.json").read_text())


def verdicts(row: dict[str, Any]) -> dict[str, str]:
    return {line["name"]: line["verdict"] for line in row["checks"]}


@pytest.fixture(scope="module")
def measured(world: Path) -> dict[str, Any]:
    victim = ["--victim", f"{world / 'mine.py'}:victim"]
    checks = ["--checks", "transfer", "gradient", "generations"]
    return defend(world, *victim, "--defences", "median3", *checks, run="run")


def test_a_median_mends_what_a_bright_pixel_breaks(measured: dict[str, Any]) -> None:
    none, median = measured["variants"]
    assert [row["defence"] for row in (none, median)] == ["none", "median3"]
    assert (measured["num_clean_images"], measured["num_attacked_images"]) == (20, 6)
    assert none["clean_accuracy"]["rate"] == median["clean_accuracy"]["rate"] == 1
    assert none["adaptive_success"]["evolution"]["successes"] == 6
    assert none["worst_case_accuracy"]["successes"] == 0
    assert none["transferred_success"] is None
    assert (
        median["adaptive_success"]["evolution"]["successes"]
        == median["transferred_success"]["successes"]
        == 0
    )
    assert median["worst_case_accuracy"] | {"low": 0, "high": 0} == {
        "successes": 6,
        "experiments": 6,
        "rate": 1.0,
        "low": 0,
        "high": 0,
    }
    change = median["worst_case_change"]
    assert (change["only_first"], change["only_second"], change["difference"]) == (0, 6, 1.0)
    assert change["p_value"] == pytest.approx(2 / 2**6)
    assert median["made_for"]["spiked"] == median["transferred_success"]
    assert 0 < median["milliseconds_per_image"] < 1000


def test_the_checks_say_what_was_not_run(measured: dict[str, Any]) -> None:
    none, median = measured["variants"]
    assert verdicts(none) == {
        "something guides the search": "pass",
        "transferred success is not above adaptive success": "not run",
        "the gradient is not zero": "pass",
        "a planted pixel is found": "not run",
        "more pixels do not break fewer images": "not run",
        "twice the generations add at most 1 point": "pass",
        "random search is not better": "not run",
    }
    assert verdicts(median)["transferred success is not above adaptive success"] == "pass"


def test_the_files_and_what_is_printed(world: Path, measured: dict[str, Any], capsys: Any) -> None:
    run = world / "run"
    page, text = (run / "defences.html").read_text(), (run / "defences.md").read_text()
    assert page.startswith("<!DOCTYPE html>")
    for words in ("median3", "100.0 % (61.0–100.0), 6/6", "0.0 % (0.0–39.0), 0/6", "worst-case accuracy"):
        assert words in page
        assert words in text
    assert "http" not in page.replace("http-equiv", "")
    assert (run / "defences.png").read_bytes().startswith(b"\x89PNG")
    journals = {path: path.read_bytes() for path in run.rglob("journal.jsonl")}
    assert len(journals) == 2 * 2
    capsys.readouterr()
    again = defend(
        world,
        "--victim",
        f"{world / 'mine.py'}:victim",
        "--defences",
        "median3",
        "--checks",
        "transfer",
        run="run",
    )
    assert {path: path.read_bytes() for path in run.rglob("journal.jsonl")} == journals
    assert [row["adaptive_success"] for row in again["variants"]] == [
        row["adaptive_success"] for row in measured["variants"]
    ]
    printed = capsys.readouterr().out
    assert "best median3, 100.0 % (61.0–100.0), 6/6" in printed
    assert "┃ defence" in printed
    assert "┃ victim" not in printed, "the only one stands in the title"


def test_a_report_shows_what_was_measured(world: Path, measured: dict[str, Any], tmp_path: Path) -> None:
    run = world / "run"
    report([str(run), "--out", str(tmp_path / "whole"), "--format", "md,latex"])
    page = (tmp_path / "whole" / "index.html").read_text()
    part = page.partition('<section id="defences"')[2].partition("</section>")[0]
    for words in (
        "100.0&nbsp;%",
        "without a defence, 100.0\u00a0% with median3",
        "+100.0 (",
        "passed",
        "<svg",
    ):
        assert words in part
    # Of a measurement the report shows the attacks on what has no defence; others are named.
    assert "Report of 6 experiments" in page
    table, checks = (
        (tmp_path / "whole" / "tables" / f"00-defences{name}.csv").read_text() for name in ("", "-checks")
    )
    assert table.startswith("defence,clean accuracy,change,transferred success,")
    assert "a planted pixel is found,not run" in checks
    item = checklist_item(tmp_path / "whole", "defences")
    assert "median3: worst-case accuracy 100.0 % (61.0–100.0), 6/6" in json.dumps(item, ensure_ascii=False)
    assert not item["authors"]
    assert json.loads((tmp_path / "whole" / "summary.json").read_text())["defences"] == [
        json.loads((run / "defences.json").read_text())
    ]
    report([str(run / "median3"), "--out", str(tmp_path / "one")])
    page = (tmp_path / "one" / "index.html").read_text()
    assert '<section id="defences"' in page
    assert "Report of 6 experiments" in page
    assert not checklist_item(tmp_path / "one", "intended_use")["answers"]


def checklist_item(folder: Path, key: str) -> dict[str, Any]:
    items = json.loads((folder / "checklist.json").read_text())["items"]
    return next(item for item in items if item["key"] == key)


def test_what_others_wrote_into_a_measurement_is_checked(
    world: Path, measured: dict[str, Any], tmp_path: Path
) -> None:
    shutil.copytree(world / "run", tmp_path / "run")
    path = tmp_path / "run" / "defences.json"
    hostile = json.loads(path.read_text())
    hostile["variants"][0] |= {"folder": "../elsewhere", "defence": "none"}
    hostile["variants"][1] |= {"victim": "<script>alert(1)</script>", "defence": "</style><b>"}
    hostile["title"] = "<img src=x>"
    path.write_text(json.dumps(hostile))
    (tmp_path / "elsewhere").mkdir()
    with pytest.raises(InputError, match="is no run folder of an attack and holds none"):
        report([str(tmp_path / "run")])
    report([str(tmp_path / "run" / "median3"), "--out", str(tmp_path / "out")])
    page = (tmp_path / "out" / "index.html").read_text()
    for words in ("<script>alert", "</style><b>", "<img src=x>"):
        assert words not in page.partition("<body>")[2]
    hostile["variants"][1]["worst_case_accuracy"]["high"] = 7.0
    path.write_text(json.dumps(hostile))
    with pytest.raises(InputError, match=r"defences.json is damaged: .*worst_case_accuracy.high"):
        report([str(tmp_path / "run" / "median3")])
    path.unlink()
    path.symlink_to(world / "run" / "defences.json")
    with pytest.raises(InputError, match="is a link out of its folder"):
        report([str(tmp_path / "run" / "median3")])


def test_a_measurement_from_before_is_read(measured: dict[str, Any]) -> None:
    older = {name: value for name, value in measured.items() if name not in ("title", "check_images")}
    assert title_of(older).startswith("Defences, K = 1: bars")  # type: ignore[arg-type]
    assert len(defence_tables(older, "old")) == 2  # type: ignore[arg-type]


def test_an_attack_that_cannot_see_is_found_out(world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A defence that does nothing but blind the search: every check that can tell says so."""
    blind = Defence("blind1", "blind", lambda images: images * 0 + 100.0, lambda images: images)
    kind = catalogue.Kind(lambda number: blind, 1, (1, 1))
    monkeypatch.setitem(catalogue.KINDS, "blind", kind)
    checks = ["--checks", "transfer", "gradient", "planted"]
    victim = ["--victim", f"{world / 'mine.py'}:victim"]
    found = defend(world, *victim, "--defences", "blind", *checks, run="blind")["variants"][1]
    failed = {name for name, verdict in verdicts(found).items() if verdict == "fail"}
    assert failed == {
        "transferred success is not above adaptive success",
        "the gradient is not zero",
        "a planted pixel is found",
    }
    assert found["adaptive_success"]["evolution"]["successes"] < 6
    # The worst case counts what was made for the victim alone: the blinded search does not make it look robust.
    assert found["worst_case_accuracy"]["successes"] == 0
    assert "failed" in (world / "blind" / "defences.md").read_text()


def test_several_victims_and_their_vote(world: Path) -> None:
    places = [f"{world / 'mine.py'}:{name}" for name in ("victim", "other")]
    flags = ["--defences", "--ensembles", "mean", "--checks", "transfer"]
    found = defend(world, "--victims", *places, *flags, run="several")["variants"]
    assert [(row["victim"], row["defence"]) for row in found] == [
        ("spiked", "none"),
        ("spiked", "mean"),
        ("other", "none"),
    ]
    assert all(set(row["made_for"]) == {"spiked", "other"} for row in found)
    assert "Transfer between victims" in (world / "several" / "defences.html").read_text()


def test_what_only_an_exhaustive_attack_is_told_no_other_one_hears() -> None:
    config = AttackConfig(num_pixels=2, values="5", worst=3, mask=Path("mask.png"))
    for name, configured in ATTACKS.items():
        told = configured(config)
        assert [getattr(told, one) for one in ITS_OWN] == (
            ["5", Path("mask.png"), 3] if name == "exhaustive" else [None] * 3
        )


def test_the_values_of_an_exhaustive_attack_leave_the_evolution_beside_it_alone(world: Path) -> None:
    flags = ["--attacks", "evolution", "exhaustive", "--values", "5", "--defences"]
    checks = ["--checks", "pixels"]
    victim = ["--victim", f"{world / 'mine.py'}:victim"]
    (found,) = defend(world, *victim, *flags, *checks, run="both")["variants"]
    assert {name: one["successes"] for name, one in found["adaptive_success"].items()} == {
        "evolution": 6,
        "exhaustive": 6,
    }


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (
            ["--attacks", "evolutoin"],
            r"unknown attack 'evolutoin' \(did you mean evolution\?\); there are evol",
        ),
        (["--checks", "gradent"], r"unknown check 'gradent' \(did you mean gradient\?\)"),
        (["--defences", "median3", "median3"], "median3 is there twice"),
        (["--defences", "median4"], "expected an odd number"),
        (["--target", "left"], "untargeted attacks; leave it out"),
        (["--ensembles", "vote"], "needs two victims at least"),
        (["--classes", "middle"], "unknown class 'middle'"),
    ],
)
def test_what_a_user_can_mend(world: Path, flags: list[str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        defend(world, "--victim", f"{world / 'mine.py'}:victim", *flags, run="refused")
    assert not list((world / "refused").rglob("*")) if (world / "refused").exists() else True


@pytest.mark.parametrize(
    ("name", "channels"),
    [
        ("none", 1),
        ("median3", 3),
        ("median5", 1),
        ("gaussian1", 1),
        ("bilateral5", 1),
        ("jpeg50", 3),
        ("bits2", 1),
        ("resize2", 1),
        ("median3+jpeg90", 1),
    ],
)
def test_the_planted_pixel_can_be_reached_through_every_defence(name: str, channels: int) -> None:
    shape = (20, 24, channels)
    planted = plant(Victim, [] if name == "none" else name.split("+"), shape)
    images = planted.images
    assert images.shape == (NUM_IMAGES, *shape)
    assert len(np.unique(images.reshape(NUM_IMAGES, -1), axis=0)) == NUM_IMAGES
    assert not np.asarray(planted.victim.logits(images)).argmax(1).any()
    triggered = np.zeros(NUM_IMAGES, bool)
    for value in (0, 255):
        changed = images.copy()
        changed[:, planted.row, planted.column] = value
        triggered |= np.asarray(planted.victim.logits(changed)).argmax(1) == 1
    assert triggered.all()
    # Far from the trigger no pixel does it.
    changed = images.copy()
    changed[:, 1, 1] = 255
    assert not np.asarray(planted.victim.logits(changed)).argmax(1).any()
