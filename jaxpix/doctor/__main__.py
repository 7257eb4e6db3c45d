"""`python -m jaxpix.doctor`: what is installed, prepared, trained and attacked here, to be pasted into a report."""

import contextlib
import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path

from ..data.prepared import read_prepared
from ..data.prepared_files import finished
from ..errors import InputError
from ..terminal.console import run_door, say
from ..terminal.options import parse_flags
from .data_sets import prepared_findings
from .findings import BROKEN, Finding
from .machine import machine_lines, shown_path
from .runs import run_findings

EXAMPLES = (
    "",
    "--data-dir /data/prepared --runs /data/runs --full",
)
_DESCRIPTION = """Say what is installed, prepared, trained and attacked here, and whether it is sound.

The text is meant to be pasted into a report. Nothing is changed. The exit status is 1 where something is broken."""


@dataclasses.dataclass(frozen=True)
class DoctorOptions:
    """Options of `python -m jaxpix.doctor`."""

    data_dir: Path = Path("data")
    """Folder that holds all prepared data sets."""
    runs: Path = Path("runs")
    """Folder that holds run folders."""
    full: bool = False
    """Read every image of large data sets, too, and compare with their fingerprints."""


def _known(data_dir: Path) -> dict[str, str]:
    """What is prepared, by fingerprint."""
    known = {}
    for path in finished(data_dir, "*/*"):
        with contextlib.suppress(InputError):
            known[read_prepared(path).fingerprint] = f"{path.parents[1].name} {path.parent.name}"
    return known


def _show(title: str, findings: list[Finding]) -> bool:
    """Print findings as they come; whether all is sound."""
    say(f"{title}: {len(findings)}" if findings else f"{title}: nothing")
    for one in findings:
        say(f"  {one.state:<10} {one.kind:<8} {one.name}: {one.text.replace(str(Path.home()), '~')}")
    return all(one.state != BROKEN for one in findings)


OPTIONS = DoctorOptions


def main(arguments: Sequence[str]) -> None:
    """Look at everything, and end with status 1 where something is broken."""
    options = parse_flags(DoctorOptions, arguments, "doctor", _DESCRIPTION, examples=EXAMPLES)
    try:
        for line in machine_lines((options.data_dir, options.runs)):
            say(line)
        is_sound = True
    except RuntimeError as error:
        say(f"devices: {BROKEN}: {' '.join(str(error).split())}")
        is_sound = False
    data = list(prepared_findings(options.data_dir, full=options.full))
    is_sound &= _show(f"prepared in {shown_path(options.data_dir)}", data)
    runs = list(run_findings(options.runs, _known(options.data_dir)))
    is_sound &= _show(f"runs in {shown_path(options.runs)}", runs)
    if not is_sound:
        sys.exit(1)


if __name__ == "__main__":
    run_door(main)
