"""The work of an attack, wherever what it finishes is kept: choose images, attack them, show how far it is."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np

from ..labels import aim_text
from ..metrics.chance import doubts_of_judged, doubts_of_test
from ..search.flatness import FirstLook
from ..terminal.console import Meter, say
from .selection import eligible, select, select_all

if TYPE_CHECKING:
    from pathlib import Path

    from ..data.prepared import Example
    from ..records.attacked import PassedOver, Selection
    from ..records.record import Record
    from ..search.verification import Job
    from .cluster import Member
    from .experiments import Attack, Finished, Origin
    from .given import Attackable
    from .selection import Choice


@dataclasses.dataclass(frozen=True)
class Plan:
    """An attack on images.

    Attributes:
        attack: bound to the victim.
        dataset: whose images are attacked.
        choice: which of them.
        origin: what the records say of that.
        quiet: no bar and no word.
    """

    attack: Attack
    dataset: Attackable
    choice: Choice
    origin: Origin
    quiet: bool = dataclasses.field(default=False, kw_only=True)

    def say(self, message: str) -> None:
        """Print one line, unless it is quiet."""
        if not self.quiet:
            say(message)

    def warn(self, message: str) -> None:
        """Tell what makes results mean less than they seem to: a line, or where it is quiet, a Python warning."""
        if self.quiet:
            warnings.warn(message, UserWarning, stacklevel=2)
        else:
            say(f"warning: {message}")


class Keeper(Protocol):
    """Keeps what finishes: a run folder, or memory. Its attributes are those of `AttackRun`."""

    finished: set[str]
    passed_over: set[str]
    num_successes: int
    member: Member
    scratch: Path | None

    def save(self, finished: Finished) -> Record:
        """Keep a finished experiment."""

    def pass_over(self, images: Sequence[PassedOver]) -> None:
        """Keep that images cannot be attacked."""


class Images:
    """The images of a subset, and the attack that is aimed at them."""

    def __init__(self, plan: Plan):
        self.plan, self.attack = plan, plan.attack
        dataset, subset = plan.dataset, plan.choice.subset
        self.labels = self.attack.victim.space.from_stored(dataset.labels(subset))
        self.ids = [str(name) for name in dataset.image_ids(subset)]
        self.source = dataset.source(subset)

    def jobs(self, keeper: Keeper, selection: Selection, share: Sequence[int], meter: Meter) -> Iterator[Job]:
        """The share's experiments, as slots become free."""

        def pass_over(images: list[PassedOver]) -> None:
            keeper.pass_over(images)
            meter.advance(len(images))

        examples: Iterable[tuple[int, Example]]
        if selection.screened:
            examples = ((index, self.source[index]) for index in share)
        else:
            examples = eligible(self.attack, self.source, self.labels, share, pass_over)
        for index, example in examples:
            yield self.attack.job(self.ids[index], example["image"], self.labels[index])


def how_many(selection: Selection, keeper: Keeper) -> str:
    """How many experiments there are, or can be."""
    number = f"{selection.total - len(keeper.passed_over):,}"
    return number if selection.screened else f"at most {number}"


def choose(images: Images) -> Selection:
    """The images to attack.

    Raises:
        NothingToAttackError: there is none.
    """
    attack, choice, plan = images.attack, images.plan.choice, images.plan
    wanted, seed = choice.wanted(attack.victim.space, plan.dataset), attack.config.seed
    if choice.per_class is None:
        among = None if choice.only is None else np.isin(images.ids, sorted(choice.only))
        return select_all(attack, images.labels, wanted, seed, with_target=choice.with_target, among=among)
    name = f"choosing images that {attack.victim.name} classifies correctly"
    with Meter(name, None, quiet=plan.quiet) as meter:
        return select(attack, images.source, images.labels, wanted, choice.per_class, seed, meter.advance)


def _announcement(attack: Attack, total: str, share: str) -> str:
    config = attack.config
    aim = aim_text(None if attack.target is None else attack.victim.space.names(attack.target))
    settings = f"{'preset' if attack.name == config.preset else 'search'} {attack.name}"
    return (
        f"{total} experiments{share}: {config.num_pixels} pixel{'s' * (config.num_pixels > 1)}, {aim}, fitness "
        f"{attack.fitness}, {settings}, {attack.searcher.says}; compiling first"
    )


def doubts(
    plan: Plan, selection: Selection, records: Sequence[Record] = (), passed_over: Sequence[PassedOver] = ()
) -> list[str]:
    """Sentences on a victim that knows no more than chance does: by its training's test, and by the images judged.

    Args:
        plan: whose victim it is.
        selection: the images that were chosen.
        records, passed_over: what has finished, where images are judged as their turn comes.
    """
    victim, dataset = plan.attack.victim, plan.dataset
    tested, space = victim.provenance.get("test"), victim.space
    found = doubts_of_test(tested if isinstance(tested, Mapping) else None)
    if getattr(dataset, "has_true_labels", True):
        found += doubts_of_judged(selection, space.task, space.class_names, records, passed_over)
    return found


def work(keeper: Keeper, images: Images, selection: Selection, share: Sequence[int]) -> None:
    """Do the experiments of `share`, positions in the subset, and keep each as it finishes.

    Raises:
        InputError: the fitness guides the search of no image (`FirstLook`), and none was finished before.
    """
    attack, plan, member = images.attack, images.plan, keeper.member
    attack.searcher.expect(len(share))
    shared = f", of which {member.name} has {len(share):,}" if member.num_processes > 1 else ""
    plan.say(_announcement(attack, how_many(selection, keeper), shared))
    for doubt in doubts(plan, selection):
        plan.warn(doubt)
    already = len(keeper.finished) + len(keeper.passed_over)
    name = "attack" if member.num_processes == 1 else f"attack, {member.name}"
    unit = "experiments" if selection.screened else "images"
    candidates = 0
    # A random draw needs no guide, and what has finished before was looked at before.
    look = FirstLook(may_refuse=not keeper.finished and attack.search.generations > 0)
    with Meter(name, already + len(share), unit, already, plan.quiet) as meter:

        def note() -> str:
            return f"{keeper.num_successes:,} successes · {candidates / meter.seconds:,.0f} candidates/s"

        def count(evaluated: int) -> None:
            nonlocal candidates
            candidates += evaluated
            meter.advance(0, note())

        jobs = images.jobs(keeper, selection, share, meter)
        # An audit that is spread over all images must not become too small where a third of them is passed over.
        total = selection.total if selection.screened else max(1, selection.total * 2 // 3)
        experiments = attack.run(
            jobs, plan.origin, count, plan.say, look, total=total, scratch=keeper.scratch
        )
        for finished in experiments:
            keeper.save(finished)
            meter.advance(1, note())
    for doubt in look.notes(attack.fitness):
        plan.warn(doubt)
