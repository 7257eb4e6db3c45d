"""jaxpix beside other libraries: same weights, same image, one machine, one run, turn by turn."""

import dataclasses
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from .rows import Comparison, Ratio, Standing, Timing


class Run(NamedTuple):
    """One timed attack.

    Attributes:
        candidates: images that the network judged.
        seconds: wall time of the attack; imports, model building and warm-up are not in it.
        population, generations: what was run, which is not always what was asked.
        notes: what was called.
        versions: package to version.
    """

    candidates: int
    seconds: float
    population: int
    generations: int
    notes: str
    versions: Mapping[str, str]

    @property
    def candidates_per_second(self) -> float:
        """Candidates over seconds."""
        return self.candidates / self.seconds


@dataclasses.dataclass(frozen=True)
class Contender:
    """Who runs.

    Attributes:
        name: "jaxpix incremental", "art".
        setting: of a peer, its model's layout; of jaxpix, how many copies of the image it attacks together.
        is_jaxpix: or else a peer.
        precision: of its network.
        run: does one attack.
    """

    name: str
    setting: str
    is_jaxpix: bool
    precision: str
    run: Callable[[], Run]


def compare_in_turns(row: Comparison, contenders: Sequence[Contender], turns: int) -> Iterator[Comparison]:
    """The row with what is known after each turn.

    Who goes first changes, so that a machine that slows down favours nobody.
    """
    runs: list[list[Run]] = [[] for _ in contenders]
    for turn in range(turns):
        for place in range(len(contenders)):
            index = (place + turn) % len(contenders)
            runs[index].append(contenders[index].run())
        standings = tuple(_standing(one, its) for one, its in zip(contenders, runs, strict=True))
        yield dataclasses.replace(row, standings=standings, ratios=tuple(_ratios(contenders, runs)))


def _standing(contender: Contender, runs: Sequence[Run]) -> Standing:
    timing = Timing(tuple(run.seconds for run in runs))
    first = runs[0]
    return Standing(
        name=contender.name,
        setting=contender.setting,
        is_jaxpix=contender.is_jaxpix,
        precision=contender.precision,
        population=first.population,
        generations=first.generations,
        candidates=first.candidates,
        timing=timing,
        candidates_per_second=first.candidates / timing.median,
        notes=first.notes,
        versions=first.versions,
    )


def _ratios(contenders: Sequence[Contender], runs: Sequence[Sequence[Run]]) -> list[Ratio]:
    ratios = []
    for ours, our_runs in zip(contenders, runs, strict=True):
        for peer, peer_runs in zip(contenders, runs, strict=True):
            if not ours.is_jaxpix or peer.is_jaxpix:
                continue
            turns = tuple(
                mine.candidates_per_second / theirs.candidates_per_second
                for mine, theirs in zip(our_runs, peer_runs, strict=True)
            )
            names = f"{ours.name}, {ours.setting}", f"{peer.name}, {peer.setting}"
            ratios.append(Ratio(*names, statistics.median(turns), turns))
    return ratios
