"""Exhaustive searches of a report: their records with the maps that lie beside them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from ...errors import InputError
from ...records.maps import SweepMaps, load_maps, maps_path
from ...search.exhaustive.coverage import Coverage, coverage_of

if TYPE_CHECKING:
    from ...records.record import Record
    from .reading import AttackResult
    from .series import Series


class Swept(NamedTuple):
    """One image: the attack it is of, its record and its maps."""

    attack: AttackResult
    record: Record
    maps: SweepMaps


def sweeps_of(series: Series) -> Iterator[Swept]:
    """Images all of whose candidates were tried, one at a time; those whose maps are gone are left out.

    Raises:
        InputError: a file of maps is damaged, or of images of another size.
    """
    for attack in series.attacks:
        size = attack.dataset["image_size"]
        for record in attack.records:
            path = maps_path(attack.folder, record.image_id)
            if record.exhaustive_flips is None or not path.exists():
                continue
            maps = load_maps(path)
            if maps.flips.shape != (size, size):
                raise InputError(f"{path}: expected maps of {size} x {size} pixels, got {maps.flips.shape}")
            yield Swept(attack, record, maps)


def coverage_of_series(series: Series) -> Coverage:
    """What was tried and audited, over all images."""
    swept = list(sweeps_of(series))
    return coverage_of((one.maps for one in swept), sum(one.record.queries for one in swept))


def most_queries(series: Series) -> int:
    """Candidates that an experiment may evaluate; of an exhaustive search those of an image."""
    population, generations = (series.settings.get(name) for name in ("population", "generations"))
    if population is None or generations is None:
        return max(record.queries for attack in series.attacks for record in attack.records)
    return int(population * (1 + generations))
