"""Doors that are stopped, and folders that somebody damaged or changed: said in one line, nothing lost."""

import dataclasses
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support import made_trees as made
from support.bars import prepare_two_classes
from support.drawn_runs import make_run
from support.finished import IDENTITY, finished
from support.toys import toy_victim

from jaxpix import PrepareConfig, Victim, prepare_dataset, read_records
from jaxpix.attack.options import AttackOptions, identity_of
from jaxpix.attack.run import AttackRun
from jaxpix.data.prepared import read_prepared
from jaxpix.errors import InputError
from jaxpix.models.zoo import build
from jaxpix.prepare.sources.trees import FolderSource
from jaxpix.records.attacked import Selection
from jaxpix.report import __main__ as report
from jaxpix.train.run import TrainingRun
from jaxpix.victim import files as victim_files

ROOT = Path(__file__).resolve().parents[1]
RECIPE = ["--model", "resnet14", "--epochs", "50", "--batch-size", "16", "--stop-accuracy", "1"]


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A folder with a prepared phantom, prepared bars, and an untrained victim of the phantom."""
    folder = tmp_path_factory.mktemp("world")
    prepare_two_classes(folder)
    config = PrepareConfig(data_dir=folder / "data", image_size=32, num_images=60)
    dataset = prepare_dataset("phantom-xray", config)
    victim = Victim.from_model(
        build("resnet14", num_classes=3, channels=1, seed=2),
        architecture="resnet14",
        task="multiclass",
        class_names=dataset.info.class_names,
        input_shape=(32, 32, 1),
        mean=[110.0],
        std=[50.0],
        provenance={"dataset": "phantom-xray", "split": "drawn", "fingerprint": dataset.fingerprint},
    )
    victim.save(folder / "victim")
    return folder


def stopped(door, arguments, number, is_time):
    """Status, standard error and seconds of a door that gets a signal once `is_time()`."""
    # As a terminal starts it: a test runner may have SIGINT ignored, which is inherited.
    code = (
        "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        f"from jaxpix.{door} import __main__ as door; from jaxpix.terminal.console import run_door\n"
        "run_door(door.main, sys.argv[1:])"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "JAX_PLATFORMS": "cpu"}
    process = subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 200
    while not is_time():
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < deadline
        time.sleep(0.002)
    began = time.monotonic()
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    return process.returncode, err, time.monotonic() - began


def test_a_terminated_attack_keeps_its_experiments(world):
    run = world / "terminated"
    search = ["--subset", "train", "--all", "--population", "12", "--generations", "4", "--slots", "1"]
    search += ["--evaluator", "dense"]
    arguments = [
        "--victim",
        str(world / "victim"),
        "--data-dir",
        str(world / "data"),
        "--run",
        str(run),
        *search,
    ]
    journal = run / "journal.jsonl"

    def has_two():
        return journal.exists() and journal.read_bytes().count(b'"image_id"') >= 2

    status, err, seconds = stopped("attack", arguments, signal.SIGTERM, has_two)
    assert (status, err) == (143, "terminated; the same command goes on from what is saved\n")
    assert seconds < 10
    assert journal.read_bytes().endswith(b"}\n")
    assert len(read_records(run)) >= 2
    assert not (run / "records.parquet").exists()


def test_an_interrupted_training_keeps_its_epochs(world):
    run = TrainingRun(world / "interrupted")
    arguments = ["bars", "--data-dir", str(world / "data"), "--run", str(run.folder), *RECIPE]
    status, err, seconds = stopped("train", arguments, signal.SIGINT, lambda: len(run.epochs()) >= 1)
    assert (status, err) == (130, "interrupted; the same command goes on from what is saved\n")
    assert seconds < 10
    assert list(run.best.iterdir())
    assert run.test_metrics is None


def test_a_terminated_preparation_leaves_nothing(tmp_path):
    data = tmp_path / "data"
    arguments = ["phantom-derma", "--image-size", "64", "--num-images", "20000", "--data-dir", str(data)]
    begun = "*/*/incomplete.*"
    status, err, _ = stopped("prepare", arguments, signal.SIGTERM, lambda: any(data.glob(begun)))
    assert (status, err) == (143, "terminated; the same command goes on from what is saved\n")
    assert [path.name for path in data.rglob("*") if path.is_file()] == [".phantom_derma-drawn-64.lock"]


@pytest.mark.parametrize(
    "line", [b"{}", b"[1]", b'{"schema_version": 2}', b"\0\0\0", b'{"image_id": "b", "se']
)
def test_a_damaged_line_of_the_journal_is_named_and_can_be_deleted(tmp_path, line):
    with AttackRun(tmp_path, IDENTITY) as run:
        run.save(finished("a"))
        run.save(finished("b"))
    journal = tmp_path / "journal.jsonl"
    lines = journal.read_bytes().splitlines()
    journal.write_bytes(b"\n".join([lines[0], line, lines[1], b""]))
    with pytest.raises(InputError, match=r"journal\.jsonl: line 2 is damaged; delete that line"):
        AttackRun(tmp_path, IDENTITY).__enter__()
    assert journal.read_bytes().count(b"\n") == 3
    journal.write_bytes(b"\n".join([lines[0], lines[1], b""]))
    assert [record.image_id for record in read_records(tmp_path)] == ["a", "b"]


@pytest.mark.parametrize("damage", ["cut", "other columns", "empty"])
def test_a_damaged_table_is_named_and_the_journal_has_the_same(tmp_path, damage):
    with AttackRun(tmp_path, IDENTITY) as run:
        run.save(finished("a"))
        run.finish(["a"])
    table = tmp_path / "records.parquet"
    whole = table.read_bytes()
    if damage == "other columns":
        pq.write_table(pa.table({"image_id": ["a"]}), table)
    else:
        table.write_bytes(whole[: len(whole) // 2] if damage == "cut" else b"")
    with pytest.raises(InputError, match=r"records\.parquet is damaged: .*delete records\.parquet"):
        read_records(tmp_path)
    table.unlink()
    with AttackRun(tmp_path, IDENTITY) as run:
        assert set(run.finished) == {"a"}
        run.finish(["a"])
    assert [record.image_id for record in read_records(tmp_path)] == ["a"]


@pytest.mark.parametrize("content", ["", "{", "[]", '{"groups": 3}', "\0"])
@pytest.mark.parametrize("name", ["about.json", "selection.json", "identity.json", "environment.json"])
def test_a_report_names_a_damaged_file(tmp_path, name, content):
    run = make_run(tmp_path / "run", [(["clear-like"], ["opacity-like"])])
    (run / name).write_text(content)
    if (name, content) in (("identity.json", '{"groups": 3}'), ("environment.json", '{"groups": 3}')):
        pytest.skip("what it lacks is not needed")
    with pytest.raises(InputError, match=rf"{re.escape(str(run / name))} is damaged"):
        report.main([str(run), "--out", str(tmp_path / "out")])
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("plain", [{}, {"groups": 3, "asked": 1}, {"groups": [{"label": []}], "asked": None}])
def test_a_damaged_selection_is_not_attacked(tmp_path, plain):
    (tmp_path / "selection.json").write_text(json.dumps(plain))
    with pytest.raises(InputError, match=r"selection\.json is damaged"):
        Selection.load(tmp_path)


@pytest.mark.parametrize("line", ["{", "{}", "3", "\0"])
def test_damaged_metrics_of_a_training_are_named(tmp_path, line):
    (tmp_path / "metrics.jsonl").write_text('{"epoch": 1, "best": true}\n' + line + "\n")
    with pytest.raises(InputError, match=r"metrics\.jsonl: line 2 is damaged"):
        TrainingRun(tmp_path).epochs()
    (tmp_path / "test_metrics.json").write_text("{}")
    with pytest.raises(InputError, match=r"test_metrics\.json is damaged: .*delete it, and training"):
        _ = TrainingRun(tmp_path).test_metrics


def test_another_victim_or_other_data_are_refused_and_named(world):
    victim, dataset = toy_victim(), read_prepared(*(world / "data").glob("phantom_xray/*/1.0.0"))
    identity = identity_of(AttackOptions(), victim, dataset)
    with AttackRun(world / "asked", identity) as run:
        run.save(finished("a"))
    other = identity_of(AttackOptions(), dataclasses.replace(victim, victim_id="other"), dataset)
    with pytest.raises(InputError, match=rf"\(victim_id: it has '{victim.victim_id}', now asked 'other'\)"):
        AttackRun(world / "asked", other).__enter__()
    other = identity_of(AttackOptions(), victim, dataclasses.replace(dataset, fingerprint="f"))
    with pytest.raises(InputError, match=r"\(data_fingerprint: it has '\w+', now asked 'f'\)"):
        AttackRun(world / "asked", other).__enter__()
    with AttackRun(world / "asked", identity):
        pass


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"class_names": ["a", "b"]}, r"weights/00000000 does not fit: fc\.\w+\S*: expected .*, got"),
        ({"architecture": "resnet50"}, r"weights/00000000 does not fit: "),
        ({"mean": None}, r"victim\.json is damaged: mean: Field required"),
    ],
)
def test_a_victim_whose_weights_are_of_another_model(world, tmp_path, change, message):
    shutil.copytree(world / "victim", tmp_path / "victim")
    path = tmp_path / "victim" / "victim.json"
    content = {**json.loads(path.read_text()), **change}
    path.write_text(json.dumps({key: value for key, value in content.items() if value is not None}))
    with pytest.raises(InputError, match=message):
        Victim.load(tmp_path / "victim")


def test_a_victim_whose_writer_was_killed_between_two_renames(world, tmp_path):
    shutil.copytree(world / "victim", tmp_path / ".victim.123.old")
    shutil.copytree(world / "victim", tmp_path / ".victim.124.new")
    (tmp_path / ".victim.124.new" / "victim.json").unlink()
    content = json.loads((world / "victim" / "victim.json").read_text())
    assert Victim.load(tmp_path / "victim").victim_id == content["victim_id"]
    victim_files.write(tmp_path / "victim", content, {"a": np.zeros(1)})
    assert [path.name for path in tmp_path.iterdir()] == ["victim"]
    with pytest.raises(InputError, match=r"no victim in .*other"):
        Victim.load(tmp_path / "other")


@pytest.mark.parametrize("damage", ["cut", "gone", "index"])
def test_prepared_data_that_were_damaged(tmp_path, damage):
    made.prepared(tmp_path, "derma", made.derma())
    (path,) = (tmp_path / "data").glob("derma/*/1.0.0")
    dataset = read_prepared(path)
    (shard,) = path.glob("*-test.array_record*")
    if damage == "index":
        (path / "index.parquet").write_bytes(b"PAR1")
        with pytest.raises(InputError, match=r"index\.parquet is damaged .* jaxpix\.prepare again"):
            dataset.labels("test")
        return
    if damage == "cut":
        shard.write_bytes(shard.read_bytes()[: shard.stat().st_size // 2])
    else:
        shard.unlink()
    with pytest.raises(InputError, match=r"image 0 of 'test' cannot be read .* jaxpix\.prepare again"):
        dataset.source("test")[0]


def test_a_source_that_vanishes_is_no_data_set_without_its_images(tmp_path, monkeypatch):
    """Even where corrupt images are tolerated: what is gone is not corrupt."""
    prepare_two_classes(tmp_path)
    source = tmp_path / "tree"
    read, calls = FolderSource._read, []

    def read_until_the_disk_goes(self, member, *rest):
        calls.append(member)
        if len(calls) == 20:
            source.rename(tmp_path / "elsewhere")
        return read(self, member, *rest)

    monkeypatch.setattr(FolderSource, "_read", read_until_the_disk_goes)
    config = PrepareConfig(
        source=source, image_size=32, data_dir=tmp_path / "again", name="bars", max_corrupt=1000
    )
    with pytest.raises(
        InputError, match=r"source .* changed while it was read: .* is gone; nothing was stored"
    ):
        prepare_dataset("folder", config)
    assert not list((tmp_path / "again").glob("*/*/*"))
    (tmp_path / "elsewhere").rename(source)
    assert prepare_dataset("folder", config).num_examples == {"train": 72, "test": 20}
