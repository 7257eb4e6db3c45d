"""A series: attacks that differ in classes, target and number of pixels, in nothing else."""

import dataclasses
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from ..config import AttackConfig
from ..labels import label_text
from ..metrics.transformations import Label, is_normal, knows_normal
from ..records.record import Record
from ..search.presets import PRESETS
from .cells import Aim, Cell, cells_of
from .printed import PrintedResults, printed_results, protocol
from .reading import AttackResult


@dataclasses.dataclass(frozen=True)
class Series:
    """Attacks on the same images and victim with the same fitness and search.

    Attributes:
        key: distinct among the series of a report; a safe file stem.
        attacks: at least one.
        settings: the search, resolved: the preset's choices and those that replaced them.
        cells: by aim, then by K; aims in the order of the classes, untargeted first.
    """

    key: str
    attacks: tuple[AttackResult, ...]
    settings: Mapping[str, Any]
    cells: Mapping[Aim, Mapping[int, Cell]]

    @property
    def first(self) -> Record:
        """Some record: classes, task, fitness and preset are the same in all."""
        return self.attacks[0].records[0]

    @property
    def dataset(self) -> Mapping[str, Any]:
        """What `about.json` says of the data set."""
        return self.attacks[0].dataset

    @property
    def victim(self) -> Mapping[str, Any]:
        """What `about.json` says of the victim."""
        return self.attacks[0].victim

    @property
    def title(self) -> str:
        """Data set, victim, fitness, and what else is not the paper's choice."""
        unusual = [f"{name} {setting_text(value)}" for name, value in self.unusual_settings().items()]
        return ", ".join(
            [self.dataset["title"], self.victim["name"], f"fitness {self.first.fitness}", *unusual]
        )

    @property
    def printed(self) -> PrintedResults:
        """What the paper printed of this data set and architecture."""
        return printed_results(self.first.dataset, self.victim["architecture"])

    @property
    def num_pixels(self) -> list[int]:
        """Every K, ascending."""
        return sorted({count for cells in self.cells.values() for count in cells})

    @property
    def is_multilabel(self) -> bool:
        """Labels are sets."""
        return self.first.task == "multilabel"

    def unusual_settings(self) -> dict[str, Any]:
        """Preset, generations, search and seed where they are not what jaxpix.attack takes by itself."""
        usual = {**_settings("tsai2023", {}, 0), "preset": "tsai2023"}
        mine = {"preset": self.first.preset, **self.settings}
        if self.first.preset in PRESETS:
            usual |= PRESETS[self.first.preset]
        return {
            name: value
            for name, value in mine.items()
            if setting_text(usual.get(name)) != setting_text(value)
        }

    def is_normal(self, label: Label) -> bool | None:
        """Whether a label is no disease; None where nobody said which classes are."""
        return is_normal(label, self.first) if knows_normal([self.first]) else None

    @property
    def knows_normal(self) -> bool:
        """Somebody said which classes are no disease."""
        return knows_normal([self.first])

    def dangerous_aims(self) -> list[Aim]:
        """Aims with experiments that begin with a disease and may end in Normal.

        None where nobody said what is normal.
        """
        if not self.knows_normal:
            return []
        attacked = [aim for aim, cells in self.cells.items() if any(cell.records for cell in cells.values())]
        ill = [aim for aim in attacked if not is_normal(aim.before, self.first)]
        return [aim for aim in ill if aim.target is None or is_normal(aim.target, self.first)]

    def aim_name(self, aim: Aim) -> str:
        """A row's heading: the class, and what it should become if some attack of the series has a target."""
        name = label_text(aim.before)
        if aim.target is not None:
            return f"{name} to {label_text(aim.target)}"
        is_targeted = any(other.target is not None for other in self.cells)
        return f"{name} (untargeted)" if is_targeted else name

    def records(self, aims: Sequence[Aim], num_pixels: int) -> list[Record]:
        """All experiments of these aims with K pixels."""
        cell = self.cell(aims, num_pixels)
        return [] if cell is None else cell.records

    def cell(self, aims: Sequence[Aim], num_pixels: int) -> Cell | None:
        """The cells of these aims with K pixels as one; None where there is none."""
        there = [self.cells[aim][num_pixels] for aim in aims if num_pixels in self.cells[aim]]
        wanted = [cell.asked for cell in there if cell.asked is not None]
        # Together, classes are short of experiments if any of them is.
        asked = sum(wanted) if len(wanted) == len(there) else None
        return Cell([record for cell in there for record in cell.records], asked) if there else None

    def free_aims(self) -> list[Aim]:
        """Aims whose result is not prescribed: the untargeted ones.

        Of two classes the other one is the only result anyway, so targeted attacks stand in.
        """
        untargeted = [aim for aim in self.cells if aim.target is None]
        if not untargeted and not self.is_multilabel and len(self.first.class_names) == 2:
            return list(self.cells)
        return untargeted


def series_of(attacks: Sequence[AttackResult]) -> list[Series]:
    """Attacks grouped into series, in order of first appearance."""
    groups: dict[str, list[AttackResult]] = {}
    for attack in attacks:
        groups.setdefault(json.dumps(_identity(attack), sort_keys=True, default=list), []).append(attack)
    found: list[Series] = []
    taken: set[str] = set()
    for group in groups.values():
        key = _distinct(_stem(group[0]), taken)
        taken.add(key)
        found.append(Series(key, tuple(group), _settings_of(group[0]), cells_of(group)))
    return found


_SEARCH = ("generations", "precision", *PRESETS["tsai2023"])


def _settings(preset: str, options: Mapping[str, Any], seed: int) -> dict[str, Any]:
    """The search as it ran; what the options do not name is the preset's, or the default."""
    default = AttackConfig()
    values: dict[str, Any] = {"generations": default.generations, "precision": default.precision}
    values |= PRESETS.get(preset, {})  # type: ignore[call-overload]
    values |= {name: options[name] for name in _SEARCH if options.get(name) is not None}
    return {**values, "seed": seed}


def _settings_of(attack: AttackResult) -> dict[str, Any]:
    first = attack.records[0]
    return _settings(first.preset, attack.options, first.seed)


def _identity(attack: AttackResult) -> dict[str, Any]:
    first = attack.records[0]
    # Classes and channels follow from the others, unless somebody has made these folders up.
    of_images = ("name", "split", "subset", "image_size", "channels", "synthetic", "note")
    images = {name: attack.dataset[name] for name in of_images}
    images |= {"task": first.task, "class_names": first.class_names}
    search = {"fitness": first.fitness, "preset": first.preset, **_settings_of(attack)}
    return {**images, "victim": attack.victim["id"], **search}


def setting_text(value: Any) -> str:
    """A setting of the search for people; a pair of numbers is a range."""
    if isinstance(value, list | tuple):
        return "–".join(f"{part:g}" for part in value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def _stem(attack: AttackResult) -> str:
    first = attack.records[0]
    parts = [first.dataset, attack.victim["name"], first.fitness]
    if first.preset != protocol()["preset"]:
        parts.append(first.preset)
    return re.sub(r"[^A-Za-z0-9]+", "-", "-".join(parts)).strip("-").lower() or "series"


def _distinct(stem: str, taken: set[str]) -> str:
    key, number = stem, 1
    while key in taken:
        number += 1
        key = f"{stem}-{number}"
    return key
