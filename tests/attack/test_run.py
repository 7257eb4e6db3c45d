import dataclasses
import json

import numpy as np
import pyarrow.parquet as pq
import pytest
from support.finished import IDENTITY, IMAGE, finished, wrong
from support.some_records import some_record

from jaxpix import read_records
from jaxpix.attack.run import AttackRun, file_stem
from jaxpix.errors import InputError
from jaxpix.records.attacked import SELECTION
from jaxpix.records.maps import SweepMaps, unfinished_path
from jaxpix.records.record import SCHEMA, from_json, from_table, to_json, to_table
from jaxpix.storage.png import decode_png


def test_records_survive_json_and_parquet_exactly():
    records = [
        some_record("a", success=True, confidences_after=[float(np.float32(0.1)), float(np.float32(0.9))]),
        some_record("b", target=["sick"], best_fitness=float("inf")),
        some_record("c", target=[], label_before=[], label_after=["sick", "healthy"]),
    ]
    assert [from_json(to_json(record)) for record in records] == records
    assert from_table(to_table(records)) == records
    assert to_table(records).schema == SCHEMA


def test_the_schema_names_every_field_of_a_record():
    assert SCHEMA.names == [field.name for field in dataclasses.fields(some_record("a"))]


def test_a_finished_run(tmp_path):
    with AttackRun(tmp_path / "run", IDENTITY) as run:
        run.save(finished("b", success=True))
        run.save(finished("a"))
        run.finish(["a", "b"])
    records = from_table(pq.read_table(tmp_path / "run" / "records.parquet"))
    assert [record.image_id for record in records] == ["a", "b"]
    saved = tmp_path / "run" / records[1].image_file
    np.testing.assert_array_equal(decode_png(saved.read_bytes())[4, 3], [255])
    original = tmp_path / "run" / "originals" / saved.name
    np.testing.assert_array_equal(decode_png(original.read_bytes()), IMAGE)
    assert records[0].image_file == ""
    assert read_records(tmp_path / "run") == records


def test_originals_of_the_first_failures_and_of_the_nearest_misses_are_kept(tmp_path, monkeypatch):
    monkeypatch.setattr("jaxpix.attack.run.KEPT_FAILURES", 2)
    left = {"a": 0.9, "b": 0.8, "far": 0.85, "near": 0.7}

    def failed(name):
        return finished(name, confidences_after=[left[name], 1 - left[name]])

    with AttackRun(tmp_path, IDENTITY) as run:
        for name in ("a", "b", "far"):
            run.save(failed(name))
    # What a resumed run knows of it comes from its records.
    with AttackRun(tmp_path, IDENTITY) as run:
        run.save(failed("near"))
    assert [path.name.rsplit("-", 1)[0] for path in sorted((tmp_path / "originals").iterdir())] == [
        "a",
        "b",
        "near",
    ]
    assert not (tmp_path / "adversarial").exists()


def test_a_torn_last_line_is_cut_and_nothing_else_is_lost(tmp_path):
    with AttackRun(tmp_path, IDENTITY) as run:
        run.save(finished("a"))
    journal = tmp_path / "journal.jsonl"
    with journal.open("a") as stream:
        stream.write(to_json(some_record("b"))[:100])
    assert [record.image_id for record in read_records(tmp_path)] == ["a"]
    with AttackRun(tmp_path, IDENTITY) as run:
        assert set(run.finished) == {"a"}
        run.save(finished("b"))
    assert [json.loads(line)["image_id"] for line in journal.read_text().splitlines()] == ["a", "b"]


def test_another_attack_is_refused_and_the_difference_named(tmp_path):
    with AttackRun(tmp_path, IDENTITY) as run:
        run.save(finished("a"))
    with pytest.raises(InputError, match=r"holds another attack \(seed: it has 0, now asked 1\)"):
        AttackRun(tmp_path, {**IDENTITY, "seed": 1}).__enter__()


@pytest.mark.parametrize("kept", [[], ["a"]])
def test_a_folder_in_which_nothing_was_attacked_binds_nobody(tmp_path, kept):
    with AttackRun(tmp_path, IDENTITY) as run:
        run.files.store_json(SELECTION, {"groups": []})
        run.pass_over(wrong(*kept))
    other = AttackRun(tmp_path, {**IDENTITY, "seed": 7})
    if kept:
        with pytest.raises(InputError, match="holds another attack"):
            other.__enter__()
    else:
        with other as run:
            assert not run.files.has(SELECTION), "these images were chosen for the other attack"
    with AttackRun(tmp_path, IDENTITY) as run:
        assert run.passed_over == set(kept)


def test_results_without_an_identity_keep_their_selection(tmp_path):
    with AttackRun(tmp_path, IDENTITY) as run:
        run.files.store_json(SELECTION, {"groups": []})
        run.save(finished("a"))
    (tmp_path / "identity.json").unlink()
    with AttackRun(tmp_path, IDENTITY) as run:
        assert run.files.has(SELECTION)
        assert run.finished == {"a"}


def test_what_an_earlier_process_left_of_an_image_goes_when_others_finish_it(tmp_path):
    one = finished("a")
    square, none = np.zeros((8, 8), np.float32), np.zeros((0, 2), np.int32)
    flips, packed = square.astype(np.int32), none.astype(np.uint8)
    counts = {"is_whole": False, "band": 0.0, "reevaluated": 0, "audited": 0, "contradictions": 0}
    maps = SweepMaps(
        square, square, flips, flips.astype(np.int16), packed, none, packed, flips[0, :2], **counts
    )
    with AttackRun(tmp_path, IDENTITY) as run:
        left = unfinished_path(run.scratch, "a")
        left.parent.mkdir()
        left.touch()
        run.save(dataclasses.replace(one, maps=maps))
    assert [path.suffix for path in left.parent.iterdir()] == [".npz"]


def test_two_processes_cannot_share_a_folder(tmp_path):
    with AttackRun(tmp_path, IDENTITY), pytest.raises(InputError, match="another process is working on"):
        AttackRun(tmp_path, IDENTITY).__enter__()
    with AttackRun(tmp_path, IDENTITY):
        pass


def test_damaged_files_are_named(tmp_path):
    with AttackRun(tmp_path, IDENTITY) as run:
        run.save(finished("a"))
        run.finish(["a"])
    table = tmp_path / "records.parquet"
    whole = table.read_bytes()
    table.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match=r"records\.parquet is damaged"):
        read_records(tmp_path)
    table.unlink()
    (tmp_path / "journal.jsonl").write_text("not json\n")
    with pytest.raises(InputError, match=r"journal\.jsonl: line 1 is damaged"):
        read_records(tmp_path)
    (tmp_path / "journal.jsonl").unlink()
    with AttackRun(tmp_path, IDENTITY) as run:
        run.save(finished("a"))
    (tmp_path / "identity.json").write_text("{")
    with pytest.raises(InputError, match=r"identity\.json is damaged"):
        AttackRun(tmp_path, IDENTITY).__enter__()


def test_file_names_are_safe_and_distinct():
    names = ["a/b", "a_b", "../../etc/passwd", "Ä ß", "x" * 300, ""]
    stems = [file_stem(name) for name in names]
    assert len(set(stems)) == len(names)
    for stem in stems:
        assert "/" not in stem
        assert not stem.startswith(".")
        assert len(stem) <= 100
