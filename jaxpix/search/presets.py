"""Published settings of the search, by name, and how a configuration becomes one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..config import AttackConfig, Fitness, Preset
from ..errors import InputError
from .exhaustive.grid import CORNERS
from .strategies.evolution import EvolutionSearch

if TYPE_CHECKING:
    from ..labels import LabelSpace
    from .strategies.strategy import Search

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
}


def search_of(config: AttackConfig) -> Search:
    """The search that a configuration means: its own values, else its preset's.

    Raises:
        InputError: more queries an experiment than 32 bits can count.
    """
    values = {
        name: default if getattr(config, name) is None else getattr(config, name)
        for name, default in PRESETS[config.preset].items()
    }
    queries = values["population"] * (config.generations + 1)
    if queries >= 2**31:
        raise InputError(
            f"population x (generations + 1) is {queries:,} queries an experiment; fewer than {2**31:,} are allowed"
        )
    weight = values.pop("differential_weight")
    low, high = weight if isinstance(weight, tuple) else (weight, weight)
    return EvolutionSearch(generations=config.generations, differential_weight=(low, high), **values)


def settings_name(config: AttackConfig) -> str:
    """What names the settings of a configuration's search, as records say it: the preset, or the other search."""
    if config.search == "exhaustive":
        return f"exhaustive, {config.values or CORNERS}"
    return config.preset


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
    of_sets = space.task == "multilabel" and not is_alone
    return config.fitness or ("cosine" if of_sets else "confidence")
