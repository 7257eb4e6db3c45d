"""A study carried out in a run folder: victim, attacks, report. Goes on where it was interrupted.

study.toml   the study as it was asked for   victim/   the training run, unless another victim was named
NAME-kK/     one run folder for each attack  report/   tables, figures and the page
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..attack.campaign import alone, run_campaign
from ..attack.options import bind, open_dataset
from ..attack.selection import NothingToAttackError
from ..errors import InputError
from ..labels import label_text
from ..metrics.chance import doubts_of_test
from ..metrics.rates import success_rate
from ..records.files import has_results
from ..storage.files import write_atomically
from ..storage.run_folder import RunFolder
from ..storage.settings import read_toml
from ..terminal.console import print_table, say
from ..train.evaluation import table
from ..train.run import TrainingRun
from ..train.training import train_victim
from ..victim.victim import Victim

if TYPE_CHECKING:
    from ..attack.campaign import Result, WorkedBy, Workers
    from ..attack.options import AttackOptions
    from ..data.prepared import PreparedDataset
    from .file import PlannedAttack, Study

_STUDY, _REPORT = "study.toml", "report"


@dataclasses.dataclass(frozen=True)
class AttackOutcome:
    """An attack of a study and what came of it; `result` is None where no image could be attacked."""

    attack: PlannedAttack
    result: Result | None


def run_study(
    study: Study, dataset: PreparedDataset, folder: Path, workers: Callable[[], Workers] = alone
) -> tuple[Victim, list[AttackOutcome], Path]:
    """Train the victim if there is none, run every attack, write the report.

    What was finished before is not repeated.

    Args:
        study: what to do.
        dataset: its data set, which its attacks fit (`check_attacks`).
        folder: run folder of the study, created or resumed.
        workers: do the attacks.

    Returns:
        The victim, the attacks in order, and the page of the report.

    Raises:
        InputError: no image at all can be attacked, another process works on the folder, or it holds another
            study; the message names what differs.
    """
    with RunFolder(folder, "study").held():
        _begin(study, folder)
        victim = _victim(study, dataset, folder)
        outcomes = []
        # One attack after the other, each by all workers: side by side they would leave some idle at the end, too.
        with workers() as by:
            for number, attack in enumerate(study.attacks, start=1):
                say(f"attack {number} of {len(study.attacks)}: {attack.folder_name}")
                outcomes.append(AttackOutcome(attack, _attacked(study, attack, victim, folder, by)))
        finished = [folder / one.attack.folder_name for one in outcomes if one.result is not None]
        if not finished:
            raise InputError(f"{study.path}: {victim.name} classifies no image of any attack correctly")
        # Brings matplotlib and the page's templates along, which are needed only now.
        from ..report.writing import write_report

        page = write_report(finished, folder / _REPORT)
        write_atomically(folder / _STUDY, study.to_toml())
        return victim, outcomes, page


def _begin(study: Study, folder: Path) -> None:
    path = folder / _STUDY
    if not path.exists() or not any(has_results(entry) for entry in folder.iterdir()):
        # Of what was refused before anything was attacked, nothing is kept: it binds nobody.
        write_atomically(path, study.to_toml())
        return
    before = read_toml(path).get("study", {}).get("victim")
    # Any other change is found where it matters: by the training run, and by each attack.
    if before is not None and study.victim is None:
        raise InputError(
            f"{folder} holds attacks on the victim {before}, now none is named and another one would be trained; "
            f"name it by --victim, or choose another --run"
        )


def _victim(study: Study, dataset: PreparedDataset, folder: Path) -> Victim:
    if study.victim is not None:
        victim = Victim.load(study.victim)
        say(f"victim: {victim.name} ({study.victim})")
        return victim
    run = TrainingRun(study.victim_folder(folder))
    victim = train_victim(dataset, study.train, run.folder)
    assert run.test_metrics is not None, "the run is finished"
    title, header, rows = table(run.test_metrics)
    print_table(f"{dataset.info.title}: {victim.name}, {title}", header, rows)
    for doubt in doubts_of_test(run.test_metrics):
        say(f"warning: {doubt}")
    return victim


def _attacked(
    study: Study, attack: PlannedAttack, victim: Victim, folder: Path, by: Callable[[AttackOptions], WorkedBy]
) -> Result | None:
    """What came of an attack; None where no image could be attacked."""
    places: dict[str, Any] = {"victim": study.victim_folder(folder), "run": folder / attack.folder_name}
    options = dataclasses.replace(attack.options, **places, **dataclasses.asdict(study.data))
    dataset, victim = open_dataset(options, victim)
    campaign = bind(options, victim, dataset)
    try:
        return run_campaign(campaign, by(options))
    except NothingToAttackError as error:
        say(f"{attack.folder_name} is left out: {error}")
        return None


def success_table(outcomes: Sequence[AttackOutcome]) -> tuple[list[str], list[list[str]]]:
    """Header and rows: success of each attack and class with its interval, a column for each K."""
    counts = sorted({outcome.attack.options.config.num_pixels for outcome in outcomes})
    cells: dict[str, dict[int, str]] = {}
    for outcome in outcomes:
        attack, result, count = outcome.attack, outcome.result, outcome.attack.options.config.num_pixels
        if result is None:
            cells.setdefault(attack.name, {})[count] = "no image"
            continue
        for group in result.selection.groups:
            members = [record for record in result.records if tuple(record.label_before) == group.label]
            row = cells.setdefault(f"{attack.name}: {label_text(group.label)}", {})
            row[count] = success_rate(members).text(result.selection.asked)
    header = ["attack: class", *(f"K = {count}" for count in counts)]
    rows = [[name, *(row.get(count, "") for count in counts)] for name, row in cells.items()]
    return header, rows
