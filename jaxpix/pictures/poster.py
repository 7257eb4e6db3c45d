"""One slide of 1600 x 900 pixels for a talk: an attacked image, what that means and how often it happens."""

from __future__ import annotations

import dataclasses
import functools
import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image, ImageDraw, ImageFont

from .successes import Colour, circled, enlarged, surroundings, value_text, write_line

if TYPE_CHECKING:
    import numpy as np

    from ..records.record import Record

WIDTH, HEIGHT = 1600, 900
_MARGIN = 60
_PAPER, _INK, _SOFT, _RED = (251, 250, 247), (27, 30, 33), (88, 95, 102), (179, 38, 30)
_AMBER, _AMBER_TINT, _LINE = (116, 71, 0), (253, 242, 220), (222, 219, 211)
_PICTURE, _CLOSE_UP, _GAP = 430, 250, 30
_TOP, _RIGHT = 262, 1010
_Font = Any


@dataclasses.dataclass(frozen=True)
class PosterText:
    """The words of a poster.

    Attributes:
        verdict: one sentence, the largest.
        before, after: what stands under the two pictures.
        figures: value, what it is, and how sure it is, from the top down; the first is red where it is dangerous.
        is_dangerous: disease is called normal.
        attacked: victim, data and number of images, below all.
        cautions: sentences on data and victim without which nothing should be shown, below that.
        mark: what must stand on the pictures, such as that they are synthetic; "" for nothing.
    """

    verdict: str
    before: str
    after: str
    figures: Sequence[tuple[str, str, str]]
    is_dangerous: bool
    attacked: str
    cautions: Sequence[str]
    mark: str


def draw_poster(
    record: Record, original: np.ndarray, adversarial: np.ndarray, text: PosterText
) -> Image.Image:
    """The poster of one experiment, whose pictures, untouched and changed, are uint8 [H, W, C]."""
    canvas = Image.new("RGB", (WIDTH, HEIGHT), _PAPER)
    pen = ImageDraw.Draw(canvas)
    _paragraph(pen, (_MARGIN, 54), text.verdict, _INK, WIDTH - 2 * _MARGIN, height=180, size=46, is_bold=True)
    second = _MARGIN + _PICTURE + _GAP
    canvas.paste(enlarged(original, _PICTURE), (_MARGIN, _TOP))
    canvas.paste(circled(record, adversarial, _PICTURE), (second, _TOP))
    below = _TOP + _PICTURE + 14
    for left, heading, label, colour in (
        (_MARGIN, "original", text.before, _INK),
        (second, _heading(record), text.after, _RED if text.is_dangerous else _INK),
    ):
        _line(pen, (left, below), heading, _SOFT, _PICTURE, 22)
        _line(pen, (left, below + 28), label, colour, _PICTURE, 32, is_bold=True)
    if text.mark:
        for left in (_MARGIN, second):
            _mark(pen, (left + 8, _TOP + 8), text.mark)
    _close_ups(canvas, pen, record, original, adversarial)
    _figures(pen, text)
    pen.line((_MARGIN, HEIGHT - 92, WIDTH - _MARGIN, HEIGHT - 92), fill=_LINE, width=2)
    room = WIDTH - 2 * _MARGIN
    _line(pen, (_MARGIN, HEIGHT - 80), text.attacked, _SOFT, room - 110, 24)
    _line(pen, (WIDTH - _MARGIN - 90, HEIGHT - 80), "jaxpix", _SOFT, 90, 24, is_bold=True)
    cautions = " ".join(text.cautions)
    _paragraph(
        pen, (_MARGIN, HEIGHT - 48), cautions, _AMBER, room, height=36, size=22, smallest=14, is_bold=False
    )
    return canvas


def _heading(record: Record) -> str:
    count = len(record.pixels)
    pixels = "one pixel" if count == 1 else f"{count} pixels"
    return f"with {pixels} changed" if record.success else f"nearest miss, {pixels} changed"


