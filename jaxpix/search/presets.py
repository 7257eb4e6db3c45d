"""Published settings of the search, by name, and how a configuration becomes one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..config import AttackConfig, Fitness, Preset, SearchName
from ..errors import InputError
from .exhaustive.grid import CORNERS
from .strategies.algorithms import Algorithm, AlgorithmSearch, check_algorithm
from .strategies.evolution import EvolutionSearch, Evolver
from .strategies.shortlist import Shortlist
from .strategies.sparse_rs import SparseRS
from .strategies.strategy import Search
from .strategies.uniform import UniformDraws

if TYPE_CHECKING:
    from ..labels import LabelSpace

# A preset may also say "search": the search that it names the settings of.
PRESETS: dict[Preset, dict[str, Any]] = {
    # Tsai et al. 2023, 3.2 and 4.1; uniform start and clipping where the paper is silent.
    "tsai2023": {
        "population": 100,
        "differential_weight": 0.5,
        "crossover_rate": 1.0,
        "strategy": "rand1",
        "initialisation": "uniform",
        "bounds": "clip",
        "stop_fraction": 0.01,
    },
    # Su, Vargas, Sakurai 2019: 400 candidates, intensities from N(128, 127).
    "su2019": {
        "population": 400,
        "differential_weight": 0.5,
        "crossover_rate": 1.0,
        "strategy": "rand1",
        "initialisation": "gaussian",
        "bounds": "clip",
        "stop_fraction": 0.0,
    },
    # What the common libraries run: SciPy's best1bin with dither and without crossover, redrawing what
    # leaves the box. SciPy updates its population member by member; here a generation is synchronous.
    "scipy": {
        "population": 400,
        "differential_weight": (0.5, 1.0),
        "crossover_rate": 1.0,
        "strategy": "best1",
        "initialisation": "uniform",
        "bounds": "redraw",
        "stop_fraction": 0.0,
    },
    # What found the most, and soonest, where it was known what there is (docs/bench.md); it needs the gradient.
    "best": {"search": "shortlist", "population": 100, "stop_fraction": 0.0},
}


# Of the searches that are no evolution: as many candidates as the paper has, and the first hit is enough.
_OTHERS: dict[str, Any] = {"population": 100, "stop_fraction": 0.0}
# Searches that compare margins by their nature, which confidences that are saturated no longer tell apart.
_OF_MARGINS = ("shortlist", "sparse_rs")
_EVOLVING = ("evolution", "exhaustive")
_OF_EVOLUTION = ("differential_weight", "crossover_rate", "strategy", "initialisation", "bounds")


def search_of(config: AttackConfig) -> Search:
    """The search that a configuration means: its own values, else its preset's or its search's.

    Raises:
        InputError: more queries an experiment than 32 bits can count, or settings of another search.
    """
    name = search_name(config)
    values = {
        key: default if getattr(config, key) is None else getattr(config, key)
        for key, default in _brought(config).items()
        if key != "search"
    }
    queries = values["population"] * (config.generations + 1)
    if queries >= 2**31:
        raise InputError(
            f"population x (generations + 1) is {queries:,} queries an experiment; fewer than {2**31:,} are allowed"
        )
    if config.algorithm is not None:
        _refuse(config, f"algorithm {config.algorithm}", but=("bounds",))
        check_algorithm(config.algorithm)
        return AlgorithmSearch(
            Algorithm, generations=config.generations, algorithm=config.algorithm, **values
        )
    if name in _EVOLVING:
        weight = values["differential_weight"]
        low, high = weight if isinstance(weight, tuple) else (weight, weight)
        values["differential_weight"] = (low, high)
        return EvolutionSearch(Evolver, generations=config.generations, **values)
    _refuse(config, f"search {name}")
    if name == "sparse_rs":
        # One candidate a generation: as many generations as others have candidates.
        return Search(SparseRS, 1, queries - 1, values["stop_fraction"])
    kind = UniformDraws if name == "random" else Shortlist
    return Search(kind, generations=config.generations, **values)


def _brought(config: AttackConfig) -> dict[str, Any]:
    """What a configuration need not say."""
    if config.algorithm is not None:
        return {**_OTHERS, "bounds": "clip"}
    name = search_name(config)
    # An exhaustive search has candidates of its own.
    if name in _EVOLVING:
        return PRESETS[config.preset]
    return {**_OTHERS, **(PRESETS[config.preset] if config.search == "evolution" else {})}


def _refuse(config: AttackConfig, what: str, but: tuple[str, ...] = ()) -> None:
    """Refuse settings that only differential evolution has."""
    given = [key for key in _OF_EVOLUTION if key not in but and getattr(config, key) is not None]
    is_named = config.search != "evolution" or config.algorithm is not None
    given += ["preset"] * (is_named and config.preset != AttackConfig().preset)
    given += ["search"] * (config.algorithm is not None and config.search != "evolution")
    if given:
        others = "".join(f"{name}, " for name in but)
        raise InputError(
            f"{what} goes with no {given[0]} (got {getattr(config, given[0])!r}): it is a setting of differential "
            f"evolution; allowed: {others}population, generations, stop_fraction, fitness, target, precision, seed"
        )


def search_name(config: AttackConfig) -> SearchName:
    """The search that a configuration means: its own, else its preset's, else the evolution."""
    named: SearchName = PRESETS[config.preset].get("search", "evolution")
    return named if config.search == "evolution" else config.search


def settings_name(config: AttackConfig) -> str:
    """What names a configuration's search, as records say it: an algorithm, a preset, or another search.

    A preset that names another search is called that: it may name another one some day, and the record stays true.
    """
    if config.algorithm is not None:
        return config.algorithm
    if config.search == "exhaustive":
        return f"exhaustive, {config.values or CORNERS}"
    name = search_name(config)
    return config.preset if name == "evolution" else name


def fitness_of(config: AttackConfig, space: LabelSpace) -> Fitness:
    """The fitness that a configuration means for a label space.

    Raises:
        InputError: `cosine` of a single output.
    """
    is_alone = len(space.class_names) == 1
    if config.fitness == "cosine" and is_alone:
        raise InputError(
            f"fitness cosine compares sets of labels; of a single output ({space.class_names[0]!r}) it is 1 or -1 "
            "whatever its confidence, and guides nothing; allowed: confidence, margin"
        )
    if config.fitness is not None:
        return config.fitness
    if search_name(config) in _OF_MARGINS:
        return "margin"
    return "cosine" if space.task == "multilabel" and not is_alone else "confidence"
