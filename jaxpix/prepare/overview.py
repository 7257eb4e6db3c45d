"""`overview.png`: some images of each class as they are stored, for what tables cannot say at a glance."""

import hashlib
import heapq
import math
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from ..data.images import decode
from ..data.prepared_files import OVERVIEW_FILE
from ..data.registry import DatasetInfo
from ..storage.files import write_atomically
from ..storage.png import encode_png
from .listing import indices_of
from .storing import Outcome

_PER_SPLIT = 4
_MOST_ROWS = 24
_SIDES = (24, 96)
# Noise does not compress: so many bytes of pixels stay below a megabyte in any case.
_MOST_BYTES = 900_000
_GAP, _TEXT, _LINE = 4, 11, 16
_NAME_WIDTH, _NAME_LETTERS = 130, 20
_TITLE_LETTERS = 70
_WHITE, _BLACK, _GREY = (255, 255, 255), (0, 0, 0), (110, 110, 110)


class ContactSheet:
    """Keeps a few images of each class and split while a data set is stored.

    Which ones depends on their ids alone, so that a data set has one sheet: those with the least hash.
    """

    def __init__(self, info: DatasetInfo, splits: list[str], image_size: int):
        self._info, self._splits, self._image_size = info, splits, image_size
        self._names = info.counted[:_MOST_ROWS]
        self._num_left_out = len(info.counted) - len(self._names)
        self._kept: dict[tuple[int, str], list[tuple[int, bytes]]] = {}

    def enter(self, split_name: str, outcome: Outcome) -> None:
        """Look at one stored image; several labels put it in several rows."""
        labels = indices_of(outcome.label)
        digest = hashlib.sha256(outcome.item.image_id.encode()).digest()
        # A heap gives away its least entry: the largest hash.
        entry = (-int.from_bytes(digest), outcome.png)
        for row in labels or (len(self._info.class_names),):
            if row >= len(self._names):
                continue
            kept = self._kept.setdefault((row, split_name), [])
            if len(kept) < _PER_SPLIT:
                heapq.heappush(kept, entry)
            else:
                heapq.heappushpop(kept, entry)

    def save(self, folder: Path, title: str) -> None:
        """Write the sheet into a data set's folder."""
        write_atomically(folder / OVERVIEW_FILE, encode_png(self._drawn(title), compress_level=9))

    def _drawn(self, title: str) -> Image.Image:
        side = self._side()
        column = _PER_SPLIT * (side + _GAP) + 2 * _GAP
        width = max(_NAME_WIDTH + len(self._splits) * column, 480)
        top = 2 * _LINE + 2 * _GAP
        bottom = top + len(self._names) * (side + _GAP)
        sheet = Image.new("RGB", (width, bottom + (_LINE if self._num_left_out else 0)), _WHITE)
        draw = ImageDraw.Draw(sheet)
        _write(draw, (_GAP, _GAP), _cut(f"{self._info.title}, {title}", _TITLE_LETTERS), _BLACK)
        for place, split_name in enumerate(self._splits):
            _write(draw, (_NAME_WIDTH + place * column, _LINE + _GAP), split_name, _GREY)
        for row, name in enumerate(self._names):
            down = top + row * (side + _GAP)
            _write(draw, (_GAP, down + (side - _TEXT) // 2), _cut(name, _NAME_LETTERS), _BLACK)
            for place, split_name in enumerate(self._splits):
                for index, (_, png) in enumerate(sorted(self._kept.get((row, split_name), []), reverse=True)):
                    left = _NAME_WIDTH + place * column + index * (side + _GAP)
                    sheet.paste(_thumbnail(png, side), (left, down))
        if self._num_left_out:
            _write(draw, (_GAP, bottom), f"and {self._num_left_out:,} more classes", _GREY)
        return sheet if self._info.channels == 3 else sheet.convert("L")

    def _side(self) -> int:
        """Of a square on the sheet: as large as the bytes allow; few pixels are shown as what they are."""
        shown = max(1, len(self._names) * len(self._splits) * _PER_SPLIT)
        fitting = math.isqrt(_MOST_BYTES // (shown * (self._info.channels or 3)))
        side = min(max(fitting, _SIDES[0]), _SIDES[1])
        return side - side % self._image_size if self._image_size < side else side


def _thumbnail(png: bytes, side: int) -> Image.Image:
    image = decode(png, 3)
    smaller = image.width > side
    return image.resize((side, side), Image.Resampling.LANCZOS if smaller else Image.Resampling.NEAREST)


def _cut(text: str, letters: int) -> str:
    return text if len(text) <= letters else f"{text[: letters - 1]}…"


def _write(
    draw: ImageDraw.ImageDraw, place: tuple[int, int], text: str, colour: tuple[int, int, int]
) -> None:
    font = ImageFont.load_default(_TEXT)
    if not isinstance(font, ImageFont.FreeTypeFont):
        # Without FreeType, Pillow's font knows no other letters.
        text = text.encode("latin-1", "replace").decode("latin-1")
    draw.text(place, text, fill=colour, font=font)
