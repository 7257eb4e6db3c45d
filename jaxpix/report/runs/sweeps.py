"""Exhaustive searches of a report: their records with the maps that lie beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ...search.exhaustive.coverage import Coverage, coverage_of

if TYPE_CHECKING:
    from ...records.maps import SweepMaps
    from ...records.record import Record
    from .reading import AttackResult
    from .series import Series


class Swept(NamedTuple):
    """One image: the attack it is of, its record and its maps."""

    attack: AttackResult
    record: Record
    maps: SweepMaps


def sweeps_of(series: Series) -> list[Swept]:
    """Images all of whose candidates were tried; those whose maps are gone are left out.

    Raises:
        InputError: see `read_maps`.
    """
    return [
        Swept(attack, record, attack.maps[record.image_id])
        for attack in series.attacks
        for record in attack.records
        if record.image_id in attack.maps
    ]


def coverage_of_series(series: Series) -> Coverage:
    """What was tried and audited, over all images."""
    swept = sweeps_of(series)
    return coverage_of((one.maps for one in swept), sum(one.record.queries for one in swept))


def most_queries(series: Series) -> int:
    """Candidates that an experiment may evaluate; of an exhaustive search those of an image."""
    population, generations = (series.settings.get(name) for name in ("population", "generations"))
    if population is None or generations is None:
        return max(record.queries for attack in series.attacks for record in attack.records)
    return int(population * (1 + generations))
