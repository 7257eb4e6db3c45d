"""The cells of a series: experiments of one aim and one number of pixels."""

import dataclasses
from collections.abc import Sequence
from typing import Any

from ..labels import NORMAL
from ..metrics.transformations import Label
from ..records.record import Record
from .reading import AttackResult


@dataclasses.dataclass(frozen=True)
class Aim:
    """Images of one label, and the label that the attack should give them; None is any other."""

    before: Label
    target: Label | None


@dataclasses.dataclass(frozen=True)
class Cell:
    """Experiments of one aim and one number of pixels; `asked` of them were wanted (None: all there are)."""

    records: list[Record]
    asked: int | None


def cells_of(attacks: Sequence[AttackResult]) -> dict[Aim, dict[int, Cell]]:
    """Experiments by aim, then by K; aims in the order of the classes, untargeted first."""
    cells: dict[Aim, dict[int, Cell]] = {}
    for attack in attacks:
        groups: dict[Label, list[Record]] = {label: [] for label in _wanted(attack)}
        for record in attack.records:
            groups.setdefault(tuple(record.label_before), []).append(record)
        for label, records in groups.items():
            row = cells.setdefault(Aim(label, attack.target), {})
            row[attack.num_pixels] = _merged(row.get(attack.num_pixels), Cell(records, attack.asked))
    return dict(sorted(cells.items(), key=lambda item: _order(attacks[0].records[0], item[0])))


def _wanted(attack: AttackResult) -> list[Label]:
    """Labels that were to be attacked, so that one without any eligible image is seen to have none."""
    first = attack.records[0]
    texts = [str(text) for text in attack.options.get("classes", ())]
    if not texts and first.task == "multiclass" and attack.asked is not None:
        texts = list(first.class_names)
    labels = [tuple(part.strip() for part in text.split("|")) for text in texts]
    if first.task == "multilabel":
        labels = [
            () if label == (NORMAL,) else tuple(sorted(label, key=first.class_names.index))
            for label in labels
        ]
    return [label for label in labels if label != attack.target]


def _merged(old: Cell | None, new: Cell) -> Cell:
    """Both cells; an image that both attacked counts once."""
    if old is None:
        return new
    by_image = {record.image_id: record for record in old.records}
    for record in new.records:
        by_image.setdefault(record.image_id, record)
    asked = None if old.asked is None or new.asked is None else max(old.asked, new.asked)
    return Cell(list(by_image.values()), asked)


def _order(record: Record, aim: Aim) -> tuple[Any, ...]:
    # Label sets stay in the order of the selection, commonest first.
    place = record.class_names.index(aim.before[0]) if record.task == "multiclass" else 0
    return (place, aim.target is not None, aim.target or ())
