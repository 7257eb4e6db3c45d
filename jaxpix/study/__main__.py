"""`python -m jaxpix.study STUDY`: a whole study: trains the victim, runs every attack, writes the report."""

import dataclasses
import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import tyro

from ..attack.remote import workers
from ..cluster.session import is_wanted
from ..config import RayConfig
from ..errors import InputError
from ..metrics.rates import footnote
from ..terminal.console import print_table, run_door, say
from ..terminal.options import parse_flags
from ..terminal.programs import keep_programs
from ..train.builtin import open_or_draw
from .configs import header_of, shipped_studies, study_file
from .file import check_attacks, read_study
from .plan import show_plan
from .run import AttackOutcome, run_study, success_table

EXAMPLES = ("pneumonia --plan", "my-study.toml --set train.epochs=20 attack.generations=50")


@dataclasses.dataclass(frozen=True)
class StudyOptions:
    """Options of `python -m jaxpix.study`."""

    study: Annotated[Path | None, tyro.conf.Positional, tyro.conf.arg(metavar="[STUDY]")] = None
    """Name of a study that jaxpix brings along (see --list), or the path of a study file."""
    list: bool = False
    """Show the studies that jaxpix brings along: commands, run time, what is expected."""
    data_dir: Path | None = None
    """Folder that holds all prepared data sets. Default: the file's, or data."""
    run: Path | None = None
    """Run folder. Default: runs/NAME-OF-THE-STUDY. An interrupted study goes on."""
    victim: Path | None = None
    """A trained victim to attack, or FILE.py:FUNCTION, which returns one; nothing is trained then."""
    set: tuple[str, ...] = ()
    """Replace values of the file, such as train.init=random attack.generations=10 data.image_size=64."""
    plan: bool = False
    """Say what would be done, and do none of it; only a phantom is drawn, so that its images can be counted."""
    ray: RayConfig = dataclasses.field(default_factory=RayConfig)


def show_shipped() -> None:
    """Print every study that jaxpix brings along, and what it says of itself."""
    for name, path in shipped_studies().items():
        say(name)
        for line in header_of(path):
            say(f"  {line}")
        say("")


def show(title: str, attacks: Sequence[AttackOutcome]) -> None:
    """Print success of all attacks."""
    header, rows = success_table(attacks)
    print_table(title, header, rows, "success (95 % interval), successes/images")
    # Not in the first column: a class may have an asterisk in its name.
    if any(" %*" in cell for row in rows for cell in row[1:]):
        say(f"* {footnote(*(one.result.selection.asked for one in attacks if one.result))}")


OPTIONS = StudyOptions


def main(arguments: Sequence[str]) -> None:
    """Carry out one study, or go on with it."""
    if arguments.count("--set") > 1:
        raise InputError("--set is there twice; give it once: --set KEY=VALUE KEY=VALUE …")
    options = parse_flags(
        StudyOptions, arguments, "study", "Train, attack and report as a file says.", examples=EXAMPLES
    )
    if options.list:
        show_shipped()
        return
    if options.study is None:
        raise InputError(
            "which study? python -m jaxpix.study STUDY: a name that --list shows, or a study file"
        )
    # Before anything is trained.
    is_wanted(options.ray)
    path = study_file(options.study)
    keep_programs()
    study = read_study(path, options.set, data_dir=options.data_dir, victim=options.victim)
    folder = options.run or Path("runs") / path.stem
    data = study.data
    dataset = open_or_draw(data.dataset, data.data_dir, data.split, data.image_size)
    check_attacks(study, dataset)
    if options.plan:
        show_plan(study, dataset, folder)
        return
    victim, attacks, page = run_study(study, dataset, folder, functools.partial(workers, options.ray))
    show(f"{study.title}: {victim.name}", attacks)
    if dataset.note:
        say(f"note on the data: {dataset.note}")
    say(f"report: {page}")


if __name__ == "__main__":
    run_door(main)
