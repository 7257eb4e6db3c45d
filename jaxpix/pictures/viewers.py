"""Where the pictures of records are: with whoever attacked the images, or in a run folder."""

from __future__ import annotations

import base64
import html
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from ..errors import InputError
from ..records.maps import load_maps, maps_path
from ..records.shown import Viewer
from ..storage.png import encode_png
from .fields import FieldMap, draw_fields
from .successes import (
    circled,
    contact_sheet,
    enlarged,
    label_with_confidences,
    pair,
    read_original,
    read_pair,
    value_text,
)

if TYPE_CHECKING:
    from ..records.maps import SweepMaps
    from ..records.record import Record

_THUMBNAIL = 96


class Pictures(Viewer):
    """A viewer of records; where images and maps come from is its heirs' business."""

    def picture_of_maps(self, record: Record) -> Image.Image:
        """Smallest change and lowest confidence at each position, over the image."""
        grey, maps = self.images(record)[0].mean(-1).astype(np.uint8), self.maps(record)
        change = np.where(maps.smallest_change > 0, maps.smallest_change, np.nan)
        left = np.where(np.isfinite(maps.lowest_confidence), np.abs(maps.lowest_confidence), np.nan)
        of = "in the original label" if record.target is None else "in the target"
        panels = [
            ("smallest change that is enough", "change of intensity", change, (1, 255)),
            (f"confidence {of}, worst value", "confidence", left, (0, 1)),
        ]
        pictures = []
        with tempfile.TemporaryDirectory() as folder:
            for heading, unit, values, limits in panels:
                path = Path(folder) / "map.png"
                draw_fields(path, record.image_id, unit, [FieldMap(heading, grey, values)], limits)
                with Image.open(path) as picture:
                    pictures.append(picture.convert("RGB"))
        return contact_sheet(pictures)

    def picture(self, record: Record) -> Image.Image:
        """Both images with their labels, the changed pixels circled and magnified."""
        return pair(record, *self.images(record))

    def html(self, record: Record) -> str:
        """The picture and the experiment's figures."""
        try:
            shown = img(encode_png(self.picture(record)), f"image {record.image_id}, before and after")
        except InputError as error:
            shown = f"<em>{html.escape(str(error))}</em>"
        ended = "success" if record.success else "no success"
        return (
            f"<figure style='margin:0'>{shown}<figcaption>{html.escape(record.image_id)}: {ended} with "
            f"{record.num_pixels} pixel{'s' * (record.num_pixels > 1)}, {record.queries:,} candidates; victim "
            f"{html.escape(record.victim)}{'; synthetic image' * record.synthetic}</figcaption></figure>"
        )

    def thumbnails(self, record: Record) -> tuple[str, str]:
        """Small pictures of original and changed image, as HTML; empty where they are not known."""
        try:
            original, changed = self.images(record)
        except InputError:
            return "", ""
        return (
            img(encode_png(enlarged(original, _THUMBNAIL)), "original"),
            img(encode_png(circled(record, changed, _THUMBNAIL)), "changed"),
        )


class GivenPictures(Pictures):
    """Of images that are at hand: each change is painted anew.

    Args:
        original_of: image id -> uint8 [H, W, C].
        maps: of exhaustive searches, by image id.
        run: folder that keeps maps, where `maps` has none.
    """

    def __init__(
        self,
        original_of: Callable[[str], np.ndarray],
        maps: Mapping[str, SweepMaps] | None = None,
        run: Path | None = None,
    ):
        self._original_of, self._maps, self._run = original_of, maps or {}, run

    def images(self, record: Record) -> tuple[np.ndarray, np.ndarray]:
        """See `Viewer.images`."""
        original = self._original_of(record.image_id)
        return original, record.painted_on(original)

    def maps(self, record: Record) -> SweepMaps:
        """See `Viewer.maps`."""
        _check_is_swept(record)
        if record.image_id in self._maps:
            return self._maps[record.image_id]
        if self._run is None:
            raise InputError(f"no maps of {record.image_id!r} are at hand")
        return load_maps(maps_path(self._run, record.image_id))


class SavedPictures(Pictures):
    """Of successes in a run folder, and of the few failures whose originals it keeps."""

    def __init__(self, folder: Path):
        self._folder = folder

    def images(self, record: Record) -> tuple[np.ndarray, np.ndarray]:
        """See `Viewer.images`."""
        try:
            if record.image_file:
                return read_pair(self._folder, record)
            return GivenPictures(lambda _: read_original(self._folder, record)).images(record)
        except OSError as error:
            kept = "" if record.image_file else ", which keeps those of successes and of few failures"
            raise InputError(f"no picture of {record.image_id!r} in {self._folder}{kept}: {error}") from None

    def maps(self, record: Record) -> SweepMaps:
        """See `Viewer.maps`."""
        _check_is_swept(record)
        return load_maps(maps_path(self._folder, record.image_id))


def _check_is_swept(record: Record) -> None:
    if record.exhaustive_flips is None:
        raise InputError(
            f"the record of {record.image_id!r} is of another search (preset {record.preset}); only search "
            "exhaustive makes maps"
        )


def img(png: bytes, words: str) -> str:
    """A picture inside a page; `words` are read out instead of it."""
    content = base64.b64encode(png).decode("ascii")
    return f"<img alt='{html.escape(words, quote=True)}' src='data:image/png;base64,{content}'>"


def row_of(record: Record, viewer: Pictures | None) -> Sequence[str]:
    """A record as cells of a table, as HTML; see `HEADER`."""
    before, after = viewer.thumbnails(record) if viewer else ("", "")
    labels = (
        label_with_confidences(record, record.label_before, record.confidences_before),
        label_with_confidences(record, record.label_after, record.confidences_after),
    )
    changes = [
        f"({one.x}, {one.y}) {value_text(one.before)} → {value_text(one.after)}" for one in record.pixels
    ]
    queries = record.queries_to_first_hit if record.success else record.queries
    return [
        html.escape(record.image_id),
        f"{before}<br>{html.escape(labels[0])}",
        f"{after}<br>{html.escape(labels[1])}",
        "yes" if record.success else "no",
        "<br>".join(html.escape(one) for one in changes),
        f"{queries:,}",
    ]


HEADER = (
    "image",
    "before",
    "after",
    "success",
    "changed pixels (x, y)",
    "candidates to the first hit, or in all",
)
