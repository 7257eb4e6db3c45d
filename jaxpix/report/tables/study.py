"""Every table of a study, from the attacks it ran, with the notes that its numbers need."""

import dataclasses
from collections.abc import Callable, Sequence

from ..runs.evidence import NOTHING, Evidence
from ..runs.series import Series
from ..table import HOW_TO_READ_RATES, OTHERS, Table, bears_asterisk
from .comparison import channel_tables, search_tables
from .defences import defence_tables, measurement_key
from .diseases import conversion_table, dangerous_table, disease_tables
from .exhaustive import exhaustive_table
from .hits import control_table, failure_table, intensity_table
from .recall import recall_table
from .success import confidence_table, paired_table, queries_table, success_table
from .transformations import ratio_table, resulting_table, transformation_tables

_ONE: tuple[Callable[[Series], Table | None], ...] = (
    success_table,
    exhaustive_table,
    dangerous_table,
    conversion_table,
    ratio_table,
    resulting_table,
    paired_table,
    queries_table,
    confidence_table,
    failure_table,
    intensity_table,
    control_table,
)


def tables_of(all_series: Sequence[Series], evidence: Evidence = NOTHING) -> list[Table]:
    """All tables that have something to say, the most important first (the order of their keys).

    Args:
        all_series: each has its own tables; colour is compared with grey, and one search with another, across
            them.
        evidence: what has tables beside them.
    """
    found = [*channel_tables(all_series), *search_tables(all_series)]
    for number, measurement in enumerate(evidence.measurements, 1):
        found += [(table, []) for table in defence_tables(measurement, measurement_key(number))]
    for one in evidence.judgements:
        found.append((recall_table(one), [one.sweep, *(search.series for search in one.searches)]))
    for series in all_series:
        made = [*(make(series) for make in _ONE), *transformation_tables(series), *disease_tables(series)]
        found += [(table, [series]) for table in made if table is not None]
    return sorted((_noted(table, of) for table, of in found), key=lambda table: table.key)


def _noted(table: Table, of: Sequence[Series]) -> Table:
    """The table with its own notes first, then how to read rates, then caveats."""
    notes = [*table.notes]
    cells = [cell for row in (table.columns, *table.rows) for cell in row]
    if any(" %" in cell and "–" in cell and "/" in cell for cell in cells):
        notes.append(HOW_TO_READ_RATES)
    if bears_asterisk(table):
        notes.append(
            "* fewer experiments than asked: too few images that the victim classifies correctly, or unfinished."
        )
    if any(OTHERS in cell for cell in cells):
        notes.append(
            "Labels with the most experiments stand by themselves, the others together; summary.json has all."
        )
    notes += dict.fromkeys(caveat for series in of for caveat in series.caveats)
    return dataclasses.replace(
        table, columns=tuple(table.columns), rows=tuple(map(tuple, table.rows)), notes=tuple(notes)
    )
