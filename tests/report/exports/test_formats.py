"""The whole report as Markdown, LaTeX and PDF."""

import pytest
from support.drawn_runs import make_run
from support.handmade import attack_result, experiments

from jaxpix.errors import InputError
from jaxpix.report.__main__ import main
from jaxpix.report.checklist.items import checklist_of
from jaxpix.report.exports import printing
from jaxpix.report.exports.companions import formats_of
from jaxpix.report.exports.markdown import escape_markdown, report_markdown, table_markdown
from jaxpix.report.runs.series import series_of
from jaxpix.report.table import Table
from jaxpix.report.tables.study import tables_of

CLEAR, OPACITY = ["clear-like"], ["opacity-like"]
HOSTILE = r"\input{/etc/passwd} $x$ a_b #1 50 % & ~^ {[*] <b>|"


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


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("a|b *c* _d_ `e`", r"a\|b \*c\* \_d\_ \`e\`"),
        ("<script>alert(1)</script>", r"\<script\>alert(1)\</script\>"),
        ("![x](http://a)", r"\!\[x\](http://a)"),
        ("- no list", r"\- no list"),
        ("1. no list", "1&#8203;. no list"),
        ("87.5 % of 624", "87.5 % of 624"),
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
