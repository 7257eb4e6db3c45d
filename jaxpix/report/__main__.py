"""`python -m jaxpix.report RUN…`: tables, figures and one HTML page from finished attacks."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import tyro

from ..errors import InputError
from ..terminal.console import run_door, say
from ..terminal.options import parse
from .exports.companions import PDF, formats_of
from .exports.poster import POSTER, write_poster
from .exports.printing import print_page
from .paired.files import write_comparison
from .runs.reading import read_attacks
from .writing import write_report

EXAMPLES = (
    "runs/attack-derma-derma-resnet50-224-confidence-k1",
    "runs/pneumonia --out report",
)


@dataclasses.dataclass(frozen=True)
class ReportOptions:
    """Options of `python -m jaxpix.report`."""

    runs: tyro.conf.Positional[tuple[Path, ...]] = ()
    """Run folders of attacks, or folders that hold such folders; of `jaxpix.defend`, or runs within one."""
    out: Path | None = None
    """Folder of the report. Default: `report` in the first run folder."""
    compare: tuple[Path, Path] | None = None
    """Compare two runs (or studies) on the images that both attacked, in place of a report: two victims attacked in
    the same way, or one before and after a change. Default folder: `comparison` in the first."""
    format: str = "html"
    """What to write, with commas between: html (with tables, figures and the checklist; always), pdf, md, latex."""
    poster: bool = False
    """Also draw one picture for a talk, 1600 x 900: what the page begins with, and how often that happens."""


OPTIONS = ReportOptions


def main(arguments: Sequence[str]) -> None:
    """Write the report of the attacks that the options name."""
    options = parse(
        ReportOptions,
        "report",
        "Tables, figures and one HTML page from attacks.",
        arguments,
        examples=EXAMPLES,
    )
    if options.compare is not None:
        if options.runs:
            raise InputError(
                "--compare RUN_A RUN_B stands alone; the report of other runs is another command"
            )
        first, second = options.compare
        say(f"comparison: {write_comparison(first, second, options.out or first / 'comparison')}")
        return
    if not options.runs:
        raise InputError("which attacks? python -m jaxpix.report RUN…: run folders of jaxpix.attack")
    formats = formats_of(options.format)
    page = write_report(options.runs, options.out or options.runs[0] / "report", formats)
    say(f"report: {page}")
    if "pdf" in formats:
        problem = print_page(page, page.with_name(PDF))
        say(f"printed: {page.with_name(PDF)}" if problem is None else f"not printed: {problem}")
    if options.poster:
        problem = write_poster(read_attacks(options.runs), page.with_name(POSTER))
        say(f"poster: {page.with_name(POSTER)}" if problem is None else f"no poster: {problem}")
    say(f"tables and figures: {page.parent}")


if __name__ == "__main__":
    run_door(main)
