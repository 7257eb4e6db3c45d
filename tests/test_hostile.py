"""Whatever is put into files and flags, only documented errors come out. `long/fuzz.py` tries longer."""

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from support import hostile_archives, hostile_files, hostile_folders, hostile_tables, hostile_words

PROPERTIES = [
    *hostile_words.PROPERTIES,
    *hostile_tables.PROPERTIES,
    *hostile_archives.PROPERTIES,
    *hostile_files.PROPERTIES,
    *hostile_folders.PROPERTIES,
]


@pytest.mark.parametrize("kept", PROPERTIES, ids=lambda kept: kept.name)
def test_only_documented_errors_come_out(kept):
    @settings(
        max_examples=kept.examples,
        deadline=None,
        derandomize=True,
        database=None,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    @given(kept.inputs)
    def every_input(value):
        kept.check(value)

    every_input()
