"""`python -m jaxpix.bench`: how fast jaxpix is here, beside other libraries, or on a whole data set."""

import dataclasses
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

import tyro

from ..attack.options import AttackOptions, bind, open_dataset, plain
from ..storage.settings import to_plain
from ..terminal.console import run_door, say
from ..terminal.options import parse, parse_flags
from ..terminal.programs import keep_programs
from ..train.builtin import open_victim
from .agenda import visit
from .datasets import measure_dataset
from .options import FOLDER, BenchOptions, VisitOptions, resolved
from .plots import draw_all
from .results import Results
from .searches import SearchesOptions, measure_searches
from .session import Session
from .tables import show_all, show_visit

EXAMPLES = ("--quick", "dataset --victim runs/derma-resnet50-224 --per-class 50")

_DESCRIPTION = """Measure how fast jaxpix is on this machine.

`python -m jaxpix.bench dataset …` attacks a whole data set, `bench searches …` compares searches,
`bench visit` uses a few minutes on a GPU, and `bench show FILE` shows results that were measured elsewhere;
`bench dataset --help` and so on list their options."""
_SEARCHES = (
    "Compare searches on the same images, against an exhaustive one where there is one: recall, regret."
)
_DATASET = "Attack a data set with one configuration: images/s, candidates/s, success against queries."
_VISIT = (
    "Measure all that a few minutes on a GPU allow, the most valuable first; each figure is kept at once."
)
_SHOW = "Tables and plots of results that were measured elsewhere."


@dataclasses.dataclass(frozen=True)
class DatasetOptions(AttackOptions):
    """Options of `python -m jaxpix.bench dataset`: those of `attack`, and where the results go."""

    out: Path = FOLDER
    """Folder of the results: NAME.json and plots."""
    name: str | None = None
    """NAME of the results. Default: date and device."""


@dataclasses.dataclass(frozen=True)
class ShowOptions:
    """Options of `python -m jaxpix.bench show`."""

    file: tyro.conf.Positional[Path]
    """NAME.json; plots go beside it."""


OPTIONS = BenchOptions


def main(arguments: Sequence[str]) -> None:
    """Measure what the options name, or show what was measured."""
    command = shlex.join(["python", "-m", "jaxpix.bench", *arguments])
    if arguments[:1] == ["visit"]:
        options = parse_flags(VisitOptions, arguments[1:], "bench visit", _VISIT)
        # A visit that was cut short goes on without compiling again what it had.
        keep_programs()
        sys.exit(visit(options, command))
    if arguments[:1] == ["show"]:
        results = Results.read(parse_flags(ShowOptions, arguments[1:], "bench show", _SHOW).file)
        show_visit(results.of("visit"))
        _present(results)
        return
    rooms = {"dataset": _dataset, "searches": _searches}
    named = rooms.get(arguments[0]) if arguments else None
    results = named(arguments[1:], command) if named else _machine(arguments, command)
    _present(results)
    say(f"results: {results.json_path}")


def _present(results: Results) -> None:
    show_all(results)
    for path in draw_all(results):
        say(f"plot: {path}")


def _machine(arguments: Sequence[str], command: str) -> Results:
    options = parse(BenchOptions, "bench", _DESCRIPTION, arguments, examples=EXAMPLES)
    plan = resolved(options)
    chosen = {**to_plain(options), **to_plain(plan)}
    results = Results(options.out, options.name, command, chosen, plan.repeats)
    Session(options, plan, results).run()
    return results


def _dataset(arguments: Sequence[str], command: str) -> Results:
    all_options = parse(DatasetOptions, "attack", _DATASET, arguments, command="bench dataset")
    options = plain(all_options)
    keep_programs()
    victim = open_victim(options.victim, options.task, options.data_dir)
    dataset, victim = open_dataset(options, victim)
    campaign = bind(options, victim, dataset)
    if options.run is None:
        folder = campaign.folder.with_name(f"bench-{campaign.folder.name}")
        campaign = dataclasses.replace(campaign, folder=folder)
    results = Results(all_options.out, all_options.name, command, to_plain(options))
    results.add(measure_dataset(campaign))
    return results


def _searches(arguments: Sequence[str], command: str) -> Results:
    options = parse(SearchesOptions, "attack", _SEARCHES, arguments, command="bench searches")
    keep_programs()
    victim = open_victim(options.victim, options.task, options.data_dir)
    dataset, victim = open_dataset(options, victim)
    results = Results(options.out, options.name, command, to_plain(options))
    for row in measure_searches(options, victim, dataset):
        results.add(row)
    return results


if __name__ == "__main__":
    run_door(main)
