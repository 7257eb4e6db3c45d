"""A report as one Markdown file: what was found, the tables, the checklist."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..page.headline import headlines_of

if TYPE_CHECKING:
    from ..checklist.items import Checklist, Item
    from ..runs.series import Series
    from ..table import Table

_AUTHORS = "To be filled in by the authors"
# Whatever Markdown, or HTML within it, could read as its own; names of users stand in tables and sentences.
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~$&!])")


def escape_markdown(text: str) -> str:
    """Text as Markdown shows it: special characters escaped, line breaks as spaces."""
    escaped = _SPECIAL.sub(r"\\\1", " ".join(text.split()))
    # At the start of a line: lists, numbered lists and rules.
    return re.sub(
        r"^([-+=]|\d+(?=[.)](\s|$)))", r"\\\1" if not escaped[:1].isdigit() else r"\1&#8203;", escaped
    )


def report_markdown(all_series: Sequence[Series], tables: Sequence[Table], checklist: Checklist) -> str:
    """The whole report: headlines and caveats of each series, then every table, then the checklist."""
    parts = ["# Few pixels, changed: a report by jaxpix", ""]
    for series in all_series:
        parts += [f"## {escape_markdown(series.title)}", ""]
        parts += [f"- {escape_markdown(one.text)}" for one in headlines_of(series)]
        parts += ["", *(f"> {escape_markdown(one)}\n>" for one in series.caveats), ""]
    parts += ["## Tables", ""]
    for table in tables:
        parts += [table_markdown(table), ""]
    return "\n".join([*parts, _checklist(checklist, level=2)])


def table_markdown(table: Table) -> str:
    """A pipe table under its title, its notes below it."""
    source = f" (layout of {escape_markdown(table.source)})" if table.source else ""
    lines = [
        f"### {escape_markdown(table.title)}{source}",
        "",
        _row(table.columns),
        "|" + "---|" * len(table.columns),
    ]
    lines += map(_row, table.rows)
    return "\n".join([*lines, "", *(f"{escape_markdown(note)}\n" for note in table.notes)])


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(escape_markdown(cell) or " " for cell in cells) + " |"


def checklist_markdown(checklist: Checklist) -> str:
    """The checklist as a file of its own."""
    return _checklist(checklist, level=1)


def _checklist(checklist: Checklist, level: int) -> str:
    lines = [
        f"{'#' * level} Model card and checklist",
        "",
        f"{checklist.num_filled} of {len(checklist.items)} items are filled from the records. The list is jaxpix's "
        f"own; it speaks to items of {escape_markdown(checklist.guidelines_text)}. Numbers say where to look there.",
        "",
    ]
    for item in checklist.items:
        lines += [f"{'#' * (level + 1)} {item.number}. {escape_markdown(item.title)}", ""]
        lines += [f"*{escape_markdown(item.asks)}*", "", *_answers(item)]
    return "\n".join(lines)


def _answers(item: Item) -> list[str]:
    lines = []
    for answer in item.answers:
        lines += [f"**{escape_markdown(answer.title)}**", ""] if answer.title else []
        lines += [*(f"- {escape_markdown(line)}" for line in answer.lines), ""]
    if item.authors or not item.is_filled:
        what = f": {escape_markdown(item.authors)}" if item.authors else "."
        lines += [f"- [ ] **{_AUTHORS}**{what}", ""]
    return [*lines, *([f"({escape_markdown(item.references_text)})", ""] if item.references else [])]
