"""An attack on a data set in a run folder: choose images, attack, keep what finishes, go on after a kill."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import InputError
from ..labels import aim_text
from ..pictures.successes import in_turns, pair, read_pair, write_sheet
from ..records.attacked import ABOUT, SELECTION, Selection
from ..storage.environment import describe_environment
from ..storage.run_folder import ENVIRONMENT
from ..terminal.console import Meter, say
from .cluster import ALONE
from .experiments import Origin
from .run import AttackRun, describe_attacked
from .selection import (
    NothingToAttackError,
    eligible,
    nothing_to_attack,
    select,
    select_all,
)

if TYPE_CHECKING:
    from ..data.prepared import Example, PreparedDataset
    from ..records.record import Record
    from ..search.verification import Job
    from .cluster import Member
    from .experiments import Attack
    from .selection import (
        Choice,
    )

_PAIRS_ON_SHEET = 8


@dataclasses.dataclass(frozen=True)
class Campaign:
    """An attack on images of a data set, and the folder that keeps what comes of it.

    Attributes:
        attack: bound to the victim.
        dataset: whose images are attacked.
        choice: which of them.
        folder: run folder, created or resumed.
        identity: JSON-able values that decide the results.
        config_text: what `config.toml` of the folder says.
    """

    attack: Attack
    dataset: PreparedDataset
    choice: Choice
    folder: Path
    identity: Mapping[str, Any]
    config_text: str


@dataclasses.dataclass(frozen=True)
class Result:
    """What a process has done of a campaign.

    Attributes:
        records: in the order of the selection; while other processes are at work, this one's only.
        selection: the images that were chosen.
        num_passed_over: of these, images that turned out to be misclassified; likewise.
        is_whole: nothing is left to do for any process.
        sheet: picture of successes, if there are any.
        seconds: that the experiments took which were not finished before.
    """

    records: list[Record]
    selection: Selection
    num_passed_over: int
    is_whole: bool
    sheet: Path | None
    seconds: float


def run_campaign(campaign: Campaign, member: Member = ALONE) -> Result:
    """Attack the chosen images and keep everything in the folder; finished experiments are not repeated.

    Args:
        campaign: what is done.
        member: this process, where several share the campaign. Each takes its share of what is left to do.

    Raises:
        InputError: the folder holds another attack or is in use; no image can be attacked.
    """
    images = _Images(campaign)
    with AttackRun(campaign.folder, campaign.identity, member) as run:
        if member.is_leader:
            selection, todo = _prepared(run, images)
        else:
            selection, todo = _stored(run, images), run.handed_out
            run.store_own_json(ENVIRONMENT, describe_environment())
        began = time.monotonic()
        share = todo[member.process_id :: member.num_processes]
        if share:
            _work(run, images, selection, share)
        seconds = time.monotonic() - began
        records, is_whole = run.finish([images.ids[index] for index in selection.indices])
        if is_whole and not records:
            raise NothingToAttackError(nothing_to_attack(selection.groups))
        sheet = _sheet(campaign.folder, records) if is_whole else None
        num_passed_over = selection.total - len(records) if is_whole else len(run.passed_over)
        return Result(records, selection, num_passed_over, is_whole, sheet, seconds)


class _Images:
    """The images of a subset, and the attack that is aimed at them."""

    def __init__(self, campaign: Campaign):
        self.campaign, self.attack = campaign, campaign.attack
        dataset, subset = campaign.dataset, campaign.choice.subset
        self.labels = self.attack.victim.space.from_stored(dataset.labels(subset))
        self.ids = [str(name) for name in dataset.image_ids(subset)]
        self.source = dataset.source(subset)

    def jobs(self, run: AttackRun, selection: Selection, share: Sequence[int], meter: Meter) -> Iterator[Job]:
        """The share's experiments, as slots become free."""

        def pass_over(image_ids: list[str]) -> None:
            run.pass_over(image_ids)
            meter.advance(len(image_ids))

        examples: Iterable[tuple[int, Example]]
        if selection.screened:
            examples = ((index, self.source[index]) for index in share)
        else:
            examples = eligible(self.attack, self.source, self.labels, share, pass_over)
        for index, example in examples:
            yield self.attack.job(self.ids[index], example["image"], self.labels[index])


