"""The successes as data for the page's gallery: labels, pixels and small pictures, JSON-able."""

import base64
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..labels import label_text
from ..metrics.transformations import is_normal, knows_normal
from ..pictures.successes import (
    in_turns,
    label_with_confidences,
    read_pair,
    surroundings,
    to_small_webp,
    value_text,
)
from ..records.record import PixelChange, Record
from .series import Series, attack_name

MOST_SHOWN = 1_500
"""Successes whose pictures are put into the page; more would make it slow to open."""


def gallery_of(all_series: Sequence[Series], most: int = MOST_SHOWN) -> dict[str, Any]:
    """All successes, or `most` of them, the classes of every attack in turn.

    Returns:
        `attacks`: what they have in common; `items`: one each, `attack` is a position in `attacks`; `total`: how
        many successes there are. Pictures are WebP in base64: of the original, and of each pixel's surroundings in
        it; the page paints the changed pixels over them. `image` is None where the file is missing.
    """
    attacks: list[dict[str, Any]] = []
    queues: list[list[tuple[int, Path, Record]]] = []
    for series in all_series:
        for attack in series.attacks:
            queues.append([(len(attacks), attack.folder, record) for record in in_turns(attack.records)])
            attacks.append(
                {
                    "title": series.title,
                    "name": attack_name(attack),
                    "caution": series.caution,
                    "num_pixels": attack.num_pixels,
                    "classes": list(attack.records[0].class_names),
                }
            )
    longest = max(map(len, queues), default=0)
    turns = [queue[turn] for turn in range(longest) for queue in queues if turn < len(queue)]
    items = [_item(number, folder, record) for number, folder, record in turns[:most]]
    return {"attacks": attacks, "items": items, "total": len(turns)}


def _item(number: int, folder: Path, record: Record) -> dict[str, Any]:
    try:
        original, _ = read_pair(folder, record)
    except OSError:
        original = None
    return {
        "attack": number,
        "id": record.image_id,
        "before": label_text(record.label_before),
        "after": label_text(record.label_after),
        "before_text": label_with_confidences(record, record.label_before, record.confidences_before),
        "after_text": label_with_confidences(record, record.label_after, record.confidences_after),
        "confidence": _confidence(record),
        "direction": _direction(record),
        "confidences_before": [round(value, 4) for value in record.confidences_before],
        "confidences_after": [round(value, 4) for value in record.confidences_after],
        "pixels": [_pixel(change, original) for change in record.pixels],
        "image": None if original is None else _base64(to_small_webp(original)),
        "width": 0 if original is None else original.shape[1],
        "height": 0 if original is None else original.shape[0],
        "queries": record.queries,
        "first_hit": record.queries_to_first_hit,
        "generations": record.generations,
        "file": f"{folder.name}/{record.image_file}",
    }


def _confidence(record: Record) -> float | None:
    """Of the new label; of a set, its least sure class; a multi-label Normal has none."""
    reached = [record.confidences_after[record.class_names.index(name)] for name in record.label_after]
    return round(min(reached), 4) if reached else None


def _direction(record: Record) -> str:
    """The kind of change of a success, as the paper's Table 9 counts them."""
    if not knows_normal([record]):
        return "another class"
    kinds = {
        (False, True): "Disease → Normal",
        (True, False): "Normal → Disease",
        (False, False): "Disease → another disease",
        (True, True): "Normal → another normal class",
    }
    return kinds[is_normal(record.label_before, record), is_normal(record.label_after, record)]


def _pixel(change: PixelChange, original: np.ndarray | None) -> dict[str, Any]:
    pixel = {
        "x": change.x,
        "y": change.y,
        "before": value_text(change.before),
        "after": value_text(change.after),
        "colour": _colour(change.after),
        "crop": None,
    }
    if original is not None:
        around = surroundings(original, change)
        pixel |= {
            "crop": _base64(to_small_webp(around.image)),
            "left": change.x - around.x,
            "top": change.y - around.y,
            "side": around.image.shape[0],
        }
    return pixel


def _colour(channels: Sequence[int]) -> str:
    red, green, blue = channels if len(channels) == 3 else [channels[0]] * 3
    return f"rgb({red}, {green}, {blue})"


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")
