"""A series: attacks that differ in classes, target and number of pixels, in nothing else."""

from __future__ import annotations

import dataclasses
import functools
import json
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ...labels import LabelSpace
from ...metrics.rates import grouped
from ..paper.differences import SAME, Images, Setting, differences_of, resolve
from ..paper.printed import PrintedResults, printed_results, protocol
from .cells import Aim, Cell, Cells

if TYPE_CHECKING:
    from .reading import AttackResult


@dataclasses.dataclass(frozen=True)
class Series(Cells):
    """Attacks on the same images and victim with the same fitness and search.

    Attributes:
        key: distinct among the series of a report; a safe file stem.
        attacks: at least one.
        settings: the search, resolved: the preset's choices and those that replaced them.
    """

    key: str
    attacks: tuple[AttackResult, ...]
    settings: Mapping[str, Any]

    @property
    def dataset(self) -> Mapping[str, Any]:
        """What `about.json` says of the data set."""
        return self.attacks[0].dataset

    @property
    def victim(self) -> Mapping[str, Any]:
        """What `about.json` says of the victim."""
        return self.attacks[0].victim

    @property
    def printed(self) -> PrintedResults:
        """What the paper printed of this data set and architecture."""
        return _printed(self.attacks[0])

    @functools.cached_property
    def differences(self) -> list[Setting]:
        """Every setting beside the paper's."""
        return differences_of(
            self.dataset,
            self.victim,
            self.printed,
            [Images(one.name, one.asked, one.target is not None) for one in self.attacks],
            self.num_pixels,
            {"fitness": self.first.fitness, "preset": self.first.preset, **self.settings},
        )

    @property
    def images(self) -> tuple[Any, ...]:
        """What attacks on the same images have in common."""
        return tuple(self.dataset[name] for name in ("name", "split", "subset", "image_size", "note"))

    @property
    def title(self) -> str:
        """Data set, victim, fitness, and what else was chosen for the search."""
        return ", ".join(self.title_parts)

    @property
    def title_parts(self) -> list[str]:
        """What its title says, one by one."""
        chosen = [
            f"{one.name} {one.here}"
            for one in self.differences
            if one.name == "fitness" or (one.is_search and one.is_chosen)
        ]
        return [self.dataset["title"], self.victim["name"], *chosen]

    @property
    def is_synthetic(self) -> bool:
        """Its images were drawn by jaxpix."""
        return any(
            attack.dataset["synthetic"] or any(record.synthetic for record in attack.records)
            for attack in self.attacks
        )

    @property
    def caution(self) -> str:
        """What stands beside every figure: synthetic images, and the note of whoever prepared the data; or ""."""
        parts = ["Synthetic images, drawn by jaxpix; no patient."] if self.is_synthetic else []
        note = str(self.dataset["note"] or "").strip().rstrip(".")
        return " ".join([*parts, *([f"{note[0].upper()}{note[1:]}."] if note else [])])

    @property
    def doubts(self) -> list[str]:
        """Sentences on a victim that knows no more than chance does; each once."""
        doubts = dict.fromkeys(doubt for attack in self.attacks for doubt in attack.doubts)
        return [f"{doubt[0].upper()}{doubt[1:]}." for doubt in doubts]

    @property
    def conditions(self) -> list[str]:
        """Sentences on the victim's worth, synthetic images, the data's note and unfinished attacks."""
        title, note = self.dataset["title"], self.dataset["note"]
        found = self.doubts
        if self.is_synthetic:
            found.append(f"{title}: synthetic images, drawn by jaxpix; they say nothing about patients.")
        if note:
            found.append(f"{title}: {note}".rstrip(".") + ".")
        return found + self.unfinished

    @property
    def unfinished(self) -> list[str]:
        """Sentences on attacks that are not at their end."""
        return [
            f"Unfinished: {len(attack.records):,} of {attack.num_experiments:,} experiments ({attack.name})."
            for attack in self.attacks
            if not attack.is_finished
        ]

    @property
    def caveats(self) -> list[str]:
        """Sentences without which no number should be quoted: the conditions, and deviations from the paper."""
        return self.conditions + self.deviations

    @property
    def deviations(self) -> list[str]:
        """One sentence on all that was chosen otherwise than in the paper, or none."""
        # Another seed repeats an attack.
        deviations = [
            f"{one.name} {one.here} (paper: {one.paper})"
            for one in self.differences
            if one.is_chosen and one.verdict != SAME and one.name != "seed"
        ]
        return [f"Not the paper's protocol: {'; '.join(deviations)}."] if deviations else []

    @property
    def mark(self) -> str:
        """What stands on every picture; `caution` says the rest."""
        return " · ".join(["synthetic"] * self.is_synthetic + ["see note"] * bool(self.dataset["note"]))


