"""Tables as files that other programs read: CSV, LaTeX, and everything as numbers in `summary.json`."""

import csv
import functools
import io
import json
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from ...storage.files import write_atomically
from ..table import Table
from .latex import fitting, is_wide

SUMMARY, TABLES = "summary.json", "tables"

# Spreadsheets run a cell that begins with one of these as a formula.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")

_LATEX = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "`": r"\textasciigrave{}",
    # The first of two: together they would become a dash, or a quotation mark.
    "-": "{-}",
    "'": "{'}",
    "–": "--",
    "—": "---",
    "−": "$-$",
    "×": r"$\times$",
    "→": r"$\rightarrow$",
    "≤": r"$\leq$",
    "≥": r"$\geq$",
}

_PAIRED = "-'"
_SPECIAL = re.compile(
    "|".join(f"{re.escape(one)}(?={one})" if one in _PAIRED else re.escape(one) for one in _LATEX)
)


def export(summary: Mapping[str, Any], tables: Sequence[Table], folder: Path) -> list[Path]:
    """Write `folder`/tables/KEY.csv and KEY.tex for each table, and `folder`/summary.json; returns their paths.

    Args:
        summary: see `jaxpix.report.exports.summary`.
        tables: with distinct keys.
        folder: created if absent; files of these names are replaced, each at once.
    """
    assert len({table.key for table in tables}) == len(tables), "two tables of one key"
    contents: dict[Path, str] = {}
    for table in tables:
        contents[folder / TABLES / f"{table.key}.csv"] = to_csv(table)
        contents[folder / TABLES / f"{table.key}.tex"] = "\n".join(map(to_latex, fitting(table)))
    contents[folder / SUMMARY] = to_json(summary)
    for path, content in contents.items():
        write_atomically(path, content)
    return list(contents)


def to_json(plain: Mapping[str, Any]) -> str:
    """JSON for programs and people alike; numbers that are none are refused."""
    return json.dumps(plain, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def to_csv(table: Table) -> str:
    """Headings and rows as CSV (RFC 4180); notes, title and source are left to the other formats.

    A cell that a spreadsheet would run as a formula begins with an apostrophe; a number never does.
    """
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow([_guarded(cell) for cell in table.columns])
    writer.writerows([_guarded(cell) for cell in row] for row in table.rows)
    return text.getvalue()


def _guarded(cell: str) -> str:
    if not cell.startswith(_FORMULA_STARTS) or re.fullmatch(r"[+-]?[0-9][0-9.,]*", cell):
        return cell
    return f"'{cell}"


def escape_latex(text: str) -> str:
    """Text as LaTeX prints it: special characters escaped, line breaks as spaces."""
    return _SPECIAL.sub(lambda found: _LATEX[found.group()], " ".join(text.split()))


def to_latex(table: Table) -> str:
    """A `table` environment for a document with `booktabs`, `textcomp` and `graphicx`; the notes follow below it.

    One that is wider than a page is scaled down to it.
    """
    return templates(escape_latex).get_template("table.tex").render(table=table, is_wide=is_wide(table))


def latex_document(sentences: Sequence[str], tables: Sequence[Table]) -> str:
    """A document of its own: what was found, then every table on a page of its own, as wide as fits."""
    fit = [to_latex(part) for table in tables for part in fitting(table)]
    template = templates(escape_latex).get_template("report.tex")
    return template.render(sentences=sentences, tables=list(map(Markup, fit)))


@functools.cache
def templates(escape: Callable[[str], str]) -> jinja2.Environment:
    """Templates of LaTeX or Markdown, with what escapes text there."""
    return jinja2.Environment(
        *("<%", "%>", "<<", ">>", "<#", "#>"),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=jinja2.StrictUndefined,
        # Whatever a template prints is escaped; only its own text and what it calls safe is not.
        autoescape=True,
        finalize=lambda value: value if isinstance(value, Markup) else Markup(escape(str(value))),
        loader=jinja2.PackageLoader(__package__),
    )
