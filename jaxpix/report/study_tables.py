"""Every table of a study, from the attacks it ran."""

from collections.abc import Callable, Sequence

from .channel_tables import channel_table
from .disease_tables import conversion_table, dangerous_table, disease_tables
from .hit_tables import control_table, failure_table, intensity_table
from .search_tables import search_tables
from .series import Series
from .success_tables import confidence_table, paired_table, queries_table, success_table
from .tables import Table
from .transformation_tables import ratio_table, resulting_table, transformation_tables

_ONE: tuple[Callable[[Series], Table | None], ...] = (
    success_table,
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
_SEVERAL: tuple[Callable[[Series], list[Table]], ...] = (transformation_tables, disease_tables)


def tables_of(all_series: Sequence[Series]) -> list[Table]:
    """All tables that have something to say, the most important first (the order of their keys).

    Args:
        all_series: each has its own tables; colour is compared with grey, and one search with another, across
            them.
    """
    found: list[Table | None] = []
    for series in all_series:
        found += [make(series) for make in _ONE]
        for make_several in _SEVERAL:
            found += make_several(series)
    found.append(channel_table(all_series))
    found += search_tables(all_series)
    return sorted((table for table in found if table is not None), key=lambda table: table.key)
