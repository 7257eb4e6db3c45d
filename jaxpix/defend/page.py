"""The files of a run: numbers as JSON, tables as Markdown, one page with the figure that needs nothing but itself."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ..report.exports.files import to_json
from ..report.exports.markdown import escape_markdown, table_markdown
from ..report.page.defences import defended_part
from ..report.page.shell import environment, inline
from ..report.runs.defences import DEFENCES, caution_of
from ..report.tables.defences import defence_tables
from ..storage.files import write_atomically
from ..version import __version__

if TYPE_CHECKING:
    from ..report.runs.defences import Measurement

STEM = "defences"


def write_results(measurement: Measurement, folder: Path) -> Path:
    """Write `defences.json`, `.md`, `.png` and `.html`; returns the page."""
    write_atomically(folder / DEFENCES, to_json(measurement))
    tables = defence_tables(measurement, STEM)
    part = defended_part(measurement, tables, folder / f"{STEM}.png")
    lines = [f"# {escape_markdown(part.title)}", "", *(f"{escape_markdown(one)}\n" for one in part.verdicts)]
    lines += [
        f"![{part.chart.title}]({STEM}.png)",
        "",
        *(f"> {escape_markdown(doubt)}\n" for doubt in part.doubts),
    ]
    write_atomically(folder / f"{STEM}.md", "\n".join([*lines, *map(table_markdown, tables)]) + "\n")
    templates = environment("jaxpix.defend")
    html = templates.get_template("measurement.html").render(
        part=part,
        caution=caution_of(measurement),
        num_images=f"{measurement['num_attacked_images']:,}",
        version=__version__,
        **inline("style", templates.get_template("style.css").render()),
    )
    write_atomically(folder / f"{STEM}.html", html)
    return folder / f"{STEM}.html"
