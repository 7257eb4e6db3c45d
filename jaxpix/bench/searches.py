"""Searches beside one another on the same images, and against the truth where an exhaustive search has found it."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_args

from pydantic import Field

from ..attack.campaign import run_campaign
from ..attack.options import AttackOptions, bind, plain
from ..config import AttackConfig, Preset, SearchName
from ..errors import InputError, did_you_mean
from ..metrics.recall import BUDGETS, recall_of, truth_of, union_of, widened
from ..records.files import each_record
from ..search.exhaustive.grid import of_others
from ..search.presets import search_of
from ..search.strategies.algorithms import ALGORITHMS, LEFT_OUT
from ..storage.settings import read_toml
from ..terminal.console import say
from .options import FOLDER
from .standings import SearchRow, attacked

if TYPE_CHECKING:
    from ..attack.campaign import Campaign, Result
    from ..data.prepared import PreparedDataset
    from ..metrics.recall import Truth
    from ..records.record import Record
    from ..victim.victim import Victim

_USUAL = ("tsai2023", "su2019", "scipy", "random", "sparse_rs", "shortlist", "CMA_ES")


@dataclasses.dataclass(frozen=True)
class SearchesOptions(AttackOptions):
    """Options of `python -m jaxpix.bench searches`: those of `attack`, which searches, against what."""

    searches: tuple[str, ...] = _USUAL
    """Presets of the evolution, other searches, and algorithms of evosax."""
    truth: str | None = None
    """Run folder of an exhaustive search of the same images and victim; or values, such as corners or all: it is done
    first. Default: what any of the searches finds."""
    flippable: bool = False
    """Attack those images alone that the truth says can be flipped: recall needs no others."""
    queries: Annotated[int, Field(ge=1)] = max(BUDGETS)
    """Candidates that each search may evaluate; the last generation may exceed it, which does not count."""
    out: Path = FOLDER
    """Folder of the results: NAME.json and plots."""
    name: str | None = None
    """NAME of the results. Default: date and device."""


def named(config: AttackConfig, name: str, queries: int) -> AttackConfig:
    """The configuration of a search by its name, with as many generations as `queries` candidates need.

    Raises:
        InputError: there is no search of that name, or settings do not fit it.
    """
    presets = get_args(Preset)
    others = [one for one in get_args(SearchName) if one not in ("evolution", "exhaustive")]
    if name not in (*presets, *others, *ALGORITHMS, *LEFT_OUT):
        near = did_you_mean(name, (*presets, *others, *ALGORITHMS))
        raise InputError(
            f"--searches: unknown search {name!r}{near}; there are presets ({', '.join(presets)}), other searches "
            f"({', '.join(others)}) and algorithms of evosax ({', '.join(ALGORITHMS)})"
        )
    key = "preset" if name in presets else "search" if name in others else "algorithm"
    change: dict[str, Any] = {key: name}
    chosen = dataclasses.replace(config, **change)
    first = search_of(dataclasses.replace(chosen, generations=0))
    # One that asks for a candidate at a time has its first population in several generations.
    per_generation = first.population * (first.generations + 1)
    return dataclasses.replace(chosen, generations=math.ceil(queries / per_generation) - 1)


def measure_searches(
    options: SearchesOptions, victim: Victim, dataset: PreparedDataset
) -> Iterator[SearchRow]:
    """Run what is not finished yet, each search in a folder of its own, and hold all against the truth.

    Args:
        options: images, victim, searches.
        victim, dataset: as `open_dataset` gives them.

    Raises:
        InputError: an unknown search, options of one search, or a truth of other images; before anything is run.
    """
    _check(options)
    # Of how many positions sets are made is asked of the truth alone.
    searching = of_others(options.config)
    configs = {name: named(searching, name, options.queries) for name in options.searches}
    folder = options.run or Path("runs") / (
        f"searches-{dataset.info.name}-{victim.name}-k{options.config.num_pixels}"
    )

    def run(name: str, config: AttackConfig, only: frozenset[str] | None = None) -> tuple[Result, Path]:
        say(f"search {name}")
        one = dataclasses.replace(plain(options), config=config, run=folder / name)
        return run_campaign(_restricted(bind(one, victim, dataset), only)), folder / name

    truth = None
    if options.truth is not None:
        place = Path(options.truth)
        if not place.exists():
            _, place = run(f"exhaustive-{options.truth}", _every_candidate(options))
        truth = _read_truth(place, victim, options)
    only = frozenset(truth.flipped) if truth is not None and options.flippable else None
    done = {name: run(name, config, only) for name, config in configs.items()}
    searches = {name: result.records for name, (result, _) in done.items()}
    truth = widened(truth, searches) if truth else union_of(searches)
    budgets = (*(one for one in BUDGETS if one < options.queries), options.queries)
    for name, (result, place) in done.items():
        yield _row(name, result, place, truth, budgets)


def _restricted(campaign: Campaign, only: frozenset[str] | None) -> Campaign:
    """The same attack on some images alone; in a folder it is another attack."""
    if only is None:
        return campaign
    choice = dataclasses.replace(campaign.choice, per_class=None, only=only)
    return dataclasses.replace(campaign, choice=choice, identity={**campaign.identity, "only": sorted(only)})


def _check(options: SearchesOptions) -> None:
    config, usual = options.config, AttackConfig()
    for key in ("search", "algorithm", "preset", "generations", "values", "mask"):
        if getattr(config, key) != getattr(usual, key):
            raise InputError(
                f"bench searches takes no {key}: --searches names what is compared, --queries how long"
            )
    if options.flippable and options.truth is None:
        raise InputError("--flippable asks which images can be flipped: it needs --truth")
    if len(set(options.searches)) != len(options.searches) or not options.searches:
        raise InputError(f"expected distinct searches, got {', '.join(options.searches) or 'none'}")


def _every_candidate(options: SearchesOptions) -> AttackConfig:
    """The exhaustive search of the values that `--truth` names."""
    every = dataclasses.replace(
        options.config, search="exhaustive", fitness=options.config.fitness or "margin"
    )
    try:
        return dataclasses.replace(every, values=options.truth)
    except ValueError:
        raise InputError(
            "--truth: expected the run folder of an exhaustive search, or corners, all, or a number of levels from "
            f"2 to 256, got {options.truth!r}"
        ) from None


def _read_truth(folder: Path, victim: Victim, options: SearchesOptions) -> Truth:
    records: list[Record] = list(each_record(folder))
    settings = read_toml(folder / "config.toml").get("attack", {})
    for record in records:
        target = None if record.target is None else victim.space.vector(record.target).tolist()
        wanted = None if options.config.target is None else victim.space.parse(options.config.target).tolist()
        if (record.victim_id, record.num_pixels, target) != (
            victim.victim_id,
            options.config.num_pixels,
            wanted,
        ):
            raise InputError(
                f"{folder} is the truth of another attack: victim {record.victim_id}, {record.num_pixels} pixel(s), "
                f"target {record.target}; asked: victim {victim.victim_id}, {options.config.num_pixels} pixel(s), "
                f"target {options.config.target}"
            )
    is_whole = settings.get("values") == "all" and "mask" not in settings and options.config.num_pixels == 1
    return truth_of(records, is_whole=is_whole)


def _row(name: str, result: Result, folder: Path, truth: Truth, budgets: tuple[int, ...]) -> SearchRow:
    first = result.records[0]
    return SearchRow(
        **attacked(first),
        search=name,
        seed=first.seed,
        truth=truth.says,
        recall=recall_of(truth, result.records, budgets),
        candidates=sum(record.queries for record in result.records),
        seconds=result.seconds,
        folder=str(folder),
    )
