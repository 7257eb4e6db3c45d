"""The files of a run: numbers as JSON, tables as Markdown, one page with the figure that needs nothing but itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from markupsafe import Markup

from ..pictures.plots import Tradeoff, draw_tradeoffs
from ..report.exports.markdown import table_markdown
from ..report.page.shell import environment, inline
from ..storage.files import write_atomically
from ..version import __version__
from .measured import Results, clean_accuracy, worst_case_accuracy
from .tables import checks_table, each, main_table, matrix_table, plain

if TYPE_CHECKING:
    from ..metrics.rates import Rate

STEM = "defences"


def write_results(results: Results, folder: Path) -> Path:
    """Write `defences.json`, `.md`, `.png` and `.html`; returns the page."""
    content = json.dumps(plain(results), indent=1, ensure_ascii=False, allow_nan=False)
    write_atomically(folder / f"{STEM}.json", content + "\n")
    found = [main_table(results), checks_table(results), matrix_table(results)]
    tables = [table for table in found if table is not None]
    caption = (
        "Clean accuracy of all images of the subset, worst-case accuracy of those that were attacked; bars are "
        "Wilson 95 % intervals. Right and up is better."
    )
    points = [
        Tradeoff(
            one.variant.defence,
            one.variant.of,
            _spans(clean_accuracy(results, one)),
            _spans(worst_case_accuracy(results, one)),
        )
        for _, one in each(results)
    ]
    names = "clean accuracy", "worst-case accuracy"
    drawing = draw_tradeoffs(folder / f"{STEM}.png", tables[0].title, names, points, caption)
    text = [f"# {tables[0].title}", "", " ".join(verdicts(results)), "", f"![{caption}]({STEM}.png)", ""]
    text += [f"> {doubt}\n" for doubt in doubts(results)]
    write_atomically(folder / f"{STEM}.md", "\n".join([*text, *map(table_markdown, tables)]) + "\n")
    templates = environment("jaxpix.defend")
    style = templates.get_template("style.css").render()
    caution = "Synthetic images, drawn by jaxpix; no patient." if results.dataset.synthetic else ""
    html = templates.get_template("defences.html").render(
        title=tables[0].title,
        verdicts=verdicts(results),
        doubts=doubts(results),
        caution=" ".join(filter(None, (caution, results.dataset.note))),
        # matplotlib's drawing, rewritten without anything live; the names in it are escaped.
        drawing=Markup(drawing),
        words=caption,
        tables=tables,
        num_images=f"{len(results.ids):,}",
        version=__version__,
        **inline("style", style),
    )
    write_atomically(folder / f"{STEM}.html", html)
    return folder / f"{STEM}.html"


def verdicts(results: Results) -> list[str]:
    """A sentence for each victim: what its best defence leaves standing, against none."""
    said = []
    for family in results.families:
        worst = {one.variant.defence: worst_case_accuracy(results, one) for one in family}
        none, *others = worst.items()
        best = max(others, key=lambda item: item[1].rate, default=None)
        text = f"{family[0].variant.of}: without defence {none[1].text()} stay correct under every attack"
        if best is not None and best[1].rate > none[1].rate:
            text += f"; best {best[0]}, {best[1].text()}"
        elif best is not None:
            text += "; no defence leaves more"
        said.append(f"{text}.")
    return said


def doubts(results: Results) -> list[str]:
    """Checks that failed."""
    return [
        f"{one.variant.of}, {one.variant.defence}: {line.name}: failed ({line.says})"
        for _, one in each(results)
        for line in results.lines[one.variant.folder]
        if line.verdict == "fail"
    ]


def _spans(rate: Rate) -> tuple[float, float, float]:
    return rate.rate, rate.low, rate.high