def _prepared(run: AttackRun, images: _Images) -> tuple[Selection, list[int]]:
    """The leader: choose images where that was not done before, and say what is left to do."""
    campaign, attack, member = images.campaign, images.attack, run.member
    # A resumed run says it anew: older versions did not, and somebody may have added a note to the data.
    run.files.store_json(ABOUT, describe_attacked(attack.victim, campaign.dataset, campaign.choice.subset))
    if run.files.has(SELECTION):
        selection = _stored(run, images)
    else:
        selection = _choose(images)
        run.files.describe(campaign.config_text, processes=member.num_processes)
        selection.save(run.folder)
    done = run.finished | run.passed_over
    todo = [index for index in selection.turns(attack.config.seed) if images.ids[index] not in done]
    if done:
        most = _most(selection, run) if todo else f"{len(run.finished):,}"
        say(f"{run.folder}: {len(run.finished):,} of {most} experiments were finished before")
    if member.num_processes > 1:
        run.hand_out(todo)
    return selection, todo


def _stored(run: AttackRun, images: _Images) -> Selection:
    """The images that were chosen when the run began, all there and all that the run's records are of."""
    selection = Selection.load(run.folder)
    indices = selection.indices
    if max(indices, default=0) >= len(images.ids) or len(set(indices)) != len(indices):
        raise InputError(
            f"{run.folder / SELECTION} is damaged: it names images twice, or images that are not there"
        )
    foreign = (run.finished | run.passed_over).difference(images.ids[index] for index in indices)
    if foreign:
        raise InputError(
            f"{run.folder} is damaged: it has a record of {min(foreign)!r}, which was not chosen"
        )
    return selection


def _most(selection: Selection, run: AttackRun) -> str:
    """How many experiments there are, or can be."""
    most = f"{selection.total - len(run.passed_over):,}"
    return most if selection.screened else f"at most {most}"


def _choose(images: _Images) -> Selection:
    attack, choice = images.attack, images.campaign.choice
    wanted = choice.wanted(attack.victim.space, images.campaign.dataset)
    if choice.per_class is None:
        return select_all(attack, images.labels, wanted, attack.config.seed)
    with Meter(f"choosing images that {attack.victim.name} classifies correctly", None) as meter:
        return select(
            attack, images.source, images.labels, wanted, choice.per_class, attack.config.seed, meter.advance
        )


def _announcement(attack: Attack, total: str, share: str) -> str:
    search, config = attack.search, attack.config
    aim = aim_text(None if attack.target is None else attack.victim.space.names(attack.target))
    most = search.population * (1 + search.generations)
    return (
        f"{total} experiments{share}: {config.num_pixels} pixel{'s' * (config.num_pixels > 1)}, {aim}, fitness "
        f"{attack.fitness}, preset {config.preset}, at most {most:,} queries each; evaluation "
        f"{attack.engine.problem.evaluator.name}, {attack.engine.layout.num_slots} slots; compiling first"
    )


def _work(run: AttackRun, images: _Images, selection: Selection, share: Sequence[int]) -> None:
    attack, dataset, member = images.attack, images.campaign.dataset, run.member
    shared = f", of which {member.name} has {len(share):,}" if member.num_processes > 1 else ""
    say(_announcement(attack, _most(selection, run), shared))
    origin = Origin(dataset.info.name, dataset.scheme, images.campaign.choice.subset, dataset.synthetic)
    already = len(run.finished) + len(run.passed_over)
    name = "attack" if member.num_processes == 1 else f"attack, {member.name}"
    candidates = 0
    with Meter(
        name, already + len(share), "experiments" if selection.screened else "images", already
    ) as meter:

        def note() -> str:
            return f"{run.num_successes:,} successes · {candidates / meter.seconds:,.0f} candidates/s"

        def count(evaluated: int) -> None:
            nonlocal candidates
            candidates += evaluated
            meter.advance(0, note())

        jobs = images.jobs(run, selection, share, meter)
        for finished in attack.run(jobs, origin, count, say):
            run.save(finished)
            meter.advance(1, note())


def _sheet(folder: Path, records: Sequence[Record]) -> Path | None:
    """A contact sheet of the first successes of each class, in turn."""
    turns = in_turns(records)[:_PAIRS_ON_SHEET]
    pairs = [pair(record, *read_pair(folder, record)) for record in turns]
    if not pairs:
        return None
    write_sheet(folder / "successes.png", pairs)
    return folder / "successes.png"
