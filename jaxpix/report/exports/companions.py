"""What lies beside a report's page: the checklist always, the whole report as Markdown and LaTeX where asked for."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ...errors import InputError, did_you_mean
from ...storage.files import write_atomically
from ..checklist.items import checklist_of, to_plain
from ..page.headline import headlines_of
from .files import latex_document, to_json
from .markdown import checklist_markdown, report_markdown

if TYPE_CHECKING:
    from ..runs.evidence import Evidence
    from ..runs.series import Series
    from ..table import Table

FORMATS = ("html", "pdf", "md", "latex")
CHECKLIST, MARKDOWN, LATEX, PDF = "checklist", "report.md", "report.tex", "report.pdf"


def formats_of(text: str) -> list[str]:
    """Formats by their names, with commas between them; the page, `html`, is always among them.

    Raises:
        InputError: there is no such format.
    """
    names = [name.strip().lower() for name in text.split(",") if name.strip()]
    for name in names:
        if name not in FORMATS:
            raise InputError(
                f"--format: expected {', '.join(FORMATS)}, with commas between, got {name!r}"
                f"{did_you_mean(name, FORMATS)}"
            )
    return list(dict.fromkeys(["html", *names]))


def write_companions(
    all_series: Sequence[Series],
    evidence: Evidence,
    tables: Sequence[Table],
    out: Path,
    formats: Collection[str],
) -> None:
    """Write `checklist.json` and `checklist.md`; for `md` also `report.md`, for `latex` also `report.tex`."""
    checklist = checklist_of(all_series, evidence)
    write_atomically(out / f"{CHECKLIST}.json", to_json(to_plain(checklist)))
    write_atomically(out / f"{CHECKLIST}.md", checklist_markdown(checklist))
    if "md" in formats:
        write_atomically(out / MARKDOWN, report_markdown(all_series, tables, checklist))
    if "latex" in formats:
        sentences = [one.text for series in all_series for one in headlines_of(series)]
        caveats = [caveat for series in all_series for caveat in series.caveats]
        write_atomically(out / LATEX, latex_document([*sentences, *dict.fromkeys(caveats)], tables))
