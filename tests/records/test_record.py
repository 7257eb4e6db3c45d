"""The public schema, and what older versions of it hold."""

import dataclasses
import json

import pyarrow as pa
import pytest
from support.some_records import some_record

from jaxpix.errors import InputError
from jaxpix.records import record as records
from jaxpix.records.record import SCHEMA, SCHEMA_VERSION, from_json, from_table, to_json, to_table


def version_one(record):
    row = json.loads(to_json(record))
    del row["normal_classes"]
    return {**row, "schema_version": 1}


def test_rows_of_version_one_are_read_without_normal_classes():
    record = some_record("a", success=True, after="sick")
    expected = dataclasses.replace(record, normal_classes=[], schema_version=1)
    old = version_one(record)
    assert from_json(json.dumps(old)) == expected
    schema = pa.schema([field for field in SCHEMA if field.name != "normal_classes"])
    assert from_table(pa.Table.from_pylist([old], schema=schema)) == [expected]


def test_an_old_row_keeps_its_version_when_it_is_written_again():
    old = from_json(json.dumps(version_one(some_record("a"))))
    assert from_table(to_table([old, some_record("b")])) == [old, some_record("b")]
    assert from_json(to_json(old)) == old


def test_rows_before_version_three_have_no_trajectory():
    record = some_record("a", trajectory=[0.75, 0.5, 0.5])
    row = json.loads(to_json(record))
    assert row.pop("trajectory") == [0.75, 0.5, 0.5]
    assert from_json(json.dumps(row)) == dataclasses.replace(record, trajectory=[])
    schema = pa.schema([field for field in SCHEMA if field.name != "trajectory"])
    assert from_table(pa.Table.from_pylist([row], schema=schema))[0].trajectory == []


def test_a_trajectory_takes_the_room_of_its_changes():
    record = some_record("a", trajectory=[0.75] * 40 + [0.5] * 60)
    for read in (from_table(to_table([record]))[0], from_json(to_json(record))):
        assert read == record
        assert len({id(value) for value in read.trajectory}) == 2


def test_newer_versions_are_refused():
    newer = some_record("a", schema_version=SCHEMA_VERSION + 1)
    message = (
        rf"record of 'a' has schema version {SCHEMA_VERSION + 1}, this jaxpix reads 1 to {SCHEMA_VERSION}"
    )
    with pytest.raises(InputError, match=message):
        from_json(to_json(newer))
    with pytest.raises(InputError, match=message):
        from_table(to_table([some_record("b"), newer]))
    unknown = {**json.loads(to_json(newer)), "a_field_of_later": 1}
    with pytest.raises(InputError, match=message):
        from_json(json.dumps(unknown))


def test_many_records_are_written_and_read_in_parts(monkeypatch):
    monkeypatch.setattr(records, "_ROWS", 2)
    many = [some_record(str(number), success=number % 2 == 0, target=["sick"]) for number in range(5)]
    table = to_table(many)
    assert table.schema.equals(SCHEMA, check_metadata=True)
    assert [len(part) for part in table.to_batches()] == [2, 2, 1]
    assert from_table(table) == many
    assert from_table(to_table([])) == []


def test_records_that_were_read_share_what_they_repeat():
    made = [some_record(str(number), success=True, after="sick") for number in range(2)]
    for one, other in (from_table(to_table(made)), [from_json(to_json(record)) for record in made]):
        for name in ("class_names", "normal_classes", "label_before", "label_after", "dataset", "victim_id"):
            assert getattr(one, name) is getattr(other, name)


def test_a_text_where_a_list_of_names_belongs_is_refused():
    row = json.loads(to_json(some_record("a")))
    with pytest.raises(TypeError, match="expected a list of names, got 'healthy'"):
        from_json(json.dumps({**row, "label_before": "healthy"}))
