"""Disks that are full, read-only or broken: one line, status 2, and nothing finished is lost."""

import contextlib
import errno
import os
import resource
import subprocess

import numpy as np
import pytest
from support.drawn_runs import make_run
from support.finished import IDENTITY, finished

from jaxpix import read_records
from jaxpix.attack.run import AttackRun
from jaxpix.config import PrepareConfig, TrainConfig
from jaxpix.errors import InputError
from jaxpix.prepare.preparation import prepare_dataset
from jaxpix.records.attacked import SELECTION
from jaxpix.report import __main__ as report
from jaxpix.storage.checkpoints import restore_tree, save_tree
from jaxpix.storage.documents import read_json
from jaxpix.storage.files import explain_disk_error, write_atomically
from jaxpix.terminal.console import run_door
from jaxpix.train.run import TrainingRun
from jaxpix.victim import files as victim_files


@contextlib.contextmanager
def no_file_larger_than(size):
    """A limit that the kernel keeps, for any writer of this process: it stands in for a disk without room."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.fixture
def disk(tmp_path):
    """A file system of 300 KB of its own; skips where nobody may mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("only root may mount a small disk")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def status_and_line(door, capsys):
    with pytest.raises(SystemExit) as stop:
        run_door(door, [])
    err = capsys.readouterr().err
    assert err.count("\n") == 1, err
    return stop.value.code, err


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "x.png"), "disk full: .*x.png"),
        (OSError(errno.EDQUOT, os.strerror(errno.EDQUOT)), "disk full: .*quota exceeded"),
        (
            RuntimeError("UNKNOWN: writing d/0: No space left on device [os_error_code='28']"),
            "disk full: No sp",
        ),
        (OSError(errno.EROFS, os.strerror(errno.EROFS), "x"), "not allowed to read or write: .*Read-only"),
        (
            PermissionError(errno.EACCES, os.strerror(errno.EACCES), "x"),
            "not allowed to read or write: .*'x'",
        ),
        (OSError(errno.EIO, os.strerror(errno.EIO), "x"), "the disk does not answer: .*output error: 'x'"),
    ],
)
def test_every_door_explains_what_the_disk_did(error, words, capsys):
    def door(arguments):
        raise error

    status, line = status_and_line(door, capsys)
    assert status == 2
    assert line.startswith("error: ")
    with pytest.raises(InputError, match=f"error: {words}.*nothing finished is lost"):
        raise InputError(line)


@pytest.mark.parametrize("error", [FileNotFoundError(errno.ENOENT, "No such file"), ValueError("No space")])
def test_other_errors_keep_their_traceback(error):
    assert explain_disk_error(error) is None

    def door(arguments):
        raise error

    with pytest.raises(type(error)):
        run_door(door, [])


def test_a_file_that_does_not_fit_leaves_the_old_one(tmp_path):
    path = tmp_path / "file"
    write_atomically(path, b"old")
    with no_file_larger_than(1000), pytest.raises(OSError, match="File too large"):
        write_atomically(path, b"x" * 5000)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_checkpoint_that_does_not_fit_leaves_the_old_one(tmp_path, capfd):
    noise = np.random.Generator(np.random.PCG64(0)).normal(size=20_000)
    save_tree(tmp_path / "last", {"a": noise})
    message = r"cannot write the checkpoint .*last: disk full: .*nothing finished is lost"
    with no_file_larger_than(20_000), pytest.raises(InputError, match=message):
        save_tree(tmp_path / "last", {"a": noise + 1})
    assert [entry.name for entry in (tmp_path / "last").iterdir()] == ["00000000"]
    np.testing.assert_array_equal(restore_tree(tmp_path / "last", {"a": noise})["a"], noise)
    assert "Traceback" not in capfd.readouterr().err


def test_a_victim_that_does_not_fit_leaves_the_old_one(tmp_path):
    weights = {"a": np.random.Generator(np.random.PCG64(0)).normal(size=20_000)}
    victim_files.write(tmp_path / "victim", {"name": "old"}, weights)
    with no_file_larger_than(20_000), pytest.raises(InputError, match="disk full"):
        victim_files.write(tmp_path / "victim", {"name": "new"}, {"a": weights["a"] + 1})
    assert read_json(tmp_path / "victim" / "victim.json")["name"] == "old"
    restored = restore_tree(tmp_path / "victim" / "weights", weights)
    np.testing.assert_array_equal(restored["a"], weights["a"])
    assert [entry.name for entry in tmp_path.iterdir()] == ["victim"]


def test_an_attack_on_a_full_disk_goes_on_when_there_is_room(disk, capsys):
    run = disk / "run"
    with AttackRun(run, IDENTITY) as attack:
        attack.save(finished("a", success=True))
    (disk / "rubbish").write_bytes(b"x" * (os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize))

    def door(arguments):
        with AttackRun(run, IDENTITY) as attack:
            attack.save(finished("b", success=True))
            attack.finish(["a", "b"])

    status, line = status_and_line(door, capsys)
    assert status == 2
    assert "disk full: " in line
    assert [record.image_id for record in read_records(run)] == ["a"]
    (disk / "rubbish").unlink()
    door([])
    assert [record.image_id for record in read_records(run)] == ["a", "b"]
    assert not list(run.rglob("*.tmp"))


def test_a_torn_line_is_cut_even_on_a_full_disk(disk):
    with AttackRun(disk, IDENTITY) as attack:
        attack.save(finished("a"))
        attack.files.store_json(SELECTION, {})
    with (disk / "journal.jsonl").open("a") as journal:
        journal.write('{"image_id": "b", "se')
    (disk / "rubbish").write_bytes(b"x" * (os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize))
    with AttackRun(disk, IDENTITY) as attack:
        assert set(attack.finished) == {"a"}
    assert (disk / "journal.jsonl").read_bytes().endswith(b"}\n")


def test_a_read_only_disk_is_said_by_every_door(disk, tmp_path):
    run = make_run(tmp_path / "run", [(["clear-like"], ["opacity-like"])])
    tiny = PrepareConfig(data_dir=tmp_path / "data", image_size=16, num_images=20)
    dataset = prepare_dataset("phantom-xray", tiny)
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    with pytest.raises(InputError, match=r"cannot write to the run folder .*disk/run: Read-only file system"):
        AttackRun(disk / "run", IDENTITY).__enter__()
    with pytest.raises(InputError, match=r"cannot write to the run folder .*disk/run: Read-only file system"):
        TrainingRun(disk / "run").open(dataset, TrainConfig()).__enter__()
    with pytest.raises(InputError, match=r"cannot write to the report's folder .*: Read-only file system"):
        report.main([str(run), "--out", str(disk / "report")])
    with pytest.raises(InputError, match=r"cannot write to --data-dir .*: Read-only file system"):
        prepare_dataset("phantom-xray", PrepareConfig(data_dir=disk / "data", image_size=16, num_images=20))
