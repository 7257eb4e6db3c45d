"""From a source to a stored data set and back: exact, whole or not at all, and accounted for."""

import json
import signal
import subprocess
import sys
import time
from collections import namedtuple
from pathlib import Path

import pytest
from support import made_trees as made

from jaxpix.config import PrepareConfig
from jaxpix.data import builders
from jaxpix.data.prepared import open_prepared
from jaxpix.errors import InputError
from jaxpix.prepare import __main__ as prepare
from jaxpix.prepare.preparation import prepare_dataset


def stored_names(data_dir: Path) -> list[str]:
    """Everything below a data folder but lock files."""
    return sorted(str(path.relative_to(data_dir)) for path in data_dir.rglob("*") if path.suffix != ".lock")


def test_zip_and_tree_give_the_same(tmp_path):
    files = made.derma()
    from_zip = made.prepared(tmp_path, "derma", files)
    config = PrepareConfig(
        source=made.write(tmp_path / "tree", files), image_size=16, data_dir=tmp_path / "second"
    )
    from_tree = prepare_dataset("derma", config)
    assert from_zip.fingerprint == from_tree.fingerprint
    other_seed = PrepareConfig(source=tmp_path / "tree", image_size=16, data_dir=tmp_path / "other", seed=1)
    assert prepare_dataset("derma", other_seed).fingerprint != from_tree.fingerprint


def test_the_summary_accounts_for_everything(tmp_path):
    files = made.pneumonia() | {"chest_xray/readme.txt": b"hello"}
    names = [name for name in files if name.startswith("chest_xray/t") and "NORMAL" in name]
    (train, test) = (next(n for n in names if "/train/" in n), next(n for n in names if "/test/" in n))
    files["chest_xray/train/PNEUMONIA/person900_virus_900.jpeg"] = files[train]
    files["chest_xray/test/NORMAL/IM-0901-0001.jpeg"] = files[train]
    files[f"chest_xray/train/NORMAL/{Path(test).name.replace('-0', '-9', 2)[:7]}-7777.jpeg"] = made.encoded(
        777, ".jpeg"
    )
    summary = made.prepared(tmp_path, "pneumonia", files, split="public").summary
    assert summary["num_examples"] == {"train": 24, "test": 11}
    assert summary["classes"]["test"] == {"NORMAL": 6, "PNEUMONIA": 5}
    assert {reason: entry["count"] for reason, entry in summary["skipped"].items()} == {
        "second copy of an image": 32,
        "not an image": 1,
        "left by an operating system": 33,
    }
    assert summary["duplicates"]["images"] == 2
    assert summary["duplicates"]["sets"] == 1
    assert summary["duplicates"]["sets_with_different_labels"] == 1
    assert summary["leaks"]["test_images_identical_to_another_splits"] == 1
    assert summary["settings"]["source"] == "source.zip"
    assert summary["jaxpix"]


def test_corrupt_images_stop_or_are_listed(tmp_path):
    files = made.derma()
    for image_id in ("ISIC_0024001", "ISIC_0024003"):
        del files[f"HAM10000_images_part_2/{image_id}.jpg"]
        files[f"images/{image_id}.jpg"] = b"not a picture"
    with pytest.raises(
        InputError, match=r"1 corrupt image, 0 allowed \(--max-corrupt\):\n  images/ISIC_002400[13]"
    ):
        made.prepared(tmp_path, "derma", files)
    assert stored_names(tmp_path / "data") == []
    with pytest.raises(InputError, match="2 corrupt images, 1 allowed"):
        made.prepared(tmp_path, "derma", files, max_corrupt=1)
    dataset = made.prepared(tmp_path, "derma", files, max_corrupt=2)
    assert sum(dataset.num_examples.values()) == 68
    listed = dataset.summary["skipped"]["corrupt"]["files"]
    assert [entry.partition(" (")[0] for entry in sorted(listed)] == [
        "images/ISIC_0024001.jpg",
        "images/ISIC_0024003.jpg",
    ]


def test_a_damaged_zip_member_counts_as_corrupt(tmp_path):
    path = made.pack(tmp_path / "a.zip", made.derma())
    raw = bytearray(path.read_bytes())
    raw[100] ^= 255
    path.write_bytes(raw)
    config = PrepareConfig(source=path, image_size=8, data_dir=tmp_path / "data")
    with pytest.raises(InputError, match=r"1 corrupt image, 0 allowed.*\n.*cannot be read"):
        prepare_dataset("derma", config)


def test_a_split_without_images_is_an_error(tmp_path):
    with pytest.raises(InputError, match=r"split 'paper' leaves no images for test; got train 2"):
        made.prepared(
            tmp_path,
            "pneumonia",
            {
                f"{name}/person1_virus_{name}.png": made.encoded(i)
                for i, name in enumerate(("NORMAL", "PNEUMONIA"))
            },
        )
    files = {f"{name}/{i}.png": b"x" for name in ("NORMAL", "PNEUMONIA") for i in range(5)}
    with pytest.raises(InputError, match="too many corrupt images: a split is empty"):
        made.prepared(tmp_path, "pneumonia", files, max_corrupt=99)
    assert stored_names(tmp_path / "data") == []


