"""An attack on a data set in a run folder: choose images, attack, keep what finishes, go on after a kill."""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from ..errors import InputError
from ..pictures.successes import in_turns, pair, read_pair, write_sheet
from ..records.attacked import ABOUT, SELECTION, Selection
from .run import AttackRun, describe_attacked
from .selection import NothingToAttackError, nothing_to_attack
from .work import Images, Plan, choose, how_many, work

if TYPE_CHECKING:
    from ..records.record import Record

_PAIRS_ON_SHEET = 8


@dataclasses.dataclass(frozen=True)
class Campaign(Plan):
    """A plan, and the folder that keeps what comes of it.

    Attributes:
        folder: run folder, created or resumed.
        identity: JSON-able values that decide the results.
        config_text: what `config.toml` of the folder says.
        call: how it was asked for in Python; None: by the door.
    """

    folder: Path
    identity: Mapping[str, Any]
    config_text: str
    call: str | None = dataclasses.field(default=None, kw_only=True)


@dataclasses.dataclass(frozen=True)
class Result:
    """What came of a campaign.

    Attributes:
        records: in the order of the selection.
        selection: the images that were chosen.
        num_passed_over: of these, images that turned out to be misclassified.
        sheet: picture of successes, if there are any.
        seconds: that the experiments took which were not finished before.
    """

    records: list[Record]
    selection: Selection
    num_passed_over: int
    sheet: Path | None
    seconds: float


# Does experiments, positions in the subset, and hands what finishes to the run.
WorkedBy: TypeAlias = "Callable[[AttackRun, Images, Selection, Sequence[int]], None]"
# Who does an attack, by its `AttackOptions`; for as long as a context lasts.
Workers: TypeAlias = "contextlib.AbstractContextManager[Callable[[Any], WorkedBy]]"


def alone() -> Workers:
    """This process does every attack itself."""
    return contextlib.nullcontext(lambda options: work)


def run_campaign(campaign: Campaign, by: WorkedBy = work) -> Result:
    """Attack the chosen images and keep everything in the folder; finished experiments are not repeated.

    Args:
        campaign: what is done.
        by: who does it; default: this process.

    Raises:
        InputError: the folder holds another attack or is in use; no image can be attacked.
    """
    images = Images(campaign)
    with AttackRun(campaign.folder, campaign.identity) as run:
        selection, todo = _prepared(run, campaign, images)
        began = time.monotonic()
        if todo:
            by(run, images, selection, todo)
        seconds = time.monotonic() - began
        records = run.finish([images.ids[index] for index in selection.indices])
        if not records:
            raise NothingToAttackError(nothing_to_attack(selection.groups))
        sheet = _sheet(campaign.folder, records)
        return Result(records, selection, selection.total - len(records), sheet, seconds)


def _prepared(run: AttackRun, campaign: Campaign, images: Images) -> tuple[Selection, list[int]]:
    """Choose images where that was not done before, and say what is left to do."""
    attack = images.attack
    # A resumed run says it anew: older versions did not, and somebody may have added a note to the data.
    run.files.store_json(ABOUT, describe_attacked(attack.victim, campaign.dataset, campaign.choice.subset))
    if run.files.has(SELECTION):
        selection = _stored(run, images)
    else:
        selection = choose(images)
        called = {} if campaign.call is None else {"call": campaign.call}
        run.files.describe(campaign.config_text, **called)
        selection.save(run.folder)
    done = run.finished | run.passed_over
    todo = [index for index in selection.turns(attack.config.seed) if images.ids[index] not in done]
    if done:
        most = how_many(selection, run) if todo else f"{len(run.finished):,}"
        campaign.say(f"{run.folder}: {len(run.finished):,} of {most} experiments were finished before")
    return selection, todo


def _stored(run: AttackRun, images: Images) -> Selection:
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


def _sheet(folder: Path, records: Sequence[Record]) -> Path | None:
    """A contact sheet of the first successes of each class, in turn."""
    turns = in_turns(records)[:_PAIRS_ON_SHEET]
    pairs = [pair(record, *read_pair(folder, record)) for record in turns]
    if not pairs:
        return None
    write_sheet(folder / "successes.png", pairs)
    return folder / "successes.png"
