"""Study files: data, victim and attacks in one TOML, checked as a whole before anything is computed.

[data]              dataset, split, image_size, data_dir
[train]             the recipe of the victim (`TrainConfig`); not needed where a trained one is named
[attack]            what all attacks share (`AttackOptions`)
[study]             title, num_pixels = [1, 2, 3], victim = a trained one, instead of training
[[study.attacks]]   name, and whatever differs from [attack]; each is run with every K of num_pixels
"""

import copy
import dataclasses
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import tomli_w
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from ..attack.options import AttackOptions
from ..config import Count, TrainConfig
from ..data.prepared import PreparedDataset
from ..errors import InputError, shown
from ..search.genome import Box
from ..search.presets import fitness_of
from ..storage.settings import build, parse_toml, read_toml

_TABLES = ("data", "train", "attack", "study")
_DECIDED_ELSEWHERE = {
    **dict.fromkeys(("dataset", "split", "image_size", "data_dir"), "it belongs into [data]"),
    "num_pixels": "a study has num_pixels = [1, 2, …] in [study]",
    "victim": "a study has victim in [study], or --victim",
    "run": "a study names the run folders itself; --run says where",
}
_STRICT = ConfigDict(extra="forbid")


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class StudyData:
    """`[data]`: which prepared data set is attacked and, if there is no victim yet, trained on."""

    dataset: str
    split: str | None = None
    image_size: int | None = None
    data_dir: Path = Path("data")


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class _StudyTable:
    title: str
    num_pixels: Annotated[tuple[Count, ...], Field(min_length=1)] = (1,)
    victim: Path | None = None
    attacks: Annotated[tuple[dict[str, Any], ...], Field(min_length=1)]


@dataclasses.dataclass(frozen=True)
class PlannedAttack:
    """One attack of a study with one K; victim and places are left to whoever carries it out."""

    name: str
    options: AttackOptions

    @property
    def folder_name(self) -> str:
        """Its run folder in that of the study."""
        return f"{self.name}-k{self.options.config.num_pixels}"


@dataclasses.dataclass(frozen=True)
class Study:
    """A study file, checked.

    Attributes:
        path: the file.
        title: for people.
        data: what is attacked.
        train: the victim's recipe, if it is trained here.
        victim: a trained one to attack instead.
        attacks: in the order of the file, each with every K in turn.
        content: the file's tables with all overrides, JSON-able.
    """

    path: Path
    title: str
    data: StudyData
    train: TrainConfig
    victim: Path | None
    attacks: tuple[PlannedAttack, ...]
    content: Mapping[str, Any]

    def victim_folder(self, folder: Path) -> Path:
        """Where the victim is, of a study whose run folder is `folder`: trained there, unless one is named."""
        return self.victim or folder / "victim"

    def to_toml(self) -> str:
        """The study as a file that `read_study` reads back, overrides included."""
        return tomli_w.dumps(self.content)


def read_study(
    path: Path, overrides: Sequence[str] = (), *, data_dir: Path | None = None, victim: Path | None = None
) -> Study:
    """Read and check a study file.

    Args:
        path: the TOML file.
        overrides: `table.key=value` each, the value as TOML or a bare word; one for `attack` is for all attacks.
        data_dir, victim: replace the file's.

    Raises:
        InputError: an unknown key or table, a wrong value, or an override that is none; names file and key.
    """
    content = _overridden(_tables(path), overrides)
    if data_dir is not None:
        content["data"]["data_dir"] = str(data_dir)
    if victim is not None:
        content["study"]["victim"] = str(victim)
    table = build(_StudyTable, content["study"], f"{path}: study.")
    if table.victim is None and "train" not in content:
        raise InputError(
            f"{path}: nobody to attack: name a trained victim by --victim, or give the file a table [train] "
            "(an empty one is the paper's recipe)"
        )
    return Study(
        path=path,
        title=table.title,
        data=build(StudyData, content["data"], f"{path}: data."),
        train=build(TrainConfig, content.get("train", {}), f"{path}: train."),
        victim=table.victim,
        attacks=_planned(path, content["attack"], table),
        content=content,
    )


def _tables(path: Path) -> dict[str, Any]:
    content = read_toml(path)
    if "study" not in content:
        raise InputError(f"{path} is no study: expected a table [study] with title and [[study.attacks]]")
    given = {name: content[name] for name in _TABLES if name in content}
    return {"data": {}, "attack": {}, **given}


def _overridden(tables: dict[str, Any], overrides: Sequence[str]) -> dict[str, Any]:
    tables = copy.deepcopy(tables)
    for text in overrides:
        place, sign, value = text.partition("=")
        name, _, key = place.strip().partition(".")
        if not sign or not key or name not in _TABLES or place.strip() == "study.attacks":
            raise InputError(
                f"--set {shown(text)}: expected TABLE.KEY=VALUE such as train.epochs=5, "
                f"where TABLE is one of {', '.join(_TABLES)}; [[study.attacks]] are changed in the file"
            )
        tables.setdefault(name, {})[key] = _value(value.strip())
        entries = tables["study"].get("attacks", [])
        if name == "attack" and isinstance(entries, list):
            for entry in entries:
                if isinstance(entry, dict):
                    entry.pop(key, None)
    return tables


def _value(text: str) -> Any:
    try:
        content = parse_toml(f"value = {text}", "--set")
    except InputError:
        return text
    return content["value"] if content.keys() == {"value"} else text


def _planned(path: Path, shared: Mapping[str, Any], table: _StudyTable) -> tuple[PlannedAttack, ...]:
    # By themselves first, so that a wrong key is reported where it stands.
    _options(shared, f"{path}: attack.")
    planned: dict[str, PlannedAttack] = {}
    for number, entry in enumerate(table.attacks):
        where = f"{path}: study.attacks[{number}]."
        own = dict(entry)
        name = own.pop("name", None)
        if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}", name):
            raise InputError(f"{where}name: expected letters, digits, '-' and '_', got {shown(str(name))!r}")
        _options(own, where)
        for num_pixels in table.num_pixels:
            options = build(AttackOptions, {**shared, **own, "num_pixels": num_pixels}, where)
            attack = PlannedAttack(name, options)
            if attack.folder_name in planned:
                raise InputError(f"{where}name: {name!r} with K = {num_pixels} is there twice")
            planned[attack.folder_name] = attack
    return tuple(planned.values())


def _options(values: Mapping[str, Any], where: str) -> None:
    for key, reason in _DECIDED_ELSEWHERE.items():
        if key in values:
            raise InputError(f"{where}{key}: {reason}")
    build(AttackOptions, values, where)


def check_attacks(study: Study, dataset: PreparedDataset) -> None:
    """Refuse attacks that this data set cannot have, before hours are spent on a victim.

    Raises:
        InputError: an unknown class or part of the data, a fitness that its labels cannot have, or more pixels than
            an image has; names the attack.
    """
    info = dataset.info
    space = info.space
    shape = (dataset.image_size, dataset.image_size, info.channels or 3)
    for attack in study.attacks:
        options = attack.options
        target = options.config.target
        try:
            for text in (*options.classes, *([] if target is None else [target])):
                space.parse(text)
            fitness_of(options.config, space)
            dataset.source(options.subset)
            Box(shape, options.config.num_pixels)
        except InputError as error:
            raise InputError(f"{study.path}: attack {attack.name!r}: {error}") from None
