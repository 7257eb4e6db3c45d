"""A series: attacks that differ in classes, target and number of pixels, in nothing else."""

import dataclasses
import functools
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from ..labels import aim_text, label_text
from ..metrics.transformations import Label, is_normal, knows_normal
from ..records.record import Record
from .cells import Aim, Cell, cells_of
from .differences import Images, Setting, differences_of, resolve
from .printed import PrintedResults, printed_results, protocol
from .reading import AttackResult
from .tables import pixels_text


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
        """Data set, victim, fitness, and what else was chosen for the search."""
        chosen = [f"{one.name} {one.here}" for one in self.differences if one.is_search and one.is_chosen]
        names = [self.dataset["title"], self.victim["name"], f"fitness {self.first.fitness}"]
        return ", ".join([*names, *(text for text in chosen if text not in names)])

    @functools.cached_property
    def differences(self) -> list[Setting]:
        """Every setting beside the paper's."""
        return differences_of(
            self.dataset,
            self.victim,
            self.printed,
            [Images(attack_name(one), one.asked, one.target is not None) for one in self.attacks],
            self.num_pixels,
            {"fitness": self.first.fitness, "preset": self.first.preset, **self.settings},
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


def attack_name(attack: AttackResult) -> str:
    """An attack of a series: its pixels and its aim."""
    return f"{pixels_text(attack.num_pixels)}, {aim_text(attack.target)}"


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


def _settings_of(attack: AttackResult) -> dict[str, Any]:
    first = attack.records[0]
    return resolve(first.preset, attack.options, first.seed)


def _identity(attack: AttackResult) -> dict[str, Any]:
    first = attack.records[0]
    # Classes and channels follow from the others, unless somebody has made these folders up.
    of_images = ("name", "split", "subset", "image_size", "channels", "synthetic", "note")
    images = {name: attack.dataset[name] for name in of_images}
    images |= {"task": first.task, "class_names": first.class_names}
    search = {"fitness": first.fitness, "preset": first.preset, **_settings_of(attack)}
    return {**images, "victim": attack.victim["id"], **search}


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
