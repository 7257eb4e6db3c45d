"""Files and locks: whole or absent, one process at a time."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from support.bars import STUDY, prepare_two_classes
from support.drawn_runs import make_run

from jaxpix.errors import InputError
from jaxpix.report import __main__ as report
from jaxpix.storage.documents import read_json
from jaxpix.storage.files import remove_unfinished, write_atomically
from jaxpix.storage.locks import hold
from jaxpix.study import __main__ as study

ROOT = Path(__file__).resolve().parents[2]


def test_an_interrupted_write_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "file"
    write_atomically(path, "old")

    def interrupted(descriptor):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_atomically(path, "new")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_content_is_on_the_disk_before_the_name_and_the_name_before_we_go_on(tmp_path, monkeypatch):
    done = []
    fsync, replace = os.fsync, Path.replace
    monkeypatch.setattr(
        os, "fsync", lambda fd: (done.append(str(Path(f"/proc/self/fd/{fd}").readlink())), fsync(fd))
    )
    monkeypatch.setattr(Path, "replace", lambda one, other: (done.append("rename"), replace(one, other)))
    write_atomically(tmp_path / "file", "new")
    assert done == [str(tmp_path / f".file.{os.getpid()}.tmp"), "rename", str(tmp_path)]


def test_what_a_killed_writer_left_is_removed_and_nothing_else(tmp_path):
    names = [".file.123.tmp", "pictures/.a.png.7.tmp", "file", ".lock", ".notes.tmp", "my.1.tmp"]
    for name in names:
        write_atomically(tmp_path / name, "x")
    remove_unfinished(tmp_path)
    left = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert left == set(names[2:])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is damaged: Expecting value"),
        ('{"a": ', "is damaged: Expecting value"),
        ("[1]", "is damaged: expected an object, got list"),
        ("\0\0\0", "is damaged"),
        ('{"a": ' + "[" * 100_000, "is damaged: "),
        ('{"a": ' + "[" * 60 + "]" * 60 + "}", "is damaged: more than 50 lists or objects in one another"),
        ('{"a": NaN}', "is damaged: expected finite numbers, got nan"),
        ('{"a": [1e999]}', "is damaged: expected finite numbers, got inf"),
        (f'{{"a": {10**30}}}', "is damaged: expected numbers of at most 64 bits, got one of 100"),
        (f'{{"a": {"9" * 5000}}}', "is damaged: Exceeds the limit"),
        ('{"a": "\\ud800"}', "is damaged: .*surrogates not allowed"),
        ('{"\\udc00": 1}', "is damaged: .*surrogates not allowed"),
        (" " * ((64 << 20) + 1), "is damaged: expected at most 67,108,864 bytes"),
    ],
    ids=lambda text: text[:24],
)
def test_damaged_json_is_named(tmp_path, content, message):
    (tmp_path / "a.json").write_text(content)
    with pytest.raises(InputError, match=rf"a\.json {message}"):
        read_json(tmp_path / "a.json")


def test_json_that_is_not_there_is_named(tmp_path):
    with pytest.raises(InputError, match=r"a\.json cannot be read: No such file"):
        read_json(tmp_path / "a.json")


def test_a_lock_ends_with_its_process(tmp_path):
    path = tmp_path / "folder" / ".lock"
    code = (
        "import sys, time; from pathlib import Path; from jaxpix.storage.locks import hold\n"
        "with hold(Path(sys.argv[1]), 'here', 'busy'): print('held', flush=True); time.sleep(60)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(path)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "held\n"
    with pytest.raises(InputError, match=r"^two at once$"), hold(path, "here", "two at once"):
        pass
    process.kill()
    process.wait()
    process.stdout.close()
    with hold(path, "here", "two at once"):
        pass


def test_a_folder_that_cannot_be_made_cannot_be_held(tmp_path):
    (tmp_path / "file").write_text("")
    message = "^cannot write to the folder: Not a directory$"
    with (
        pytest.raises(InputError, match=message),
        hold(tmp_path / "file" / "x" / ".lock", "the folder", "busy"),
    ):
        pass


def test_two_reports_in_one_folder_are_refused(tmp_path):
    run = make_run(tmp_path / "run", [(["clear-like"], ["opacity-like"])])
    out = tmp_path / "out"
    message = f"another process is writing the report in {re.escape(str(out))}"
    with hold(out / ".lock", "here", "busy"), pytest.raises(InputError, match=message):
        report.main([str(run), "--out", str(out)])
    assert [path.name for path in out.iterdir()] == [".lock"]


def test_two_studies_in_one_folder_are_refused(tmp_path):
    prepare_two_classes(tmp_path)
    (tmp_path / "bars.toml").write_text(STUDY)
    run = tmp_path / "run"
    arguments = [str(tmp_path / "bars.toml"), "--data-dir", str(tmp_path / "data"), "--run", str(run)]
    message = r"another process is working on the study in .*; wait for it or"
    with hold(run / ".lock", "here", "busy"), pytest.raises(InputError, match=message):
        study.main(arguments)
    assert [path.name for path in run.iterdir()] == [".lock"]
