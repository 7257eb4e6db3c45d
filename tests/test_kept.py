"""What an earlier version wrote is read, gone on with and reported: prepared data, a victim, run folders."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from jaxpix import TrainConfig, Victim, open_prepared, read_records, train_victim
from jaxpix.__main__ import main

KEPT = Path(__file__).parent / "kept"


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "kept"
    shutil.copytree(KEPT, folder)
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    def command(*arguments: str) -> None:
        monkeypatch.setattr("sys.argv", ["jaxpix", *arguments])
        main()

    return command


def test_prepared_data(kept: Path) -> None:
    dataset = open_prepared("phantom-xray", kept / "prepared")
    assert dataset.num_examples == {"train": 18, "test": 6}
    assert dataset.fingerprint.startswith("b5b76b21550e9749")
    assert dataset.labels("test").tolist() == [0, 2, 0, 2, 0, 0]
    assert dataset.source("test")[0]["image"].shape == (16, 16, 1)


def test_victim(kept: Path) -> None:
    victim = Victim.load(kept / "victim")
    test = open_prepared("phantom-xray", kept / "prepared").source("test")
    logits = victim.predict(np.stack([test[index]["image"] for index in range(len(test))]))
    assert logits.argmax(1).tolist() == [1, 1, 0, 0, 1, 0]
    assert victim.victim_id == read_records(kept / "attack")[0].victim_id


def test_attack_is_gone_on_with(
    kept: Path, run: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    before = read_records(kept / "attack")
    assert [record.success for record in before] == [True, False]
    options = ("--generations", "5", "--population", "20", "--all", "--seed", "3")
    run("attack", "--victim", "victim", "--data-dir", "prepared", "--run", "attack", *options)
    assert "2 of 2 experiments were finished before" in capsys.readouterr().out
    assert read_records(kept / "attack") == before


def test_unfinished_attack_ends_with_the_same_records(kept: Path, run: Callable[..., None]) -> None:
    before = read_records(kept / "attack")
    (kept / "attack" / "records.parquet").unlink()
    journal = kept / "attack" / "journal.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join(lines[:-1]))
    options = ("--generations", "5", "--population", "20", "--all", "--seed", "3")
    run("attack", "--victim", "victim", "--data-dir", "prepared", "--run", "attack", *options)
    after = read_records(kept / "attack")
    assert [one.image_id for one in after] == [one.image_id for one in before]
    for name in ("success", "pixels", "queries", "generations", "label_after"):
        assert [getattr(one, name) for one in after] == [getattr(one, name) for one in before]


def test_study_is_gone_on_with_and_reported(kept: Path, run: Callable[..., None]) -> None:
    before = read_records(kept / "study" / "any-k2")
    run("study", "study.toml", "--run", "study")
    assert read_records(kept / "study" / "any-k2") == before
    page = (kept / "study" / "report" / "index.html").read_text(encoding="utf-8")
    assert "brightness" in page


def test_report(kept: Path, run: Callable[..., None]) -> None:
    run("report", "attack", "study", "--out", "report")
    assert (kept / "report" / "index.html").stat().st_size > 50_000


def test_finished_training_is_only_opened(kept: Path) -> None:
    dataset = open_prepared("phantom-xray", kept / "prepared")
    config = TrainConfig(model="resnet14", init=None, epochs=1, batch_size=8)
    victim = train_victim(dataset, config, kept / "training", quiet=True)
    assert victim.victim_id == Victim.load(kept / "victim").victim_id
