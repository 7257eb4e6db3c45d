"""Two attacks on the same images by the same search: two classifiers, or one before and after a change of it."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ...errors import InputError, shown
from ...labels import aim_text
from ...metrics.paired_rates import PairedRates, paired_rates
from ...metrics.transformations import Label, is_dangerous, is_normal, knows_normal
from ..paper.differences import resolve

if TYPE_CHECKING:
    from ...records.record import Record
    from ..runs.reading import AttackResult

_IMAGES = ("name", "split", "subset", "image_size", "channels", "note", "synthetic")


@dataclasses.dataclass(frozen=True)
class PairedRuns:
    """Two attacks, image by image.

    Attributes:
        first, second: the attacks; rates and differences are of the second against the first.
        success: any change that was aimed at, on the images that both attacked.
        dangerous: diseased images called normal, of the diseased ones; None where nothing could be.
        pairs: both records of each image that both attacked.
    """

    first: AttackResult
    second: AttackResult
    success: PairedRates
    dangerous: PairedRates | None
    pairs: Sequence[tuple[Record, Record]]

    @property
    def name(self) -> str:
        """`1 pixel, untargeted`."""
        return self.first.name

    @property
    def victims(self) -> str:
        """Who was attacked: `one and other`."""
        return f"{self.first.victim['name']} and {self.second.victim['name']}"

    @property
    def changed_sides(self) -> list[tuple[Record, Record]]:
        """Images on which exactly one of the two succeeded; those that one calls normal and are not come first."""
        changed = [(one, other) for one, other in self.pairs if one.success != other.success]
        return sorted(changed, key=lambda pair: not any(is_dangerous(record) for record in pair))

    @property
    def notes(self) -> list[str]:
        """Sentences without which the figures must not be quoted."""
        alone = [len(attack.records) - len(self.pairs) for attack in (self.first, self.second)]
        notes = [
            f"Compared on {len(self.pairs):,} images that both attacked; {alone[0]:,} were attacked only in the "
            f"first run and {alone[1]:,} only in the second. Only images that a classifier gets right untouched are "
            "attacked: the comparison says nothing about images that one of them gets wrong anyway."
        ]
        if self.first.data_fingerprint is None:
            notes.append(
                "The runs do not say which copy of the data was attacked: images are matched by name alone."
            )
        for attack in (self.first, self.second):
            if not attack.is_finished:
                notes.append(
                    f"Unfinished: {len(attack.records):,} of {attack.num_experiments:,} experiments "
                    f"({attack.folder.name})."
                )
        doubts = dict.fromkeys([*self.first.doubts, *self.second.doubts])
        return [*notes, *(f"{doubt[0].upper()}{doubt[1:]}." for doubt in doubts)]


def pair_runs(first: Sequence[AttackResult], second: Sequence[AttackResult]) -> list[PairedRuns]:
    """Attacks of two runs, or studies, matched by number of pixels and target.

    Raises:
        InputError: two attacks match that differ in more than the victim, or nothing matches, or images.
    """
    ours, theirs = _by_aim(first), _by_aim(second)
    if not ours.keys() & theirs.keys():
        raise InputError(
            f"nothing to compare: {_folder(first)} has {_told(ours)}, {_folder(second)} has {_told(theirs)}; "
            "expected attacks with the same number of pixels and the same target"
        )
    return [_paired(ours[aim], theirs[aim]) for aim in ours if aim in theirs]


def pairs_among(attacks: Sequence[AttackResult]) -> list[PairedRuns]:
    """Each attack against the first of another victim that attacked the same images in the same way."""
    firsts: dict[tuple[int, Label | None], list[AttackResult]] = {}
    found = []
    for attack in attacks:
        others = firsts.setdefault((attack.num_pixels, attack.target), [])
        paired = None
        for other in others:
            if other.victim["id"] == attack.victim["id"]:
                continue
            with contextlib.suppress(InputError):
                paired = _paired(other, attack)
                break
        if paired is None:
            others.append(attack)
        else:
            found.append(paired)
    return found


def _by_aim(attacks: Sequence[AttackResult]) -> dict[tuple[int, Label | None], AttackResult]:
    found: dict[tuple[int, Label | None], AttackResult] = {}
    for attack in attacks:
        other = found.setdefault((attack.num_pixels, attack.target), attack)
        if other is not attack:
            raise InputError(
                f"{other.folder} and {attack.folder} are both attacks with {attack.name}; name one of them"
            )
    return found


def _told(attacks: Mapping[tuple[int, Label | None], AttackResult]) -> str:
    return ", ".join(f"K = {num_pixels} {aim_text(target)}" for num_pixels, target in attacks)


def _folder(attacks: Sequence[AttackResult]) -> str:
    return str(attacks[0].folder if len(attacks) == 1 else attacks[0].folder.parent)


def _paired(first: AttackResult, second: AttackResult) -> PairedRuns:
    where = f"{first.folder} and {second.folder} cannot be compared"
    if first.folder.resolve() == second.folder.resolve():
        raise InputError(f"{where}: they are the same run")
    ours, theirs = _conditions(first), _conditions(second)
    differing = [name for name in {**ours, **theirs} if ours.get(name) != theirs.get(name)]
    if differing:
        what = "; ".join(
            f"{name}: {_value(ours.get(name))} and {_value(theirs.get(name))}" for name in differing
        )
        raise InputError(
            f"{where}: they differ in more than the victim ({what}); attack both in the same way"
        )
    by_image = {record.image_id: record for record in second.records}
    pairs = [(record, by_image[record.image_id]) for record in first.records if record.image_id in by_image]
    if not pairs:
        raise InputError(
            f"{where}: no image was attacked in both; choose the same images, or all of them (--all)"
        )
    for one, other in pairs:
        if one.label_before != other.label_before:
            raise InputError(
                f"{where}: {shown(one.image_id)} has the label {one.label_before} in one and {other.label_before} in "
                "the other; expected images with the same labels"
            )
    success = paired_rates([(one.success, other.success) for one, other in pairs])
    return PairedRuns(first, second, success, _dangerous(pairs), pairs)


def _value(value: Any) -> str:
    return shown(str(value))


def _conditions(attack: AttackResult) -> dict[str, Any]:
    """All that decides a result, but the victim."""
    record = attack.records[0]
    return {
        **{f"data set's {name}".replace("_", " "): attack.dataset[name] for name in _IMAGES},
        "data fingerprint": attack.data_fingerprint,
        "task": record.task,
        "classes": list(record.class_names),
        "normal classes": list(record.normal_classes),
        "fitness": record.fitness,
        "preset": record.preset,
        **{
            name.replace("_", " "): list(value) if isinstance(value, tuple) else value
            for name, value in resolve(record.preset, attack.options, record.seed).items()
        },
    }


def _dangerous(pairs: Sequence[tuple[Record, Record]]) -> PairedRates | None:
    first = pairs[0][0]
    target = first.target
    if not knows_normal([first]) or (target is not None and not is_normal(target, first)):
        return None
    ill = [pair for pair in pairs if not is_normal(pair[0].label_before, pair[0])]
    return paired_rates([(is_dangerous(one), is_dangerous(other)) for one, other in ill]) if ill else None
