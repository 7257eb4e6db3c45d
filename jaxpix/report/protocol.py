"""What was done beside what the paper did, and where the two differ."""

from collections.abc import Callable, Sequence
from typing import Any

from ..config import AttackConfig
from ..search.evolution import Search
from ..search.presets import search_of
from ..storage.settings import build, field_names
from .printed import PrintedResults, printed_results
from .reading import AttackResult
from .series import Series
from .tables import Table
from .wording import attack_name

_SAME, _DIFFERENT, _OPEN, _UNKNOWN = "as in the paper", "differs", "the paper does not say", "unknown"

_Said = tuple[str, bool | str]
"""What was done, and whether the paper did the same, or why nobody can tell."""


def protocol_of(series: Series) -> Table:
    """One series's protocol beside the paper's, setting by setting (3.1 to 4.4, 5)."""
    names = [attack_name(attack) for attack in series.attacks]
    rows = [
        (name, paper, *_told(names, [said(attack) for attack in series.attacks]))
        for name, paper, said in _settings(series)
    ]
    note = series.attacks[0].dataset["note"]
    notes = [f"Note on the data: {note}"] if note else []
    for attack, name in zip(series.attacks, names, strict=True):
        if not attack.is_finished:
            notes.append(
                f"Unfinished: {len(attack.records):,} of {attack.num_experiments:,} experiments of "
                f"the attack with {name} have been run."
            )
    return Table(
        key=f"protocol-{series.key}",
        title=f"Protocol beside the paper's: {series.title}",
        source="sections 3.1 to 4.4 and 5",
        columns=("setting", "paper", "here", "compared"),
        rows=tuple(rows),
        notes=tuple(notes),
    )


def _told(names: Sequence[str], all_said: Sequence[_Said]) -> list[str]:
    """What the attacks did, once where they agree, and the verdict on all of them."""
    texts = [text for text, _ in all_said]
    if len(set(texts)) == 1:
        here = texts[0]
    else:
        here = "; ".join(f"{name}: {text}" for name, text in zip(names, texts, strict=True))
    verdicts = list(dict.fromkeys(verdict for _, verdict in all_said))
    if False in verdicts:
        return [here, _DIFFERENT]
    return [here, _SAME if verdicts == [True] else str(next(one for one in verdicts if one is not True))]


def _settings(series: Series) -> list[tuple[str, str, Callable[[AttackResult], _Said]]]:
    about = series.attacks[0].dataset
    multilabel = about["task"] == "multilabel"
    fitness = "cosine" if multilabel else "confidence"
    label = "label set" if multilabel else "class"
    return [
        ("data", "Derma, Pneumonia, OCT, COVID, Chest", _data),
        ("split", "8:2; COVID and Chest by their official lists", _split),
        ("image size", "224 px", lambda one: _number(one.dataset["image_size"], 224, " px")),
        ("victim", "ResNet50 or DenseNet121, pretrained on ImageNet", _victim),
        (
            "training",
            "SGD, learning rate 0.001, momentum 0.9, batch 64, at most 100 epochs, stop at 95 % accuracy",
            _training,
        ),
        (f"images per {label}", "100, correctly classified; all of COVID-19 to normal", _images),
        (
            "pixels",
            "1 on Derma and Chest, 1, 2 and 3 elsewhere",
            lambda one: (str(one.num_pixels), one.num_pixels <= 3),
        ),
        ("fitness", fitness, lambda one: (one.records[0].fitness, one.records[0].fitness == fitness)),
        ("population", "100", lambda one: _number(_search(one).population, 100)),
        ("mutation", "random base, F = 0.5, no crossover", _mutation),
        ("first population", "at random", lambda one: (_search(one).initialisation, _OPEN)),
        ("outside the box", "not stated", lambda one: (_search(one).bounds, _OPEN)),
        ("most generations", "100", lambda one: _number(_search(one).generations, 100)),
        ("early stop", "more than 1 % of a generation adversarial (4.1)", _stop),
        ("verification", "not stated", lambda _: ("saved as 8-bit PNG, read back, judged in float32", _OPEN)),
    ]


def _data(attack: AttackResult) -> _Said:
    about = attack.dataset
    text = f"{about['title']}, part '{about['subset']}'"
    synthetic = about["synthetic"]
    same = bool(_printed(attack).split and not synthetic and not about["note"] and about["subset"] == "test")
    parts = [text, *(["synthetic"] if synthetic else []), *([about["note"]] if about["note"] else [])]
    return "; ".join(parts), same


def _split(attack: AttackResult) -> _Said:
    split = attack.dataset["split"]
    return split, split == _printed(attack).split


def _number(value: float, paper: float, unit: str = "") -> _Said:
    return f"{value:,}{unit}", value == paper


def _victim(attack: AttackResult) -> _Said:
    training = attack.victim["provenance"].get("training", {})
    architecture = attack.victim["architecture"] or "a function of its user's"
    start = training.get("init") or "random weights" if training else "weights of unknown origin"
    same = architecture in ("resnet50", "densenet121") and start == "imagenet"
    return f"{architecture}, from {start}", same if training else _UNKNOWN


def _training(attack: AttackResult) -> _Said:
    training = attack.victim["provenance"].get("training")
    if not training:
        return "unknown", _UNKNOWN
    paper = {
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
    others = {
        name: training[name] for name, value in paper.items() if name in training and training[name] != value
    }
    if not others:
        return "the same", True
    return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in others.items()), False


def _images(attack: AttackResult) -> _Said:
    if attack.asked is None:
        # The paper attacks all test images where a disease of COVIDx is to become normal.
        as_printed = attack.dataset["name"] == "covid" and attack.target is not None
        return "all that are correctly classified", as_printed
    return f"{attack.asked:,}, correctly classified", attack.asked == 100


def _mutation(attack: AttackResult) -> _Said:
    search = _search(attack)
    low, high = search.differential_weight
    base = {"rand1": "random base", "best1": "best base"}[search.strategy]
    weight = f"F = {low:g}" if low == high else f"F drawn from {low:g} to {high:g}"
    crossover = "no crossover" if search.crossover_rate == 1 else f"crossover rate {search.crossover_rate:g}"
    same = (search.strategy, low, high, search.crossover_rate) == ("rand1", 0.5, 0.5, 1.0)
    return f"{base}, {weight}, {crossover}", same


def _stop(attack: AttackResult) -> _Said:
    fraction = _search(attack).stop_fraction
    text = f"more than {100 * fraction:g} % of a generation adversarial" if fraction else "first hit"
    return text, fraction == 0.01


def _printed(attack: AttackResult) -> PrintedResults:
    return printed_results(attack.dataset["name"], attack.victim["architecture"])


def _config(attack: AttackResult) -> AttackConfig:
    known = field_names(AttackConfig)
    values: dict[str, Any] = {name: value for name, value in attack.options.items() if name in known}
    return build(AttackConfig, values, f"{attack.folder}/config.toml: attack.")


def _search(attack: AttackResult) -> Search:
    return search_of(_config(attack))
