"""A run folder that several processes share."""

import contextlib
import json

import numpy as np
import pyarrow.parquet as pq
import pytest
from support.finished import IDENTITY, finished, wrong

from jaxpix import read_records
from jaxpix.attack import run as runs
from jaxpix.attack.cluster import Member
from jaxpix.attack.run import AttackRun
from jaxpix.errors import InputError
from jaxpix.records.attacked import SELECTION
from jaxpix.records.files import read_passed_over


class Leader(Member):
    """Process 0 of a cluster whose other processes are opened by hand."""

    def __init__(self, num_processes, start="today"):
        super().__init__(0, num_processes, start)
        self.has_begun = False

    def begin(self):
        self.has_begun = True


@contextlib.contextmanager
def led(folder, num_processes, todo, start="today"):
    with AttackRun(folder, IDENTITY, Leader(num_processes, start)) as run:
        run.files.store_json(SELECTION, {})
        run.hand_out(todo)
        yield run


def test_each_has_its_own_files_and_the_last_one_writes_the_whole_table(tmp_path):
    with led(tmp_path, 2, [0, 1, 2]) as leader:
        assert leader.member.has_begun
        with AttackRun(tmp_path, IDENTITY, Member(1, 2, "today")) as other:
            assert other.handed_out == [0, 1, 2]
            leader.save(finished("c", success=True))
            leader.save(finished("a"))
            other.save(finished("b"))
            other.pass_over(wrong("d"))
            part, is_whole = other.finish(["a", "b", "c", "d"])
            assert ([record.image_id for record in part], is_whole) == (["b"], False)
            assert not (tmp_path / "records.parquet").exists()
            every, is_whole = leader.finish(["a", "b", "c", "d"])
    assert ([record.image_id for record in every], is_whole) == (["a", "b", "c"], True)
    names = {path.name for path in tmp_path.iterdir() if path.suffix in (".parquet", ".jsonl")}
    assert names == {
        "journal-0-of-2.jsonl",
        "journal-1-of-2.jsonl",
        "records-0-of-2.parquet",
        "records-1-of-2.parquet",
        "records.parquet",
    }
    assert pq.read_table(tmp_path / "records-0-of-2.parquet").column("image_id").to_pylist() == ["a", "c"]
    assert pq.read_table(tmp_path / "records.parquet").column("image_id").to_pylist() == ["a", "b", "c"]
    assert read_records(tmp_path) == every
    assert read_passed_over(tmp_path) == {"d"}


@pytest.mark.parametrize("num_processes", [1, 2, 5])
def test_another_number_of_processes_goes_on_with_what_is_left(tmp_path, num_processes):
    with (
        led(tmp_path, 2, [0, 1, 2, 3], "monday") as leader,
        AttackRun(tmp_path, IDENTITY, Member(1, 2, "monday")) as other,
    ):
        leader.save(finished("a", success=True))
        other.save(finished("b"))
        other.pass_over(wrong("d"))
        other.finish(["a", "b", "c", "d"])
    with (tmp_path / "journal-0-of-2.jsonl").open("a") as journal:
        journal.write('{"image_id": "c", "se')
    member = Leader(num_processes, "tuesday")
    with AttackRun(tmp_path, IDENTITY, member) as leader:
        assert leader.finished == {"a", "b"}
        assert leader.passed_over == {"d"}
        assert leader.num_successes == 1
        if num_processes > 1:
            leader.hand_out([2])
            assert not list(tmp_path.glob("records-*.parquet")), "their tables will say that they are done"
        leader.save(finished("c"))
        for number in range(1, num_processes):
            with AttackRun(tmp_path, IDENTITY, Member(number, num_processes, "tuesday")) as idle:
                idle.finish(["a", "b", "c", "d"])
        every, is_whole = leader.finish(["a", "b", "c", "d"])
    assert ([record.image_id for record in every], is_whole) == (["a", "b", "c"], True)
    lines = [line for path in tmp_path.glob("journal*") for line in path.read_text().splitlines()]
    assert len(lines) == 4, "nothing was done twice, and the torn line is gone"


def test_survivors_keep_the_folder(tmp_path):
    leader = contextlib.ExitStack()
    leader.enter_context(led(tmp_path, 2, [0]))
    with AttackRun(tmp_path, IDENTITY, Member(1, 2, "today")) as survivor:
        for ends in (lambda: None, leader.close):
            ends()
            for other in (
                AttackRun(tmp_path, IDENTITY),
                AttackRun(tmp_path, IDENTITY, Leader(2, "tomorrow")),
            ):
                with pytest.raises(InputError, match="another process is working on"):
                    other.__enter__()
        survivor.save(finished("a"))
    with AttackRun(tmp_path, IDENTITY) as alone:
        assert alone.finished == {"a"}


def test_a_process_that_would_attack_something_else_is_refused(tmp_path):
    with (
        led(tmp_path, 2, [0]),
        pytest.raises(InputError, match=r"\(seed: it has 0, now asked 1\)"),
    ):
        AttackRun(tmp_path, {**IDENTITY, "seed": 1}, Member(1, 2, "today")).__enter__()


def test_a_folder_that_process_0_did_not_write_to(tmp_path, monkeypatch):
    monkeypatch.setattr(runs, "_PATIENCE_SECONDS", 0.0)
    with led(tmp_path / "shared", 2, [0], "yesterday"):
        for folder in (tmp_path / "shared", tmp_path / "somewhere else"):
            with pytest.raises(InputError, match="on a disk that all processes share"):
                AttackRun(folder, IDENTITY, Member(1, 2, "today")).__enter__()


@pytest.mark.parametrize("line", ['{"passed_over": 3}', '{"passed_over"', '{"passed_over": [[]'])
def test_a_damaged_line_of_passed_over_images_is_named(tmp_path, line):
    (tmp_path / "journal-1-of-3.jsonl").write_text(f"{json.dumps({'passed_over': ['a']})}\n{line}\n")
    with pytest.raises(InputError, match=r"journal-1-of-3\.jsonl: line 2 is damaged; delete that line"):
        read_passed_over(tmp_path)


def test_large_tables_are_read_as_they_were_written(tmp_path):
    names = [f"{number:05}" for number in range(9000)]
    with AttackRun(tmp_path, IDENTITY) as run:
        done = finished("x").record
        run._journal.close()
        path = tmp_path / "journal.jsonl"
        from jaxpix.records.record import to_json

        line = to_json(done)
        path.write_text(
            "".join(line.replace('"image_id":"x"', f'"image_id":"{name}"') + "\n" for name in names)
        )
        order = np.random.default_rng(0).permutation(names).tolist()
        every, _ = run.finish(order)
    assert [record.image_id for record in every] == order
    assert read_records(tmp_path) == every
