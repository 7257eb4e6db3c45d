"""A user's own source is understood as it was meant, or refused: never otherwise."""

import os
from collections import Counter

import pytest
from hypothesis import HealthCheck, event, given, settings
from support.own_sources import MemorySource, OwnSource, tables, trees

from jaxpix.config import PrepareConfig
from jaxpix.data.registry import DATASETS
from jaxpix.errors import InputError
from jaxpix.prepare.formats import folder

EXAMPLES = int(os.environ.get("JAXPIX_EXAMPLES", "50"))
_often = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=EXAMPLES <= 50,
)


def _understood(own: OwnSource, **options) -> bool:
    """Whether the source was understood, and then as it was meant."""
    source = MemorySource(own.files)
    config = PrepareConfig(**options)
    try:
        listing = folder.understand(source, DATASETS["folder"], config)
        scheme = folder.default_scheme(source, listing)
    except InputError as error:
        event(str(error).partition(": ")[2][:60])
        return False
    meaning = own.meaning
    names = listing.info.class_names
    found = {
        item.member: frozenset(
            names[label] for label in (item.label if isinstance(item.label, tuple) else (item.label,))
        )
        for item in listing.items
    }
    assert found == meaning.labels
    assert listing.info.task == meaning.task
    assert {item.member: item.split for item in listing.items if item.split} == meaning.splits
    assert {item.member: item.group for item in listing.items if item.group} == meaning.patients
    if meaning.splits:
        assert scheme in ("folders", "column")
    return True


@_often
@given(tables())
def test_a_table_means_what_was_meant_or_is_refused(own):
    _understood(own)


@_often
@given(trees())
def test_a_tree_means_what_was_meant_or_is_refused(own):
    _understood(own)


@pytest.mark.parametrize(("kind", "share"), [(tables, 0.3), (trees, 0.2)])
def test_many_are_understood(kind, share):
    """Refusing everything would be safe, and useless."""
    outcomes = Counter()

    @settings(max_examples=60, deadline=None, derandomize=True, database=None)
    @given(kind())
    def count(own):
        outcomes[_understood(own)] += 1

    count()
    assert outcomes[True] / outcomes.total() > share, outcomes
