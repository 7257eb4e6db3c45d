"""The protocol beside the paper's, setting by setting, once for all attacks of a report."""

from collections.abc import Sequence
from typing import NamedTuple

from ..paper.differences import Setting
from ..runs.series import Series, short_names


class Row(NamedTuple):
    """One setting: its name, the series that it is of ("" for all), the paper's, the one made here, the verdict."""

    name: str
    of: str
    paper: str
    here: str
    verdict: str


def protocol_rows(all_series: Sequence[Series]) -> list[Row]:
    """Every setting of every series beside the paper's; what several series share stands once."""
    found: dict[str, dict[Setting, list[str]]] = {}
    for series, name in zip(all_series, short_names(all_series), strict=True):
        for one in series.differences:
            found.setdefault(one.name, {}).setdefault(one, []).append(name)
    return [
        Row(
            setting.name,
            "" if len(names) == len(all_series) else "; ".join(names),
            setting.paper,
            setting.here,
            setting.verdict,
        )
        for settings in found.values()
        for setting, names in settings.items()
    ]
