"""The work of an attack, wherever what it finishes is kept: choose images, attack them, show how far it is."""

from __future__ import annotations

import abc
import dataclasses
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..labels import aim_text
from ..metrics.chance import doubts_of_judged, doubts_of_test
from ..search.flatness import FirstLook
from ..terminal.console import Meter, say
from .selection import CHUNK, eligible, select, select_all

if TYPE_CHECKING:
    from pathlib import Path

    from ..data.prepared import Example
    from ..records.attacked import PassedOver, Selection
    from ..records.record import Record
    from ..search.verification import Job
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


class Keeper(abc.ABC):
    """Keeps what finishes: a run folder, or memory.

    Attributes:
        finished: ids of the images whose experiment was finished when the run was opened, or since.
        passed_over: ids of those that were judged and cannot be attacked, likewise.
        num_successes: successes among `finished`.
        scratch: where an exhaustive search keeps what it has found of an unfinished image; None: nowhere.
    """

    def __init__(self) -> None:
        self.finished: set[str] = set()
        self.passed_over: set[str] = set()
        self.num_successes = 0
        self.scratch: Path | None = None

    @abc.abstractmethod
    def save(self, finished: Finished) -> Record:
        """Keep a finished experiment."""

    @abc.abstractmethod
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

    def jobs(
        self,
        chunks: Iterable[Sequence[int]],
        screened: bool,
        on_passed_over: Callable[[list[PassedOver]], None],
    ) -> Iterator[Job]:
        """The experiments of these positions, as slots become free; `screened`: all of them can be attacked."""
        examples: Iterable[tuple[int, Example]]
        if screened:
            examples = ((index, self.source[index]) for chunk in chunks for index in chunk)
        else:
            examples = eligible(self.attack, self.source, self.labels, chunks, on_passed_over)
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


class Tally(Meter):
    """The bar of an attack, and the keeper behind it. A context manager.

    Args:
        keeper: keeps what finishes.
        plan: what is done.
        selection: the images that were chosen.
        share: how many of them are left to do.
    """

    def __init__(self, keeper: Keeper, plan: Plan, selection: Selection, share: int):
        self._keeper, self._candidates = keeper, 0
        already = len(keeper.finished) + len(keeper.passed_over)
        unit = "experiments" if selection.screened else "images"
        super().__init__("attack", already + share, unit, already, plan.quiet)

    def count(self, evaluated: int) -> None:
        """So many candidates more were evaluated."""
        self._candidates += evaluated
        self.advance(0, self._so_far())

    def save(self, finished: Finished) -> None:
        """Keep a finished experiment."""
        self._keeper.save(finished)
        self.advance(1, self._so_far())

    def pass_over(self, images: Sequence[PassedOver]) -> None:
        """Keep that images cannot be attacked."""
        self._keeper.pass_over(images)
        self.advance(len(images))

    def _so_far(self) -> str:
        rate = self._candidates / self.seconds
        return f"{self._keeper.num_successes:,} successes · {rate:,.0f} candidates/s"


def announce(keeper: Keeper, images: Images, selection: Selection, how: str) -> None:
    """Say what will be done, `how`, and what is doubtful about it."""
    attack, plan = images.attack, images.plan
    config = attack.config
    aim = aim_text(None if attack.target is None else attack.victim.space.names(attack.target))
    settings = f"{'preset' if attack.name == config.preset else 'search'} {attack.name}"
    plan.say(
        f"{how_many(selection, keeper)} experiments: {config.num_pixels} pixel{'s' * (config.num_pixels > 1)}, "
        f"{aim}, fitness {attack.fitness}, {settings}, {how}"
    )
    for doubt in doubts(plan, selection):
        plan.warn(doubt)


def may_refuse(keeper: Keeper, attack: Attack) -> bool:
    """Whether a fitness that guides no search ends the attack: what has finished before was looked at before."""
    # A random draw needs no guide.
    return not keeper.finished and attack.search.generations > 0


def audited_over(selection: Selection) -> int:
    """Images over which an audit is spread; it must not become too small where a third of them is passed over."""
    return selection.total if selection.screened else max(1, selection.total * 2 // 3)


def work(keeper: Keeper, images: Images, selection: Selection, share: Sequence[int]) -> None:
    """Do the experiments of `share`, positions in the subset, and keep each as it finishes.

    Raises:
        InputError: the fitness guides the search of no image (`FirstLook`), and none was finished before.
    """
    attack, plan = images.attack, images.plan
    attack.searcher.expect(len(share))
    announce(keeper, images, selection, f"{attack.searcher.says}; compiling first")
    look = FirstLook(may_refuse=may_refuse(keeper, attack))
    chunks = (share[start : start + CHUNK] for start in range(0, len(share), CHUNK))
    with Tally(keeper, plan, selection, len(share)) as tally:
        experiments = attack.run(
            images.jobs(chunks, selection.screened, tally.pass_over),
            plan.origin,
            on_candidates=tally.count,
            on_notice=plan.say,
            look=look,
            total=audited_over(selection),
            scratch=keeper.scratch,
        )
        for finished in experiments:
            tally.save(finished)
    for doubt in look.notes(attack.fitness):
        plan.warn(doubt)