def short_names(all_series: Sequence[Series]) -> list[str]:
    """What tells each series from the others: its title without what all titles say."""
    parts = [series.title_parts for series in all_series]
    # The data set, or else the victim, where that is enough.
    for column in ([own[place] for own in parts] for place in range(2)):
        if len(set(column)) == len(parts):
            return column
    shared = set(parts[0]).intersection(*parts[1:]) if len(parts) > 1 else set()
    names = [", ".join(part for part in own if part not in shared) for own in parts]
    return [name or series.key for name, series in zip(names, all_series, strict=True)]


def series_of(attacks: Sequence[AttackResult]) -> list[Series]:
    """Attacks grouped into series, in order of first appearance."""
    groups = grouped(attacks, lambda one: json.dumps(_identity(one), sort_keys=True, default=list))
    found: list[Series] = []
    taken: set[str] = set()
    for group in groups.values():
        key = _distinct(_stem(group[0]), taken)
        taken.add(key)
        found.append(Series(_cells_of(group), key, tuple(group), _settings_of(group[0])))
    return found


def _printed(attack: AttackResult) -> PrintedResults:
    return printed_results(attack.records[0].dataset, attack.victim["architecture"])


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


def _cells_of(attacks: Sequence[AttackResult]) -> dict[Aim, dict[int, Cell]]:
    """Experiments by aim, then by K; aims in the order of the classes, untargeted first."""
    cells: dict[Aim, dict[int, Cell]] = {}
    printed, first = _printed(attacks[0]).success, attacks[0].records[0]
    for attack in attacks:
        num_pixels, target = attack.num_pixels, attack.target
        groups: dict[tuple[str, ...], Cell] = {
            label: Cell([], attack.asked, printed.get((label, target, num_pixels)))
            for label in [*_wanted(attack), *(tuple(record.label_before) for record in attack.records)]
        }
        for record in attack.records:
            groups[tuple(record.label_before)].records.append(record)
        for label, cell in groups.items():
            row = cells.setdefault(Aim(label, target), {})
            row[num_pixels] = _merged(row.get(num_pixels), cell)

    def order(aim: Aim) -> tuple[Any, ...]:
        # Label sets stay in the order of the selection, commonest first.
        place = first.class_names.index(aim.before[0]) if first.task == "multiclass" else 0
        return (place, aim.target is not None, aim.target or ())

    return {aim: cells[aim] for aim in sorted(cells, key=order)}


def _wanted(attack: AttackResult) -> list[tuple[str, ...]]:
    """Labels that were to be attacked, so that one without any eligible image is seen to have none."""
    first = attack.records[0]
    space = LabelSpace(first.task, tuple(first.class_names))
    labels = [space.names(space.parse(str(text))) for text in attack.options.get("classes", ())]
    if not labels and first.task == "multiclass" and attack.asked is not None:
        labels = [(name,) for name in first.class_names]
    return [label for label in labels if label != attack.target]


def _merged(old: Cell | None, new: Cell) -> Cell:
    """Both cells; an image that both attacked counts once."""
    if old is None:
        return new
    known = {record.image_id for record in old.records}
    added = [record for record in new.records if record.image_id not in known]
    asked = None if old.asked is None or new.asked is None else max(old.asked, new.asked)
    return Cell(old.records + added, asked, new.printed)