def test_prepared_again_is_opened_not_made(tmp_path):
    files = made.derma()
    first = made.prepared(tmp_path, "derma", files)
    before = {path: path.stat().st_mtime_ns for path in first.path.iterdir()}
    again = made.prepared(tmp_path, "derma", files)
    assert again.fingerprint == first.fingerprint
    assert {path: path.stat().st_mtime_ns for path in first.path.iterdir()} == before
    without_source = prepare_dataset("derma", PrepareConfig(image_size=16, data_dir=tmp_path / "data"))
    assert without_source.fingerprint == first.fingerprint
    with pytest.raises(InputError, match=r"prepared with other settings: seed 0 \(asked for: 1\)"):
        made.prepared(tmp_path, "derma", files, seed=1)
    with pytest.raises(InputError, match="source_bytes"):
        made.prepared(tmp_path, "derma", files | {"more.txt": b"x"})


def test_two_at_once_are_refused(tmp_path):
    import fcntl

    (tmp_path / "data").mkdir()
    with (tmp_path / "data" / ".derma-paper-16.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(InputError, match="another process is preparing"):
            made.prepared(tmp_path, "derma", made.derma())


def test_a_disk_that_fills_leaves_nothing(tmp_path, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(builders.shutil, "disk_usage", lambda path: usage(10, 9, 1))
    with pytest.raises(InputError, match="the disk is full: 0 MB free at"):
        made.prepared(tmp_path, "derma", made.derma())
    assert stored_names(tmp_path / "data") == []


def test_a_write_that_fails_leaves_nothing(tmp_path):
    """A real limit on file sizes stands in for a disk without room."""
    source = made.pack(tmp_path / "source.zip", made.derma())
    code = (
        "import resource, sys; from jaxpix.prepare import __main__ as prepare;"
        "from jaxpix.terminal.console import run_door;"
        "import tensorflow_datasets; resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000));"
        "run_door(prepare.main, sys.argv[1:])"
    )
    arguments = ["derma", "--source", str(source), "--image-size", "64", "--data-dir", str(tmp_path / "data")]
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        env=made.environment(),
        check=False,
    )
    assert done.returncode == 2, done.stderr
    assert "the disk is full" in done.stderr
    assert stored_names(tmp_path / "data") == []


def test_a_data_dir_that_cannot_be_written(tmp_path):
    (tmp_path / "data").write_text("a file")
    with pytest.raises(InputError, match="cannot write to --data-dir"):
        made.prepared(tmp_path, "derma", made.derma())


def test_the_door_prints_and_saves_the_summary(tmp_path, capsys):
    source = made.pack(tmp_path / "covid.zip", made.covid())
    data_dir = tmp_path / "data"
    prepare.main(["covid", "--source", str(source), "--image-size", "16", "--data-dir", str(data_dir)])
    shown = " ".join(capsys.readouterr().out.split())
    for words in ("COVID-19", "confounded", "duplicates: 0", "leaks: 0", "fingerprint", "27/27 images"):
        assert words in shown
    path = data_dir / "covid" / "official-16" / "1.0.0" / "summary.json"
    assert json.loads(path.read_text())["classes"]["train"] == {"normal": 6, "pneumonia": 6, "COVID-19": 6}
    prepare.main(["covid", "--source", str(source), "--image-size", "16", "--data-dir", str(data_dir)])
    assert "covid is prepared already" in capsys.readouterr().out
    with pytest.raises(InputError, match="which data set"):
        prepare.main([])


@pytest.mark.parametrize("moment", ["looking", "storing", "late"])
def test_killed_and_started_again_gives_the_same(tmp_path, moment):
    files = made.derma()
    expected = made.prepared(tmp_path, "derma", files, size=64).fingerprint
    data_dir = tmp_path / "killed"
    command = [sys.executable, "-m", "jaxpix.prepare", "derma", "--source", str(tmp_path / "source.zip")]
    command += ["--image-size", "64", "--data-dir", str(data_dir)]
    process = subprocess.Popen(command, env=made.environment(), stdout=subprocess.DEVNULL)
    wanted = {"looking": ".*.lock", "storing": "*/*/incomplete.*", "late": "*/*/incomplete.*/*test*"}[moment]
    deadline = time.monotonic() + 60
    while not list(data_dir.glob(wanted)) and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.001)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert not list(data_dir.glob("*/*/1.0.0"))
    with pytest.raises(InputError, match="derma is not prepared"):
        open_prepared("derma", data_dir)
    config = PrepareConfig(source=tmp_path / "source.zip", image_size=64, data_dir=data_dir)
    dataset = prepare_dataset("derma", config)
    assert dataset.fingerprint == expected
    assert sorted(path.name for path in dataset.path.parent.iterdir()) == ["1.0.0"]
