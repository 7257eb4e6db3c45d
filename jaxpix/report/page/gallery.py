"""The gallery: which experiments the page shows, successes and failures apart."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ...metrics.failures import distance
from ...pictures.successes import in_turns
from ...records.record import Record
from ..runs.series import Series, short_names
from .cards import card_of

MOST_SHOWN = 1_500
"""Successes whose pictures are put into the page; more would make it slow to open."""

MOST_FAILURES = 200
"""Failures that the page tells of, the nearest misses first."""

_FEW, _SMALL = 300, 160


def gallery_of(
    all_series: Sequence[Series], most: int = MOST_SHOWN, most_failures: int = MOST_FAILURES
) -> dict[str, Any]:
    """All successes, or `most` of them, the classes of every attack in turn; and the nearest misses.

    Returns:
        `attacks`: what they have in common; `items` and `failures`: what `card_of` gives, `attack` is a position
        in `attacks`; `total` and `total_failures`: how many there are.
    """
    attacks: list[dict[str, Any]] = []
    queues: list[list[tuple[int, Path, Record]]] = []
    failures: list[tuple[int, Path, Record]] = []
    for series, name in zip(all_series, short_names(all_series), strict=True):
        for attack in series.attacks:
            number = len(attacks)
            queues.append([(number, attack.folder, record) for record in in_turns(attack.records)])
            failures += [(number, attack.folder, record) for record in attack.records if not record.success]
            attacks.append(
                {
                    "title": series.title,
                    "short": name,
                    "name": attack.name,
                    "mark": series.mark,
                    "num_pixels": attack.num_pixels,
                    "fitness": attack.records[0].fitness,
                    "classes": list(attack.records[0].class_names),
                }
            )
    longest = max(map(len, queues), default=0)
    turns = [queue[turn] for turn in range(longest) for queue in queues if turn < len(queue)][:most]
    # Many pictures are stored smaller, so that the page stays one that can be sent.
    side = 256 if len(turns) <= _FEW else _SMALL
    nearest = sorted(failures, key=lambda one: distance(one[2]))[:most_failures]
    return {
        "attacks": attacks,
        "items": [card_of(*one, side) for one in turns],
        "failures": [card_of(*one, _SMALL) for one in nearest],
        "total": sum(map(len, queues)),
        "total_failures": len(failures),
    }
