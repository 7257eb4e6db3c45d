"""The doctor: sound, unfinished and broken things on the disk, a line each."""

import json
import shutil
from pathlib import Path

import pytest
from support.bars import prepare_label_sets, prepare_two_classes
from support.drawn_runs import make_run

from jaxpix.config import TrainConfig
from jaxpix.data.fingerprints import fingerprint_of
from jaxpix.doctor import machine
from jaxpix.doctor.__main__ import main
from jaxpix.models.zoo import build
from jaxpix.train.run import TrainingRun
from jaxpix.version import __version__
from jaxpix.victim.victim import Victim

CLEAR, OPACITY = ["clear-like"], ["opacity-like"]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two prepared data sets, a training that has just begun, a victim, and an attack."""
    root = tmp_path_factory.mktemp("doctor")
    dataset = prepare_two_classes(root)
    with TrainingRun(root / "runs" / "begun").open(dataset, TrainConfig()):
        pass
    Victim.from_model(
        build("resnet14", num_classes=2, channels=1, seed=0),
        architecture="resnet14",
        task="multiclass",
        class_names=("left", "right"),
        input_shape=(32, 32, 1),
        mean=[110.0],
        std=[50.0],
        provenance={"dataset": "bars", "fingerprint": dataset.fingerprint},
    ).save(root / "runs" / "saved")
    make_run(root / "runs" / "attack", [(CLEAR, OPACITY), (OPACITY, CLEAR), (OPACITY, OPACITY)])
    (root / "runs" / "notes").mkdir()
    return root


@pytest.fixture
def world(made: Path, tmp_path: Path) -> Path:
    shutil.copytree(made, tmp_path / "world")
    return tmp_path / "world"


def look(world: Path, capsys: pytest.CaptureFixture[str], *more: str) -> tuple[str, int]:
    status = 0
    try:
        main(["--data-dir", str(world / "data"), "--runs", str(world / "runs"), *more])
    except SystemExit as stop:
        status = int(stop.code or 0)
    return capsys.readouterr().out, status


def line(printed: str, *words: str) -> str:
    (found,) = [one for one in printed.splitlines() if all(word in one for word in words)]
    return found


def test_a_sound_place(world: Path, capsys: pytest.CaptureFixture[str]) -> None:
    printed, status = look(world, capsys)
    assert status == 0
    assert printed.startswith(f"jaxpix {__version__}")
    for word in (
        "packages: jax ",
        "jaxlib ",
        "flax ",
        "optax ",
        "evosax ",
        "numpy ",
        "pillow ",
        "tensorflow-datasets ",
    ):
        assert word in printed
    assert "devices (cpu): " in printed
    assert "compilation cache: off" in printed
    assert printed.count("free disk at ") == 2
    assert " ok " in line(printed, "bars folders-32", "72 train, 20 test images", "2 classes", "checked")
    assert "unfinished" in line(printed, "training", "begun: 0 epochs trained")
    assert " ok " in line(printed, "victim", "saved: id ", "weights checked, on bars folders-32")
    assert " ok " in line(printed, "attack: 3 experiments, 2 successes", "not prepared here")
    assert "notes" not in printed
    assert "BROKEN" not in printed


def test_nothing_at_all(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    printed, status = look(tmp_path, capsys)
    assert status == 0
    assert printed.count(": nothing") == 2


@pytest.mark.parametrize(
    ("damaged", "words"),
    [
        ("data/bars/folders-32/1.0.0/summary.json", ("bars folders-32", "is damaged")),
        ("data/bars/folders-32/1.0.0/index.parquet", ("bars folders-32", "is damaged")),
        ("data/bars/folders-32/1.0.0/*array_record*", ("bars folders-32", "cannot be read")),
        ("runs/attack/records.parquet", ("attack", "is damaged")),
        ("runs/attack/about.json", ("attack", "about.json is damaged")),
        ("runs/attack/selection.json", ("attack", "selection.json is damaged")),
        ("runs/saved/victim.json", ("saved", "victim.json is damaged")),
        ("runs/begun/metrics.jsonl", ("begun", "metrics.jsonl: line 1 is damaged")),
        ("runs/begun/test_metrics.json", ("begun", "test_metrics.json is damaged")),
    ],
)
def test_what_is_damaged_is_one_line_and_status_1(
    world: Path, capsys: pytest.CaptureFixture[str], damaged: str, words: tuple[str, ...]
) -> None:
    found = sorted(world.glob(damaged)) or [world / damaged]
    for path in found:
        path.write_bytes(b"no such thing\n")
    printed, status = look(world, capsys)
    assert status == 1
    assert printed.count("BROKEN") == 1
    assert "BROKEN" in line(printed, *words, "BROKEN")


def test_weights_and_pictures_and_fingerprints_are_compared(
    world: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    next((world / "runs" / "attack" / "adversarial").iterdir()).unlink()
    (manifest,) = (world / "runs" / "saved").rglob("manifest.json")
    hashes = json.loads(manifest.read_text())
    next(iter(hashes.values()))["sha256"] = "0" * 64
    manifest.write_text(json.dumps(hashes))
    summary = world / "data" / "bars" / "folders-32" / "1.0.0" / "summary.json"
    summary.write_text(json.dumps({**json.loads(summary.read_text()), "fingerprint": "f" * 64}))
    printed, status = look(world, capsys)
    assert status == 1
    assert "BROKEN" in line(printed, "attack: 1 pictures of successes are not there, such as adversarial/")
    assert "BROKEN" in line(printed, "saved", "the content of", "has changed")
    assert "BROKEN" in line(printed, "bars folders-32", "fingerprint ffffffffffffffff, but its images have")
    # Large data sets are not read through unless that is asked for.
    monkeypatch.setattr("jaxpix.doctor.data_sets._MOST_HASHED", 10)
    assert " ok " in line(look(world, capsys)[0], "bars folders-32", "not checked (--full reads every image)")
    assert "BROKEN" in line(look(world, capsys, "--full")[0], "bars folders-32")


def test_what_was_stopped_is_unfinished(world: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (world / "data" / "bars" / "folders-64" / "incomplete.X_1.0.0").mkdir(parents=True)
    (world / "runs" / "attack" / "records.parquet").unlink()
    journal = world / "runs" / "attack" / "journal.jsonl"
    journal.write_text("".join(journal.read_text().splitlines(keepends=True)[:1]))
    study = world / "runs" / "mine"
    shutil.copytree(world / "runs" / "saved", study / "victim")
    (study / "study.toml").write_text("")
    printed, status = look(world, capsys)
    assert status == 0
    assert "unfinished" in line(printed, "bars folders-64: left by a preparation that was stopped")
    assert "unfinished" in line(printed, "attack: of 3 1 experiments")
    assert "unfinished" in line(printed, "study", "mine: has no report yet")
    assert " ok " in line(printed, "mine/victim: id ")


def test_the_fingerprint_of_label_sets_is_that_of_the_preparation(tmp_path: Path) -> None:
    dataset = prepare_label_sets(tmp_path)
    assert fingerprint_of(dataset) == dataset.fingerprint


def test_a_home_folder_is_not_told(
    world: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(world))
    monkeypatch.setenv("JAXPIX_CACHE", str(world / "cache"))
    (world / "cache").mkdir()
    (world / "cache" / "program").write_bytes(b"x" * 2048)
    (world / "runs" / "attack" / "about.json").write_text("{")
    printed, _ = look(world, capsys)
    assert "compilation cache: ~/cache, 1 files, 2.0 KiB" in printed
    assert "prepared in ~/data" in printed
    assert str(world) not in printed


def test_a_machine_whose_devices_fail(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_device() -> None:
        raise RuntimeError("Unable to initialize backend 'cuda'")

    monkeypatch.setattr(machine, "describe_environment", no_device)
    printed, status = look(tmp_path, capsys)
    assert status == 1
    assert "devices: BROKEN: Unable to initialize backend 'cuda'" in printed
    assert "prepared in" in printed