def _close_ups(
    canvas: Image.Image,
    pen: ImageDraw.ImageDraw,
    record: Record,
    original: np.ndarray,
    adversarial: np.ndarray,
) -> None:
    """What lies around the first changed pixel, before and after, and its values."""
    change = record.pixels[0]
    for number, image in enumerate((original, adversarial)):
        around = surroundings(image, change)
        left = _RIGHT + number * (_CLOSE_UP + _GAP)
        canvas.paste(enlarged(around.image, _CLOSE_UP), (left, _TOP))
        scale = _CLOSE_UP / around.image.shape[0]
        x, y = left + around.x * scale, _TOP + around.y * scale
        pen.rectangle((x - 2, y - 2, x + scale + 1, y + scale + 1), outline=_RED, width=3)
    more = "" if len(record.pixels) == 1 else f", the first of {len(record.pixels)}"
    told = (
        f"pixel ({change.x}, {change.y}){more}: {value_text(change.before)} → {value_text(change.after)}, "
        f"of {original.shape[1]} x {original.shape[0]}"
    )
    _line(pen, (_RIGHT, _TOP + _CLOSE_UP + 12), told, _SOFT, 2 * _CLOSE_UP + _GAP, 22)


def _figures(pen: ImageDraw.ImageDraw, text: PosterText) -> None:
    top = _TOP + _CLOSE_UP + 62
    room = 2 * _CLOSE_UP + _GAP
    for number, (value, what, sure) in enumerate(text.figures):
        y = top + 76 * number
        pen.line((_RIGHT, y - 8, _RIGHT + room, y - 8), fill=_LINE, width=2)
        colour = _RED if number == 0 and text.is_dangerous else _INK
        _line(pen, (_RIGHT, y), value, colour, 170, 42, is_bold=True)
        _line(pen, (_RIGHT + 185, y + 2), what, _INK, room - 185, 25)
        _line(pen, (_RIGHT + 185, y + 34), sure, _SOFT, room - 185, 20)


def _mark(pen: ImageDraw.ImageDraw, at: tuple[int, int], text: str) -> None:
    text, font = " ".join(text.split()), _font(18, is_bold=True)
    box = pen.textbbox((at[0] + 8, at[1] + 4), text, font=font)
    pen.rounded_rectangle((box[0] - 8, box[1] - 5, box[2] + 8, box[3] + 6), 6, fill=_AMBER_TINT)
    pen.text((at[0] + 8, at[1] + 4), text, fill=_AMBER, font=font)


def _font(size: int, *, is_bold: bool = False) -> _Font:
    """DejaVu, which matplotlib brings along and which has most of Europe's letters; else Pillow's own."""
    found = importlib.util.find_spec("matplotlib")
    name = "DejaVuSans-Bold.ttf" if is_bold else "DejaVuSans.ttf"
    path = Path(found.origin).parent / "mpl-data" / "fonts" / "ttf" / name if found and found.origin else None
    return ImageFont.truetype(path, size) if path and path.is_file() else ImageFont.load_default(size)


def _line(
    pen: ImageDraw.ImageDraw,
    at: tuple[int, int],
    text: str,
    colour: Colour,
    room: int,
    size: int,
    *,
    is_bold: bool = False,
) -> None:
    """One line in a poster's own font."""
    font_of = functools.partial(_font, is_bold=is_bold)
    write_line(pen, at, " ".join(text.split()), colour, room, size, round(0.6 * size), font_of)


def _paragraph(
    pen: ImageDraw.ImageDraw,
    at: tuple[int, int],
    text: str,
    colour: Colour,
    room: int,
    *,
    height: int,
    size: int,
    is_bold: bool,
    smallest: int = 18,
) -> None:
    """Lines of words inside `room` x `height`, as large as fits."""
    while True:
        font = _font(size, is_bold=is_bold)
        lines = _broken(pen, text, font, room)
        if size <= smallest or len(lines) * 1.22 * size <= height:
            break
        size -= 2
    for number, line in enumerate(lines[: max(1, int(height / (1.22 * size)))]):
        _line(pen, (at[0], round(at[1] + 1.22 * size * number)), line, colour, room, size, is_bold=is_bold)


def _broken(pen: ImageDraw.ImageDraw, text: str, font: _Font, room: int) -> list[str]:
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and pen.textlength(longer, font=font) <= room:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines
