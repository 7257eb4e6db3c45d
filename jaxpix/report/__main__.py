"""`python -m jaxpix.report RUN…`: tables, figures and one HTML page from finished attacks."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import tyro

from ..errors import InputError
from ..terminal.console import run_door, say
from ..terminal.options import parse
from .writing import write_report

EXAMPLES = (
    "runs/attack-derma-derma-resnet50-224-confidence-k1",
    "runs/pneumonia --out report",
)


@dataclasses.dataclass(frozen=True)
class ReportOptions:
    """Options of `python -m jaxpix.report`."""

    runs: tyro.conf.Positional[tuple[Path, ...]] = ()
    """Run folders of attacks, or folders that hold such folders."""
    out: Path | None = None
    """Folder of the report. Default: `report` in the first run folder."""


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
    if not options.runs:
        raise InputError("which attacks? python -m jaxpix.report RUN…: run folders of jaxpix.attack")
    page = write_report(options.runs, options.out or options.runs[0] / "report")
    say(f"report: {page}")
    say(f"tables and figures: {page.parent}")


if __name__ == "__main__":
    run_door(main)
