"""`python -m jaxpix.check RUN…`: whether rates of attacks keep their limits, for pipelines."""

import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path

import tyro

from ..errors import InputError
from ..report.runs.reading import read_attacks
from ..storage.files import write_atomically
from ..terminal.console import run_door, say
from ..terminal.options import parse
from .junit import to_junit
from .limits import judgements, limits_of

EXAMPLES = (
    "runs/attack-pneumonia-k1 --dangerous-rate 5 --success-rate 20",
    "runs/pneumonia --dangerous-rate 5 --junit check.xml",
)
_DESCRIPTION = """Whether rates of attacks keep their limits, for people who test classifiers in a pipeline.

The exit status is 0 where the whole 95 % interval of every rate lies below its limit, 1 where one lies above, and
3 where there are too few images, or experiments that are not finished, to say either. One line each is printed."""
_FAILED, _UNDECIDED = 1, 3


@dataclasses.dataclass(frozen=True)
class CheckOptions:
    """Options of `python -m jaxpix.check`."""

    runs: tyro.conf.Positional[tuple[Path, ...]] = ()
    """Run folders of attacks, or folders that hold such folders; each attack is judged by itself."""
    dangerous_rate: float | None = None
    """Limit in percent on diseased images that are called normal, of all diseased images attacked."""
    success_rate: float | None = None
    """Limit in percent on successes of any kind, of all images attacked."""
    junit: Path | None = None
    """Write the judgements as JUnit XML, too."""


OPTIONS = CheckOptions


def main(arguments: Sequence[str]) -> None:
    """Judge the attacks that the options name, and end with the status that says it."""
    options = parse(CheckOptions, "check", _DESCRIPTION, arguments, examples=EXAMPLES)
    limits = limits_of(options.dangerous_rate, options.success_rate)
    if not options.runs:
        raise InputError("which attacks? python -m jaxpix.check RUN…: run folders of jaxpix.attack")
    found = judgements(read_attacks(options.runs, passing_over=False), limits)
    for one in found:
        say(one.text)
    if options.junit is not None:
        write_atomically(options.junit, to_junit(found))
    verdicts = {one.verdict for one in found}
    if "failed" in verdicts:
        sys.exit(_FAILED)
    if "undecided" in verdicts:
        sys.exit(_UNDECIDED)


if __name__ == "__main__":
    run_door(main)
