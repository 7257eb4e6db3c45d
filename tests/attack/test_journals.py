"""Journals and tables: large ones, damaged ones, and those of versions whose processes shared a run."""

import json

import numpy as np
import pyarrow.parquet as pq
import pytest
from support.finished import IDENTITY, finished, wrong

from jaxpix import read_records
from jaxpix.attack.run import AttackRun
from jaxpix.errors import InputError
from jaxpix.records.files import read_passed_over, read_reasons
from jaxpix.records.record import to_json, to_table


def test_a_run_that_several_processes_shared_is_read_and_gone_on_with(tmp_path):
    """As older versions left it: 1 of 2 had ended, 0 of 2 was killed while it wrote."""
    passed = {"passed_over": ["d"], "because": [list(one) for one in wrong("d")]}
    first, second, third = (to_json(finished(name).record) for name in "abc")
    (tmp_path / "journal-0-of-2.jsonl").write_text(f"{first}\n{third[:40]}")
    (tmp_path / "journal-1-of-2.jsonl").write_text(f"{second}\n{json.dumps(passed)}\n")
    pq.write_table(to_table([finished("b").record]), tmp_path / "records-1-of-2.parquet")
    assert {record.image_id for record in read_records(tmp_path)} == {"a", "b"}
    assert read_reasons(tmp_path) == wrong("d")
    with AttackRun(tmp_path, IDENTITY) as run:
        assert run.finished == {"a", "b"}
        assert run.passed_over == {"d"}
        run.save(finished("c"))
        every = run.finish(["a", "b", "c", "d"])
    assert [record.image_id for record in every] == ["a", "b", "c"]
    assert read_records(tmp_path) == every
    lines = [line for path in tmp_path.glob("journal*") for line in path.read_text().splitlines()]
    assert len(lines) == 4, "nothing was done twice, and the torn line is gone"


@pytest.mark.parametrize("line", ['{"passed_over": 3}', '{"passed_over"', '{"passed_over": [[]'])
def test_a_damaged_line_of_passed_over_images_is_named(tmp_path, line):
    (tmp_path / "journal-1-of-3.jsonl").write_text(f"{json.dumps({'passed_over': ['a']})}\n{line}\n")
    with pytest.raises(InputError, match=r"journal-1-of-3\.jsonl: line 2 is damaged; delete that line"):
        read_passed_over(tmp_path)


def test_large_tables_are_read_as_they_were_written(tmp_path):
    names = [f"{number:05}" for number in range(9000)]
    with AttackRun(tmp_path, IDENTITY) as run:
        done = finished("x").record
        path = tmp_path / "journal.jsonl"
        line = to_json(done)
        path.write_text(
            "".join(line.replace('"image_id":"x"', f'"image_id":"{name}"') + "\n" for name in names)
        )
        order = np.random.default_rng(0).permutation(names).tolist()
        every = run.finish(order)
    assert [record.image_id for record in every] == order
    assert read_records(tmp_path) == every
