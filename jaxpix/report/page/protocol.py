"""The protocol beside the paper's, setting by setting, once for all attacks of a report."""

from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import TypeVar

from ..paper.differences import Setting
from ..runs.series import Series, short_names

Told = TypeVar("Told", bound=Hashable)


def protocol_rows(all_series: Sequence[Series]) -> list[tuple[Setting, str]]:
    """Every setting of every series beside the paper's, and the series that it is of ("": all), name by name."""
    told = told_by(all_series, lambda series: series.differences)
    names = list(dict.fromkeys(setting.name for setting, _ in told))
    return sorted(told, key=lambda row: names.index(row[0].name))


def told_by(all_series: Sequence[Series], say: Callable[[Series], Iterable[Told]]) -> list[tuple[Told, str]]:
    """What any series says, once, and the names of those that say it; "" where all do."""
    of: dict[Told, list[str]] = {}
    for series, name in zip(all_series, short_names(all_series), strict=True):
        for one in say(series):
            of.setdefault(one, []).append(name)
    return [(one, "" if len(names) == len(all_series) else "; ".join(names)) for one, names in of.items()]
