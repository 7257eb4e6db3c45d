"""The public schema, and what older versions of it hold."""

import dataclasses
import json

import pyarrow as pa
import pytest
from some_records import some_record

from jaxpix.errors import InputError
from jaxpix.records import SCHEMA, SCHEMA_VERSION, from_json, from_table, to_json, to_table


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
