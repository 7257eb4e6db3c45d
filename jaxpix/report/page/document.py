"""One HTML page that needs nothing but itself: no server, no network, no other file."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from importlib import resources
from typing import TYPE_CHECKING, Any, NamedTuple

from ..checklist.items import checklist_of
from ..paper.printed import address, citation
from ..runs.provenance import Fact, origins_of, shared_facts, victim_facts
from ..runs.series import short_names
from ..table import HOW_TO_READ_RATES, bears_asterisk
from .comparison import compared
from .headline import headlines_of
from .limits import limits_of, meaning_of_a_miss
from .protocol import protocol_rows, told_by
from .shell import environment, inline

if TYPE_CHECKING:
    from ..runs.evidence import Evidence
    from ..runs.series import Series
    from ..table import Chart, Table
    from .defences import DefendedPart
    from .judgement import JudgedPart
    from .lead import Lead

_TEMPLATES = "templates"
_HALF_A_LINE = 82
"""Characters of a table in half the page's width."""

_SCRIPTS = ("pictures.js", "gallery.js", "numbers.js")


class Drawn(NamedTuple):
    """The figures of each series, and the parts on searches held against the truth and on defences."""

    charts: Sequence[Sequence[Chart]]
    judged: Sequence[JudgedPart]
    defended: Sequence[DefendedPart]


def render_page(
    all_series: Sequence[Series],
    evidence: Evidence,
    lead: Lead,
    gallery: Mapping[str, Any],
    drawn: Drawn,
    tables: Sequence[Table],
    command: str,
    links: Mapping[str, str],
) -> str:
    """The page as HTML.

    Args:
        all_series: what was attacked.
        evidence: what is known beside it.
        lead: what the page begins with.
        gallery: what `gallery_of` gives.
        drawn: the figures, and what stands beside them.
        tables: tables over all series.
        command: what writes the report again.
        links: pages beside this one, and what they show.
    """
    shared = shared_facts(all_series)
    return (
        environment()
        .get_template("report.html")
        .render(
            **_totals(all_series),
            **_warnings(all_series, evidence, lead, drawn),
            lead=lead,
            comparison=compared(all_series),
            **drawn._asdict(),
            links=links,
            gallery=gallery,
            parts=_parts(all_series, drawn.charts, shared),
            shared_facts=shared,
            groups=_grouped(tables, all_series),
            num_tables=len(tables),
            has_asterisk=any(map(bears_asterisk, tables)),
            protocol=protocol_rows(all_series),
            checklist=checklist_of(all_series, evidence),
            command=command,
            **_style_and_script(),
        )
    )


def _parts(
    all_series: Sequence[Series], charts: Sequence[Sequence[Chart]], shared: Sequence[Fact]
) -> list[dict[str, Any]]:
    """What the page shows of each series; facts that all attacks share are shown apart."""
    return [
        {
            "title": series.title,
            "short": name,
            "headlines": headlines_of(series),
            "charts": [chart for chart in drawn if chart.drawing],
            "victim": victim_facts(series),
            "origins": [
                one._replace(facts=[fact for fact in one.facts if fact not in shared])
                for one in origins_of(series)
            ],
        }
        for series, name, drawn in zip(all_series, short_names(all_series), charts, strict=True)
    ]


def _warnings(all_series: Sequence[Series], evidence: Evidence, lead: Lead, drawn: Drawn) -> dict[str, Any]:
    """What must be known before any number is believed."""
    return {
        "limits": limits_of(all_series, lead.record, evidence),
        "miss": meaning_of_a_miss(lead.record),
        "doubts": [
            *_said_once(all_series, lambda series: series.doubts),
            *(doubt for part in drawn.judged for doubt in part.judgement.doubts),
            *(doubt for part in drawn.defended for doubt in part.doubts),
        ],
        "cautions": _said_once(all_series, _cautions),
        "deviations": _said_once(all_series, lambda series: series.deviations),
    }


def _cautions(series: Series) -> list[str]:
    return [*([series.caution] if series.caution else []), *series.unfinished]


def _said_once(all_series: Sequence[Series], say: Callable[[Series], Sequence[str]]) -> list[str]:
    """Sentences of all series, or of those that they name then."""
    return [f"{names}: {text}" if names else text for text, names in told_by(all_series, say)]


def _grouped(
    tables: Sequence[Table], all_series: Sequence[Series]
) -> list[tuple[str, list[tuple[str, Table, bool]]]]:
    """Tables by series, those of several series first: short title, table, whether two fit side by side.

    Without the notes that the page states once: the caveats at its top, how to read rates above all tables.
    """
    said = {HOW_TO_READ_RATES, *(caveat for series in all_series for caveat in series.caveats)}
    suffixes = {
        f": {series.title}": name for series, name in zip(all_series, short_names(all_series), strict=True)
    }
    groups: dict[str, list[tuple[str, Table, bool]]] = {"": [], **{name: [] for name in suffixes.values()}}
    for table in tables:
        suffix = next((one for one in suffixes if table.title.endswith(one)), "")
        noted = dataclasses.replace(table, notes=tuple(note for note in table.notes if note not in said))
        groups[suffixes.get(suffix, "")].append((table.title.removesuffix(suffix), noted, _is_narrow(table)))
    return [(name, found) for name, found in groups.items() if found]


def _is_narrow(table: Table) -> bool:
    """Whether it can be read in half the page's width: headings and cells of few columns may break."""
    if len(table.columns) < 5:
        return True
    longest = [
        max(map(len, [*column[0].split(), *column[1:]]))
        for column in zip(table.columns, *table.rows, strict=True)
    ]
    return sum(longest) + 2 * len(longest) <= _HALF_A_LINE


def _totals(all_series: Sequence[Series]) -> dict[str, Any]:
    """What the page says of all attacks together."""
    attacks = [attack for series in all_series for attack in series.attacks]
    return {
        "num_records": sum(len(attack.records) for attack in attacks),
        "most_pixels": max(attack.num_pixels for attack in attacks),
        "datasets": list({attack.dataset["name"]: attack.dataset for attack in attacks}.values()),
        "dates": sorted({str(attack.environment.get("date", "unknown"))[:10] for attack in attacks}),
        "paper": citation(),
        "paper_address": address(),
        "versions": sorted({str(attack.environment.get("jaxpix", "unknown")) for attack in attacks}),
    }


def _style_and_script() -> dict[str, str]:
    """The page's own, and what its policy calls them by."""
    script = "\n".join(["(() => {", '"use strict";', *map(_file, _SCRIPTS), "})();"])
    return {**inline("style", _file("style.css")), **inline("script", script)}


def _file(name: str) -> str:
    return (resources.files(__package__) / _TEMPLATES / name).read_text(encoding="utf-8")
