"""Tables as LaTeX: what fits a page, and that a TeX would take it."""

import shutil
import subprocess

import pytest
from support.handmade import attack_result, experiments
from support.measured import measurement

from jaxpix.report.exports.files import latex_document, to_latex
from jaxpix.report.exports.latex import MOST_CHARACTERS, fitting, is_wide
from jaxpix.report.runs.evidence import Evidence
from jaxpix.report.runs.series import series_of
from jaxpix.report.table import Table
from jaxpix.report.tables.study import tables_of

pytest.importorskip("pylatexenc", reason="pylatexenc is not installed")

from support.latex_check import problems_of

HOSTILE = r"\input{/etc/passwd} $x$ a_b #1 50 % & ~^ {[*] <b>|"


def wide_table():
    columns = [
        "class",
        *(f"{count} pixel{'s' * (count > 1)}, {of}" for count in (1, 2, 3) for of in ("measured", "paper")),
    ]
    rows = [["NORMAL", *["41.0 % (31.9–50.8), 41/100", "41 %"] * 3]]
    return Table("01-success-x", "Success", "Table 10", tuple(columns), tuple(map(tuple, rows)), ("A note.",))


def test_a_wide_table_is_split_by_the_number_of_pixels():
    parts = fitting(wide_table())
    assert [part.key for part in parts] == ["01-success-x-k1", "01-success-x-k2", "01-success-x-k3"]
    assert parts[1].columns == ("class", "2 pixels, measured", "2 pixels, paper")
    assert parts[1].rows == (("NORMAL", "41.0 % (31.9–50.8), 41/100", "41 %"),)
    assert parts[1].title == "Success, 2 pixels"
    assert all(part.notes == ("A note.",) for part in parts)
    assert not any(map(is_wide, parts))


def test_narrow_tables_and_those_of_one_k_stay_whole():
    narrow = Table("t", "", "", ("class", "1 pixel", "2 pixels"), (("a", "1", "2"),))
    assert fitting(narrow) == [narrow]
    long = Table("t", "", "", ("class", "1 pixel"), (("a", "x" * (MOST_CHARACTERS + 1)),))
    assert fitting(long) == [long]
    assert r"\resizebox{\linewidth}{!}{%" in to_latex(long)
    assert r"\resizebox" not in to_latex(narrow)


def test_pixels_in_other_words_are_no_number_of_pixels():
    columns = ("image", "1 pixel of the rim", "pixels", "12 pixels together")
    table = Table("t", "", "", columns, (("x" * MOST_CHARACTERS, "", "", ""),))
    assert fitting(table) == [table]


def documents():
    attacks = [attack_result(experiments(9, [["PNEUMONIA"]] * 3, num_pixels=count)) for count in (1, 2, 3)]
    tables = tables_of(series_of(attacks), Evidence(measurements=[measurement(("resnet50", "densenet121"))]))
    hostile = Table("h", HOSTILE, HOSTILE, (HOSTILE, "[b]"), ((HOSTILE, "[c]"), ("[d]", HOSTILE)), (HOSTILE,))
    return [
        latex_document(["What was found: 50 %."], tables),
        latex_document([HOSTILE], [hostile, wide_table()]),
    ]


@pytest.mark.parametrize("number", [0, 1])
def test_a_tex_would_take_the_document(number):
    document = documents()[number]
    assert problems_of(document) == []
    assert document.count(r"\begin{tabular}") == document.count(r"\bottomrule") > 0


@pytest.mark.parametrize(
    ("whole", "broken", "problem"),
    [
        (r"\end{tabular}", "", "no LaTeX: "),
        (r"\bottomrule", r"\bottomrule}", "no LaTeX: "),
        (r"\bottomrule", r"\bottomrule $", "no LaTeX: "),
        (r"\toprule", r"\thickrule", r"\thickrule is not defined"),
        (r"\begin{itemize}", r"\begin{itemize} a_b", "_ stands in text: "),
        (r"\begin{itemize}", r"\begin{itemize} a & b", "& stands outside a table"),
        (r"\midrule", r"\midrule [x] & y \\ & z \\", "line 2 of a table has 2 cells, not "),
        (r"\midrule", r"\midrule a & b & c \\ [2pt]", "a line break takes what follows it for its option"),
        (r"\begin{tabular}{l", r"\begin{tabular}{ll", "line 1 of a table has "),
        (r" \\" + "\n    \\bottomrule", "\n    \\bottomrule", "a table ends within a line"),
    ],
)
def test_what_no_tex_takes_is_noticed(whole, broken, problem):
    document = documents()[0]
    assert whole in document
    assert any(one.startswith(problem) for one in problems_of(document.replace(whole, broken)))


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no pdflatex here")
@pytest.mark.parametrize("number", [0, 1])
def test_the_document_compiles(number, tmp_path):
    (tmp_path / "report.tex").write_text(documents()[number], encoding="utf-8")
    done = subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "report.tex"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:]
    assert "Overfull" not in done.stdout
