"""Figures of exhaustive searches: where any value is enough, how little is enough, and how far confidence falls."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ...labels import label_text
from ...metrics.rates import grouped
from ...pictures.fields import FieldMap, draw_fields
from ...pictures.successes import mean_original, read_original
from ..runs.sweeps import Swept, sweeps_of
from ..table import Chart, pixels_text

if TYPE_CHECKING:
    from ..runs.series import Series

_MOST_CLASSES, _EXAMPLES = 6, 3


def vulnerable_positions(series: Series, path: Path) -> Chart | None:
    """Of each class, in how many images each position is vulnerable."""
    classes = grouped(sweeps_of(series), lambda one: tuple(one.record.label_before))
    shown = {label: found for label, found in classes.items() if any(one.maps.num_flips for one in found)}
    maps, words = [], []
    for label, found in list(shown.items())[:_MOST_CLASSES]:
        share = np.mean([one.maps.flips > 0 for one in found], 0)
        mean = mean_original(found[0].attack.folder, [one.record for one in found])
        heading = f"{label_text(label)}\n{len(found):,} images"
        maps.append(FieldMap(heading, _backdrop(mean, share), np.where(share > 0, share, np.nan)))
        row, column = np.unravel_index(share.argmax(), share.shape)
        words.append(
            f"{label_text(label)}: {np.count_nonzero(share):,} of {share.size:,} positions are vulnerable in some of "
            f"{len(found):,} images; most often column {column}, row {row}, in {100 * share.max():.1f} %"
        )
    if not maps:
        return None
    most = max(float(np.nanmax(one.values)) for one in maps)
    title = "Where some value of one pixel is enough: share of the images, every candidate tried"
    if series.num_pixels != [1]:
        title = (
            "Where a pixel is enough, alone or in a set that needs it: share of the images, of what was tried"
        )
    drawing = draw_fields(
        path, f"{title}: {series.title}", "share of images", maps, (0, most), series.caution
    )
    return Chart(path, "Vulnerable positions", title, "; ".join(words), "", drawing, len(maps) > 1)


def smallest_changes(series: Series, path: Path) -> Chart | None:
    """Of the most vulnerable images, the least change of intensity that is enough, position by position."""
    pixels = pixels_text(max(series.num_pixels))
    title = f"The smallest change of {pixels} that is enough, in the most vulnerable images"

    def values(one: Swept) -> np.ndarray:
        change = one.maps.smallest_change
        return np.where(change > 0, change, np.nan)

    def words(one: Swept) -> str:
        enough = one.maps.smallest_change[one.maps.smallest_change > 0]
        return f"{one.maps.num_positions:,} positions, the smallest change {enough.min()} of 255"

    return _examples(series, path, "Smallest change", title, "change of intensity", (1, 255), values, words)


def lowest_confidences(series: Series, path: Path) -> Chart | None:
    """Of the same images, the confidence in the original label that the worst value of each position leaves."""
    if series.first.target is not None:
        return None
    title = "Confidence in the original label that the worst candidate of each position leaves"

    def values(one: Swept) -> np.ndarray:
        return np.where(np.isfinite(one.maps.lowest_confidence), one.maps.lowest_confidence, np.nan)

    def words(one: Swept) -> str:
        return f"lowest confidence {np.nanmin(values(one)):.3f}"

    return _examples(series, path, "Lowest confidence", title, "confidence", (0, 1), values, words)


def _examples(
    series: Series,
    path: Path,
    name: str,
    title: str,
    unit: str,
    limits: tuple[float, float],
    values: Callable[[Swept], np.ndarray],
    words: Callable[[Swept], str],
) -> Chart | None:
    ranked = sorted(sweeps_of(series), key=lambda one: -one.maps.num_positions)[:_EXAMPLES]
    shown = [one for one in ranked if one.maps.num_positions]
    if not shown:
        return None
    maps = []
    for one in shown:
        try:
            image = read_original(one.attack.folder, one.record)
        except OSError:
            image = None
        heading = f"{label_text(one.record.label_before)}\n{one.maps.num_positions:,} positions"
        maps.append(FieldMap(heading, _backdrop(image, one.maps.flips), values(one)))
    drawing = draw_fields(path, f"{title}: {series.title}", unit, maps, limits, series.caution)
    told: Sequence[str] = [f"{one.record.image_id}: {words(one)}" for one in shown]
    return Chart(path, name, title, "; ".join(told), "", drawing, len(maps) > 1)


def _backdrop(image: np.ndarray | None, like: np.ndarray) -> np.ndarray:
    """An image as grey [H, W]; nothing where it is not kept."""
    if image is None:
        return np.zeros(like.shape, np.uint8)
    return image.mean(-1).astype(np.uint8) if image.ndim == 3 else image
