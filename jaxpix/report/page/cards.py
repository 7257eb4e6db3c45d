"""One experiment as data for the page: labels, confidences, pixels and small pictures, JSON-able."""

import base64
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ...labels import label_text
from ...metrics.failures import certainty
from ...metrics.transformations import is_normal, knows_normal
from ...pictures.successes import (
    label_with_confidences,
    read_original,
    surroundings,
    to_small_webp,
    value_text,
)
from ...records.record import PixelChange, Record

_MOST_STEPS = 24

TO_NORMAL, FAILED = "Disease → Normal", "no other label"


def card_of(
    attack: int, folder: Path, record: Record, side: int = 256, exact_up_to: int = 64
) -> dict[str, Any]:
    """What the page shows of one experiment.

    Args:
        attack: its position among the page's attacks.
        folder: the run folder.
        side: the picture's longer side at most, in pixels.
        exact_up_to: pictures up to this size keep every bit.

    Returns:
        Pictures are WebP in base64, of the original and of each pixel's surroundings in it; the page paints the
        changed pixels over them. `image` is None where the file is missing.
    """
    try:
        original = read_original(folder, record)
    except OSError:
        original = None
    # Of a failure: what its own label is left with.
    after = record.label_after if record.success else record.label_before
    return {
        "attack": attack,
        "success": record.success,
        "id": record.image_id,
        "before": label_text(record.label_before),
        "after": label_text(record.label_after),
        "before_text": label_with_confidences(record, record.label_before, record.confidences_before),
        "after_text": "still " * (not record.success)
        + label_with_confidences(record, after, record.confidences_after),
        "direction": direction_of(record),
        **_confidences(record),
        "pixels": [_pixel(change, original) for change in record.pixels],
        "image": None if original is None else _base64(to_small_webp(original, side, exact_up_to)),
        "width": 0 if original is None else original.shape[1],
        "height": 0 if original is None else original.shape[0],
        "queries": record.queries,
        "first_hit": record.queries_to_first_hit,
        "generations": record.generations,
        "trajectory": _steps(record),
        "file": f"{folder.name}/{record.image_file}" if record.success else "",
    }


def _steps(record: Record) -> list[tuple[int, float]]:
    """Where the best fitness so far changed: generation and value; the first and the last always, few between."""
    best = [value for value in record.trajectory if math.isfinite(value)]
    if len(best) < 2:
        return []
    # Of very many generations only every second, third, … has its value.
    stride = max(1, -(-record.generations // (len(record.trajectory) - 1)))
    unknown = len(record.trajectory) - len(best)
    steps = [
        (min((unknown + place) * stride, record.generations), float(f"{value:.4g}"))
        for place, value in enumerate(best)
        if place in (0, len(best) - 1) or value < best[place - 1]
    ]
    every = -(-(len(steps) - 1) // (_MOST_STEPS - 1))
    return [*steps[: -1 : max(1, every)], steps[-1]]


def _confidences(record: Record) -> dict[str, Any]:
    """Before and after; `confidence` is that of the new label, of a set its least sure class; Normal has none."""
    reached = [record.confidences_after[record.class_names.index(name)] for name in record.label_after]
    return {
        "confidence": round(min(reached), 4) if reached else None,
        "sure_before": round(certainty(record, record.confidences_before), 4),
        "sure_after": round(certainty(record, record.confidences_after), 4),
        "confidences_before": [round(value, 4) for value in record.confidences_before],
        "confidences_after": [round(value, 4) for value in record.confidences_after],
    }


def direction_of(record: Record) -> str:
    """The kind of change of a success, as the paper's Table 9 counts them."""
    if not record.success:
        return FAILED
    if not knows_normal([record]):
        return "another class"
    kinds = {
        (False, True): TO_NORMAL,
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
