"""The whole report as Markdown, LaTeX and PDF."""

import re
import shutil
import subprocess

import pytest
from support.drawn_runs import make_run
from support.handmade import attack_result, experiments

from jaxpix.errors import InputError
from jaxpix.report.__main__ import main
from jaxpix.report.checklist.items import checklist_of
from jaxpix.report.exports import printing
from jaxpix.report.exports.companions import formats_of
from jaxpix.report.exports.files import latex_document, to_latex
from jaxpix.report.exports.latex import MOST_CHARACTERS, fitting, is_wide
from jaxpix.report.exports.markdown import escape_markdown, report_markdown, table_markdown
from jaxpix.report.runs.series import series_of
from jaxpix.report.table import Table
from jaxpix.report.tables.study import tables_of

CLEAR, OPACITY = ["clear-like"], ["opacity-like"]
HOSTILE = r"\input{/etc/passwd} $x$ a_b #1 50 % & ~^ {[*] <b>|"


def wide_table():
    columns = [
        "class",
        *(f"{count} pixel{'s' * (count > 1)}, {of}" for count in (1, 2, 3) for of in ("measured", "paper")),
    ]
    rows = [["NORMAL", *["41.0 % (31.9–50.8), 41/100", "41 %"] * 3]]
    return Table("01-success-x", "Success", "Table 10", tuple(columns), tuple(map(tuple, rows)), ("A note.",))


@pytest.mark.parametrize(
    ("text", "formats"),
    [
        ("html", ["html"]),
        ("pdf", ["html", "pdf"]),
        ("html,pdf,md,latex", ["html", "pdf", "md", "latex"]),
        (" MD , latex,md", ["html", "md", "latex"]),
        ("", ["html"]),
    ],
)
def test_formats_are_named_with_commas(text, formats):
    assert formats_of(text) == formats


def test_another_format_is_refused():
    with pytest.raises(
        InputError, match=r"expected html, pdf, md, latex, with commas between, got 'latec' \(did you"
    ):
        formats_of("html,latec")


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


def assert_balanced(text):
    """Every group and environment that opens closes, in order; what is escaped does not count."""
    bare = re.sub(r"(?<!\\)%.*", "", re.sub(r"\\[\\{}%&$#_]", "", text))
    open_groups = []
    for token in re.finditer(r"\\(begin|end)\{(\w+)\}|[{}]", bare):
        if token[1] == "begin":
            open_groups.append(token[2])
        elif token[1] == "end":
            assert open_groups.pop() == token[2]
        elif token[0] == "{":
            open_groups.append("{")
        else:
            assert open_groups.pop() == "{"
    assert open_groups == []
    assert bare.replace("\\$", "").count("$") % 2 == 0


def documents():
    attacks = [attack_result(experiments(9, [["PNEUMONIA"]] * 3, num_pixels=count)) for count in (1, 2, 3)]
    tables = tables_of(series_of(attacks))
    hostile = Table("h", HOSTILE, HOSTILE, (HOSTILE, "[b]"), ((HOSTILE, "[c]"), ("[d]", HOSTILE)), (HOSTILE,))
    return [
        latex_document(["What was found: 50 %."], tables),
        latex_document([HOSTILE], [hostile, wide_table()]),
    ]


@pytest.mark.parametrize("number", [0, 1])
def test_the_document_is_balanced(number):
    document = documents()[number]
    assert_balanced(document)
    assert document.count(r"\begin{tabular}") == document.count(r"\bottomrule")


def test_every_line_of_a_table_has_its_cells():
    for row in re.findall(r"^    (?:\{\})?(.*) \\\\$", documents()[1], re.M):
        cells = re.split(r"(?<!\\)&", row)
        assert len(cells) in (2, 3)


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


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("a|b *c* _d_ `e`", r"a\|b \*c\* \_d\_ \`e\`"),
        ("<script>alert(1)</script>", r"\<script\>alert(1)\</script\>"),
        ("![x](http://a)", r"\!\[x\](http://a)"),
        ("- no list", r"\- no list"),
        ("1. no list", "1&#8203;. no list"),
        ("12 of 30", "12 of 30"),
        ("two\n\nlines", "two lines"),
        ("&amp; \\", r"\&amp; \\"),
    ],
)
def test_nothing_of_a_user_is_live_markdown(text, escaped):
    assert escape_markdown(text) == escaped


def test_a_table_of_markdown_has_one_cell_per_column():
    text = table_markdown(
        Table("t", "A | title", "Table 6", ("a|b", "c"), (("1|2", ""), ("3", "4")), ("A note.",))
    )
    assert text.splitlines() == [
        r"### A \| title (layout of Table 6)",
        "",
        r"| a\|b | c |",
        "|---|---|",
        r"| 1\|2 |   |",
        "| 3 | 4 |",
        "",
        "A note.",
    ]


def test_the_markdown_report_begins_with_what_was_found():
    all_series = series_of([attack_result(experiments(20, [["NORMAL"]] * 3, label_before=["PNEUMONIA"]))])
    tables = tables_of(all_series)
    text = report_markdown(all_series, tables, checklist_of(all_series))
    found = "- Changing one pixel made the classifier call 3 of 20 PNEUMONIA images normal"
    assert text.index(found) < text.index("## Tables") < text.index("## Model card and checklist")
    assert text.count("\n### ") == len(tables) + 18


def test_every_format_from_the_command_line(tmp_path, capsys):
    run = make_run(tmp_path / "run", [(OPACITY, CLEAR), (CLEAR, CLEAR)], size=16)
    main([str(run), "--out", str(tmp_path / "out"), "--format", "pdf,md,latex"])
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert {
        "index.html",
        "summary.json",
        "checklist.json",
        "checklist.md",
        "report.md",
        "report.tex",
    } <= names
    told = capsys.readouterr().out
    if printing.find_browser() is None:
        assert "not printed: no browser to print with" in told
    else:
        assert "printed: " in told
        assert (tmp_path / "out" / "report.pdf").read_bytes().startswith(b"%PDF-")


def test_without_a_browser_the_rest_is_written_and_it_is_said(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    run = make_run(tmp_path / "run", [(OPACITY, CLEAR)], size=16)
    main([str(run), "--out", str(tmp_path / "out"), "--format", "pdf"])
    assert "not printed: no browser to print with; expected one of chromium" in " ".join(
        capsys.readouterr().out.split()
    )
    assert (tmp_path / "out" / "index.html").is_file()
    assert not (tmp_path / "out" / "report.pdf").exists()


def program(folder, text):
    path = folder / "chromium"
    path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    path.chmod(0o755)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("echo no display >&2; exit 3", "no display"),
        ("exit 3", "exit status 3"),
        ("exit 0", "it wrote nothing"),
        ("exec sleep 60", "it took longer than 0.5 seconds"),
    ],
)
def test_a_browser_that_fails_is_told_from_one_that_prints(tmp_path, monkeypatch, text, problem):
    program(tmp_path, text)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    pdf = tmp_path / "report.pdf"
    assert printing.print_page(tmp_path / "x.html", pdf, seconds=0.5) == f"chromium printed no PDF: {problem}"
    assert not pdf.exists()
