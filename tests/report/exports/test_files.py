"""Tables as CSV and LaTeX, and the summary as numbers."""

import csv
import io
import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import the_paper
from support.handmade import attack_result, experiments

from jaxpix.report.exports.files import escape_latex, export, to_csv, to_latex
from jaxpix.report.exports.summary import summary_of
from jaxpix.report.runs.series import series_of
from jaxpix.report.table import Table
from jaxpix.report.tables.study import tables_of


def one_cell(text):
    return Table("t", "A title", "", ("head",), ((text,),), ())


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("=HYPERLINK(1)", "'=HYPERLINK(1)"),
        ("+cmd", "'+cmd"),
        ("-cmd|' /C calc'!A0", "'-cmd|' /C calc'!A0"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t=1"),
        ("-0.012", "-0.012"),
        ("+1,000", "+1,000"),
        ("41.0 % (31.9–50.8), 41/100", "41.0 % (31.9–50.8), 41/100"),
        ('say "a, b"\nc', 'say "a, b"\nc'),
    ],
)
def test_no_csv_cell_runs_in_a_spreadsheet(text, cell):
    rows = list(csv.reader(io.StringIO(to_csv(one_cell(text)), newline="")))
    assert rows == [["head"], [cell]]


def test_headings_are_guarded_too():
    assert to_csv(Table("t", "", "", ("=1",), (), ())) == "'=1\r\n"


@pytest.mark.parametrize(
    ("text", "latex"),
    [
        ("50 % & $1_#", r"50 \% \& \$1\_\#"),
        ("a\\b{c}~^", r"a\textbackslash{}b\{c\}\textasciitilde{}\textasciicircum{}"),
        (
            "<b>|\"'`",
            r"\textless{}b\textgreater{}\textbar{}\textquotedbl{}'\textasciigrave{}",
        ),
        ("31–50", "31--50"),
        ("a--b, a-b, it''s", "a{-}-b, a-b, it{'}'s"),
        ("two\n\nlines", "two lines"),
        (r"\input{/etc/passwd}", r"\textbackslash{}input\{/etc/passwd\}"),
        ("Müller", "Müller"),
    ],
)
def test_latex_escapes(text, latex):
    assert escape_latex(text) == latex


@settings(deadline=None)
@given(st.text(max_size=30))
def test_nothing_in_a_cell_is_live_latex(text):
    escaped = escape_latex(text)
    ours = r"\\(textbackslash|textasciitilde|textasciicircum|textless|textgreater|textbar|textquotedbl" + (
        r"|textasciigrave)\{\}|\\[{}&%$#_]|\{[-']\}|\$(-|\\times|\\rightarrow|\\leq|\\geq)\$"
    )
    assert not re.search(r"[\\{}&%$#_~^\n]", re.sub(ours, "", escaped))


def test_latex_is_a_booktabs_table():
    table = Table(
        "t-1", "Rates & more", "Table 6", ("class", "50 %"), (("[a]", "1"), ("b_c", "2")), ("A note_",)
    )
    assert to_latex(table) == "\n".join(
        [
            r"\begin{table}",
            r"  \centering",
            r"  \caption{Rates \& more (layout of Table 6)}",
            r"  \label{tab:t-1}",
            r"  \begin{tabular}{ll}",
            r"    \toprule",
            r"    class & 50 \% \\",
            r"    \midrule",
            r"    {}[a] & 1 \\",
            r"    b\_c & 2 \\",
            r"    \bottomrule",
            r"  \end{tabular}",
            r"  \par\footnotesize A note\_",
            r"\end{table}",
            "",
        ]
    )


@pytest.mark.parametrize(
    "text", [r"\input{x}", "<< table.key >>", "<% raw %>", "<# a #>", "{{ a }}", "&amp;", "*a", ""]
)
def test_whatever_a_table_says_is_escaped(text):
    latex = to_latex(Table("t_1", text, text, (text, text), ((text, text), (text, text)), (text,)))
    for written in (
        f"\\caption{{{escape_latex(text)}" + (f" (layout of {escape_latex(text)})}}" if text else "}"),
        r"\label{tab:t_1}",
        f"\\par\\footnotesize {escape_latex(text)}\n",
    ):
        assert latex.count(written) == 1
    cell = "{}" * text.startswith("*") + escape_latex(text)
    assert latex.count(f"    {cell} & {cell} \\\\\n") == 3


def test_every_table_is_a_file_and_the_summary_has_numbers(tmp_path):
    attacks = [
        attack_result(the_paper.transformed("derma"), options={"victim": "/home/me/runs/x", "seed": 0}),
        attack_result(experiments(10, [["PNEUMONIA"]] * 4)),
        attack_result(experiments(10, [["PNEUMONIA"]] * 9, num_pixels=2)),
    ]
    all_series = series_of(attacks)
    tables = tables_of(all_series)
    written = export(summary_of(all_series), tables, tmp_path)
    assert {path.relative_to(tmp_path).as_posix() for path in written} == {
        "summary.json",
        *(f"tables/{one.key}.{kind}" for one in tables for kind in ("csv", "tex")),
    }
    assert all(path.is_file() for path in written)
    text = (tmp_path / "summary.json").read_text(encoding="utf-8")
    assert "/home/me" not in text
    summary = json.loads(text)
    assert summary["schema_version"] == 1
    derma, pneumonia = summary["series"]
    assert derma["conversions"] == [
        {
            "num_pixels": 1,
            "disease_to_normal": 61,
            "normal_to_disease": 83,
            "paper": {"disease_to_normal": 61, "normal_to_disease": 83},
        }
    ]
    (bkl,) = [cell for cell in derma["cells"] if cell["before"] == ["bkl"]]
    assert bkl["success"] == {
        "successes": 41,
        "experiments": 100,
        "rate": 0.41,
        "low": pytest.approx(0.3187, abs=1e-4),
        "high": pytest.approx(0.5080, abs=1e-4),
    }
    assert bkl["paper"] == {"rate": 0.41, "average_confidence": None, "table": "Table 6"}
    assert derma["dangerous"][0]["rate"]["successes"] == 61
    assert {"before": ["mel"], "after": ["nv"], "num_pixels": 1, "count": 11, "paper": 11} in derma[
        "transformations"
    ]
    assert [attack["num_pixels"] for attack in pneumonia["attacks"]] == [1, 2]
    assert pneumonia["paired"] == [
        {
            "before": ["NORMAL"],
            "target": None,
            "num_pixels": [1, 2],
            "both": 4,
            "only_first": 0,
            "only_second": 5,
            "neither": 1,
            "p_value": 0.0625,
        }
    ]
    (empty,) = [c for c in pneumonia["cells"] if c["before"] == ["PNEUMONIA"] and c["num_pixels"] == 1]
    assert empty["success"] == {"successes": 0, "experiments": 0, "rate": None, "low": 0.0, "high": 1.0}
    assert pneumonia["search"]["population"] == 100
    assert pneumonia["attacks"][0]["environment"]["devices"] == ["cpu"]
