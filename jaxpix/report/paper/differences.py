"""How attacks differ from the paper's: setting, paper, here, verdict. Captions, notes and the protocol render it."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ...config import AttackConfig
from ...search.presets import PRESETS, search_of
from ...storage.settings import field_names
from .printed import PrintedResults, protocol

SAME, DIFFERENT, OPEN, UNKNOWN = "as in the paper", "differs", "the paper does not say", "unknown"

_SPLITS = {"paper": "8:2 by image", "official": "the official lists"}
_SEARCH = ("generations", "precision", *PRESETS["tsai2023"])
# What the paper says of settings whose value alone would say too little, and of those that it does not state.
_WORDS = {
    "strategy": "rand1, a random base",
    "crossover_rate": "1, no crossover",
    "stop_fraction": "more than 0.01 of a generation adversarial (4.1)",
}
_NOT_STATED = {
    "initialisation": "at random",
    "bounds": "not stated",
    "precision": "not stated",
    "seed": "not stated",
}
_TRAINING = {
    "learning_rate": 0.001,
    "momentum": 0.9,
    "batch_size": 64,
    "epochs": 100,
    "stop_accuracy": 0.95,
    "nesterov": False,
    "weight_decay": 0.0,
    "schedule": "constant",
    "warmup_epochs": 0.0,
    "class_weights": "none",
    "augment": False,
    "include_normal": False,
}


@dataclasses.dataclass(frozen=True)
class Setting:
    """One setting beside the paper's.

    Attributes:
        name: in words.
        paper, here: the paper's choice and the one that was made.
        verdict: SAME, DIFFERENT, OPEN or UNKNOWN.
        is_chosen: it must be named beside every number; what a preset brings along is named by the preset.
        is_search: it is of the search, not of data or victim.
    """

    name: str
    paper: str
    here: str
    verdict: str
    is_chosen: bool
    is_search: bool = False


class Images(NamedTuple):
    """How many images per label one attack wanted (None: all)."""

    attack: str
    asked: int | None
    is_targeted: bool


def resolve(preset: str, options: Mapping[str, Any], seed: int) -> dict[str, Any]:
    """The search as it ran; what the options do not name is the preset's, or the default.

    Args:
        preset: a preset of the evolution, or what else names a search in records.
        options: of the attack, as `options_of` checks them.
        seed: of the records.
    """
    if preset not in PRESETS:
        return {**_other_search(options), "seed": seed}
    default = AttackConfig()
    values: dict[str, Any] = {"generations": default.generations, "precision": default.precision}
    values |= PRESETS.get(preset, {})
    values |= {name: options[name] for name in _SEARCH if options.get(name) is not None}
    return {**values, "seed": seed}


def _other_search(options: Mapping[str, Any]) -> dict[str, Any]:
    """Settings of a search that is no differential evolution; none of its own where every candidate is tried."""
    # Not whatever else names a search in a record.
    names = field_names(AttackConfig) - ({"preset"} if options.get("preset") not in PRESETS else set())
    config = AttackConfig(**{name: value for name, value in options.items() if name in names})
    settings = {} if config.search == "exhaustive" else dataclasses.asdict(search_of(config))
    settings = {name: value for name, value in settings.items() if name not in ("kind", "algorithm")}
    return {**settings, "precision": config.precision}


def differences_of(
    dataset: Mapping[str, Any],
    victim: Mapping[str, Any],
    printed: PrintedResults,
    images: Sequence[Images],
    num_pixels: Sequence[int],
    search: Mapping[str, Any],
) -> list[Setting]:
    """Every setting of some attacks beside the paper's (3.1 to 4.4, 5).

    Args:
        dataset, victim: as `about.json` describes them.
        printed: what the paper printed of them.
        images: one entry for each attack.
        num_pixels: every K.
        search: `fitness`, `preset`, and what `resolve` gives.
    """
    return [
        *_of_data(dataset, printed),
        *_of_victim(victim, printed),
        _of_images(images, dataset),
        _row(
            "pixels",
            "1 on Derma and Chest, 1, 2 and 3 elsewhere",
            ", ".join(map(str, num_pixels)),
            max(num_pixels) <= 3,
            is_chosen=False,
        ),
        _of_fitness(search["fitness"], dataset, printed),
        *(_of_search(name, search) for name in search if name != "fitness"),
        Setting(
            "verification", "not stated", "saved as 8-bit PNG, read back, judged in float32", OPEN, False
        ),
    ]


def _row(name: str, paper: str, here: str, is_same: bool, is_chosen: bool = True) -> Setting:
    return Setting(name, paper, here, SAME if is_same else DIFFERENT, is_chosen and not is_same)


def _of_data(dataset: Mapping[str, Any], printed: PrintedResults) -> list[Setting]:
    synthetic, note = dataset["synthetic"], dataset["note"]
    parts = [f"{dataset['title']}, part '{dataset['subset']}'", *["synthetic"] * bool(synthetic)]
    is_same = bool(printed.split and not synthetic and not note and dataset["subset"] == "test")
    split, size = dataset["split"], protocol()["image_size"]
    lists = _SPLITS[printed.split] if printed.split else "8:2; COVID and Chest by their official lists"
    return [
        _row(
            "data",
            "Derma, Pneumonia, OCT, COVID, Chest",
            "; ".join([*parts, *([note] if note else [])]),
            is_same,
            is_chosen=False,
        ),
        _row("split", lists, split, split == printed.split, is_chosen=printed.split is not None),
        _row("image size", f"{size} px", f"{dataset['image_size']} px", dataset["image_size"] == size),
    ]


def _of_victim(victim: Mapping[str, Any], printed: PrintedResults) -> list[Setting]:
    architecture, training = victim["architecture"], victim["provenance"].get("training")
    theirs = printed.architectures or ("resnet50", "densenet121")
    rows = [
        _row(
            "architecture",
            (" and " if printed.architectures else " or ").join(theirs),
            architecture or "unknown",
            architecture in theirs,
            is_chosen=bool(printed.architectures),
        )
    ]
    start = ("initial weights", "imagenet")
    recipe = (
        "training",
        "SGD, learning rate 0.001, momentum 0.9, batch 64, at most 100 epochs, stop at 95 % accuracy",
    )
    if not training:
        return [*rows, *(Setting(*of, "unknown", UNKNOWN, False) for of in (start, recipe))]
    weights = training.get("init") or "random"
    others = [
        f"{name.replace('_', ' ')} {training[name]}"
        for name, value in _TRAINING.items()
        if name in training and training[name] != value
    ]
    return [
        *rows,
        _row(*start, weights, weights == "imagenet", is_chosen=False),
        _row(*recipe, ", ".join(others) or "the same", not others, is_chosen=False),
    ]


def _of_images(images: Sequence[Images], dataset: Mapping[str, Any]) -> Setting:
    asked = protocol()["per_class"]
    # The paper attacks all test images where a disease of COVIDx is to become normal.
    is_covid = dataset["name"] == "covid"
    attacks: dict[str, list[str]] = {}
    for one in images:
        attacks.setdefault("all" if one.asked is None else f"{one.asked:,}", []).append(one.attack)
    here = list(attacks)
    if len(here) > 1:
        here = [f"{number} ({' and '.join(names)})" for number, names in attacks.items()]
    return _row(
        f"images per {'label set' if dataset['task'] == 'multilabel' else 'class'}",
        f"{asked} classified correctly" + ", all of COVID-19 to normal" * is_covid,
        ", ".join(here),
        all(one.asked == asked or (one.asked is None and is_covid and one.is_targeted) for one in images),
    )


def _of_fitness(fitness: str, dataset: Mapping[str, Any], printed: PrintedResults) -> Setting:
    of_sets = dataset["task"] == "multilabel" and len(dataset["class_names"]) > 1
    paper = printed.fitness or ("cosine" if of_sets else "confidence")
    row = _row("fitness", paper, fitness, fitness == paper, is_chosen=printed.fitness is not None)
    return dataclasses.replace(row, is_search=True)


def _of_search(name: str, search: Mapping[str, Any]) -> Setting:
    usual = {**resolve("tsai2023", {}, 0), **protocol()}
    brought = {**usual, **PRESETS.get(search["preset"], {}), "preset": usual["preset"]}
    if name == "preset" and search[name] not in PRESETS:
        return Setting("search", "differential evolution", str(search[name]), DIFFERENT, True, is_search=True)
    here, theirs = setting_text(search[name]), setting_text(usual.get(name, "not stated"))
    paper, verdict = _WORDS.get(name, theirs), SAME if here == theirs else DIFFERENT
    if name in _NOT_STATED:
        paper, verdict = f"{_NOT_STATED[name]}; usual: {theirs}", OPEN
    is_chosen = here != setting_text(brought[name])
    return Setting(name.replace("_", " "), paper, here, verdict, is_chosen, is_search=True)


def setting_text(value: Any) -> str:
    """A setting of the search for people; a pair of numbers is a range."""
    if isinstance(value, list | tuple):
        return "–".join(f"{part:g}" for part in value)
    return f"{value:g}" if isinstance(value, float) else str(value)
