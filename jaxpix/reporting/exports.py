"""Tables as files that other programs read: CSV, LaTeX, and everything as numbers in `summary.json`."""

import csv
import io
import json
import re
from collections.abc import Sequence
from pathlib import Path

from ..files import write_atomically
from .series import Series
from .summary import summary_of
from .tables import Table

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


def export(all_series: Sequence[Series], tables: Sequence[Table], folder: Path) -> list[Path]:
    """Write `folder`/tables/KEY.csv and KEY.tex for each table, and `folder`/summary.json; returns their paths.

    Args:
        all_series: what the summary states, see `jaxpix.reporting.summary`.
        tables: with distinct keys.
        folder: created if absent; files of these names are replaced, each at once.
    """
    assert len({table.key for table in tables}) == len(tables), "two tables of one key"
    contents: dict[Path, str] = {}
    for table in tables:
        contents[folder / TABLES / f"{table.key}.csv"] = to_csv(table)
        contents[folder / TABLES / f"{table.key}.tex"] = to_latex(table)
    summary = json.dumps(summary_of(all_series), indent=1, ensure_ascii=False, allow_nan=False)
    contents[folder / SUMMARY] = summary + "\n"
    for path, content in contents.items():
        write_atomically(path, content)
    return list(contents)


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


def to_latex(table: Table) -> str:
    """A `table` environment for a document with `booktabs` and `textcomp`; the notes follow below it."""
    heads, rows = table.columns, table.rows
    title = table.title if not table.source else f"{table.title} (layout of {table.source})"
    lines = [
        r"\begin{table}",
        r"  \centering",
        rf"  \caption{{{escape_latex(title)}}}",
        rf"  \label{{tab:{table.key}}}",
        rf"  \begin{{tabular}}{{{'l' * len(heads)}}}",
        r"    \toprule",
        f"    {_latex_row(heads)}",
        r"    \midrule",
        *(f"    {_latex_row(row)}" for row in rows),
        r"    \bottomrule",
        r"  \end{tabular}",
        *(rf"  \par\footnotesize {escape_latex(note)}" for note in table.notes),
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def _latex_row(cells: Sequence[str]) -> str:
    # A row that begins with [ would be read as the option of the line break before it.
    texts = [f"{{}}{text}" if text.startswith(("[", "*")) else text for text in map(escape_latex, cells)]
    return " & ".join(texts) + r" \\"


def escape_latex(text: str) -> str:
    """Text as LaTeX prints it: special characters escaped, line breaks as spaces."""
    return _SPECIAL.sub(lambda found: _LATEX[found.group()], " ".join(text.split()))
