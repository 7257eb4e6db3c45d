"""A report as one Markdown file: what was found, the tables, the checklist."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..page.headline import headlines_of
from .files import templates

if TYPE_CHECKING:
    from ..checklist.items import Checklist
    from ..runs.series import Series
    from ..table import Table

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
    template = templates(escape_markdown).get_template("report.md")
    return template.render(
        all_series=all_series, headlines_of=headlines_of, tables=tables, checklist=checklist, level=2
    )


def table_markdown(table: Table) -> str:
    """A pipe table under its title, its notes below it."""
    return templates(escape_markdown).get_template("table.md").render(table=table)


def checklist_markdown(checklist: Checklist) -> str:
    """The checklist as a file of its own."""
    return templates(escape_markdown).get_template("checklist.md").render(checklist=checklist, level=1)
