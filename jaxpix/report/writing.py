"""A report's folder: the page, the tables and the figures."""

from collections.abc import Collection, Sequence
from pathlib import Path

from ..storage.files import remove_unfinished, write_atomically
from ..storage.locks import hold
from .exports.companions import write_companions
from .exports.files import export
from .exports.summary import summary_of
from .page.charts import charts_of
from .page.defences import defended_parts
from .page.document import Drawn, render_page
from .page.gallery import gallery_of
from .page.judgement import judged_parts
from .page.lead import lead_of
from .paired.files import write_beside
from .runs.defences import read_measurements
from .runs.evidence import Evidence
from .runs.provenance import report_command
from .runs.reading import read_attacks
from .runs.series import series_of
from .runs.truths import judgements_of
from .tables.study import tables_of

PAGE, FIGURES = "index.html", "figures"


def write_report(paths: Sequence[Path], out: Path, formats: Collection[str] = ("html",)) -> Path:
    """Write `out`/index.html, the tables as CSV and LaTeX, `summary.json` and `figures/`; returns the page.

    Beside them lie the checklist, as JSON and Markdown, and, of two victims on the same images, their comparison.

    Args:
        paths: run folders of attacks, or folders that hold some.
        out: folder, created if absent; files of these names are replaced.
        formats: `md` and `latex` add the whole report as one file of these kinds.

    Raises:
        InputError: see `read_attacks`; or another process writes in `out`.
    """
    attacks = read_attacks(paths)
    with hold(out / ".lock", f"the report's folder {out}", f"another process is writing the report in {out}"):
        remove_unfinished(out)
        all_series = series_of(attacks)
        evidence = Evidence(judgements_of(all_series), read_measurements(paths))
        tables = tables_of(all_series, evidence)
        drawn = Drawn(
            [charts_of(series, out / FIGURES) for series in all_series],
            judged_parts(evidence.judgements, out / FIGURES),
            defended_parts(evidence.measurements, tables, out / FIGURES),
        )
        export(summary_of(all_series, evidence), tables, out)
        write_companions(all_series, evidence, tables, out, formats)
        page = render_page(
            all_series,
            evidence,
            lead_of(all_series),
            gallery_of(all_series),
            drawn,
            tables,
            report_command(paths, out),
            write_beside(attacks, out, PAGE),
        )
        # Last: whoever finds the page finds all that it names.
        write_atomically(out / PAGE, page)
    return out / PAGE
