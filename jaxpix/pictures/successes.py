"""Pictures of successes: original, adversarial image with the changed pixels circled, and their surroundings."""

from __future__ import annotations

import io
import itertools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ..data.images import channels_of, decode
from ..labels import NORMAL
from ..storage.files import file_stem, write_atomically
from ..storage.png import encode_png

if TYPE_CHECKING:
    from ..records.record import PixelChange, Record

_MOST_BYTES = 1 << 28
_PANEL = 320
_LINE = 29
_MARGIN = 14
_INSET = 98
_MOST_INSETS = 3
_SURROUNDINGS = 11
_RED, _BLACK, _GREY = (205, 20, 20), (0, 0, 0), (110, 110, 110)
Colour = tuple[int, int, int]


def confidence_text(confidence: float) -> str:
    """Percent with one decimal; above 99.94 % `~100%` (paper, section 5)."""
    return "~100%" if confidence > 0.9994 else f"{100 * confidence:.1f}%"


def label_with_confidences(record: Record, names: Sequence[str], confidences: Sequence[float]) -> str:
    """A label with its confidence; a multi-label Normal has none."""
    if not names:
        return NORMAL
    parts = [f"{name} ({confidence_text(confidences[record.class_names.index(name)])})" for name in names]
    return ", ".join(parts)


def read_pair(folder: Path, record: Record) -> tuple[np.ndarray, np.ndarray]:
    """Original and adversarial image, uint8 [H, W, C], of a success in its run folder.

    Raises:
        OSError: a picture is missing or damaged, is no picture of this record, or lies outside the folder.
    """
    # Only the name: a record of somebody else's may say anything, and pictures end up in pages that are shared.
    name = Path(record.image_file).name
    original, adversarial = (_read_picture(folder, kind, name) for kind in ("originals", "adversarial"))
    if original.shape != adversarial.shape:
        raise OSError(f"{name}: expected two pictures of the size and kind that the record says")
    _check_fits(record, original)
    return original, adversarial


def _check_fits(record: Record, image: np.ndarray) -> None:
    height, width, channels = image.shape
    if any(
        change.x >= width or change.y >= height or len(change.after) != channels for change in record.pixels
    ):
        raise OSError(f"{record.image_id}: expected a picture of the size and kind that the record says")


def read_original(folder: Path, record: Record) -> np.ndarray:
    """The untouched image, uint8 [H, W, C], of an experiment in its run folder, which keeps few of failures.

    Raises:
        OSError: as `read_pair`; or the folder keeps no picture of this failure.
    """
    if record.success:
        return read_pair(folder, record)[0]
    original = _read_picture(folder, "originals", f"{file_stem(record.image_id)}.png")
    _check_fits(record, original)
    return original


def mean_original(folder: Path, records: Sequence[Record]) -> np.ndarray | None:
    """Mean of the originals of successes in their run folder, grey, uint8 [H, W]; None where there is none."""
    total: np.ndarray | None = None
    count = 0
    for record in records:
        try:
            original, _ = read_pair(folder, record)
        except OSError:
            continue
        grey = original.mean(axis=2)
        total = grey if total is None else total + grey
        count += 1
    return None if total is None else np.rint(total / count).astype(np.uint8)


def _read_picture(folder: Path, kind: str, name: str) -> np.ndarray:
    try:
        # A folder of somebody else's may hold links as well.
        path = (folder / kind / name).resolve()
        if not path.is_relative_to(folder.resolve()) or not path.is_file():
            raise OSError(f"{kind}/{name} is no file of {folder}")
        if path.stat().st_size > _MOST_BYTES:
            raise OSError(f"{kind}/{name}: expected at most {_MOST_BYTES:,} bytes")
        content = path.read_bytes()
        pixels = np.asarray(decode(content, channels_of(content)))
    # Besides pictures that cannot be read: names with a zero in them.
    except ValueError as error:
        raise OSError(f"{kind}/{name}: {error}") from None
    return pixels[..., None] if pixels.ndim == 2 else pixels


class Surroundings(NamedTuple):
    """What lies around a pixel: uint8 [S, S, C], and the pixel's column and row in it."""

    image: np.ndarray
    x: int
    y: int


def surroundings(image: np.ndarray, change: PixelChange, side: int = _SURROUNDINGS) -> Surroundings:
    """The square of at most `side` pixels around a changed pixel of `image` [H, W, C], moved inside the image."""
    height, width = image.shape[:2]
    side = min(side, height, width)
    left = min(max(change.x - side // 2, 0), width - side)
    top = min(max(change.y - side // 2, 0), height - side)
    return Surroundings(image[top : top + side, left : left + side], change.x - left, change.y - top)


def pair(record: Record, original: np.ndarray, adversarial: np.ndarray) -> Image.Image:
    """One success: original and adversarial image uint8 [H, W, C], enlarged, with their labels and insets."""
    width = 2 * _PANEL + _INSET + 4 * _MARGIN
    canvas = Image.new("RGB", (width, _PANEL + 2 * _LINE + 2 * _MARGIN), "white")
    right_edge = 2 * _MARGIN + _PANEL
    canvas.paste(enlarged(original, _PANEL), (_MARGIN, _MARGIN))
    canvas.paste(circled(record, adversarial), (right_edge, _MARGIN))
    for number, change in enumerate(record.pixels[:_MOST_INSETS]):
        place = (right_edge + _PANEL + _MARGIN, _MARGIN + number * (_INSET + (_PANEL - 3 * _INSET) // 2))
        canvas.paste(_inset(adversarial, change), place)
    text = ImageDraw.Draw(canvas)
    y = _MARGIN + _PANEL + 6
    before = label_with_confidences(record, record.label_before, record.confidences_before)
    after = label_with_confidences(record, record.label_after, record.confidences_after)
    room = _PANEL + _MARGIN + _INSET
    write_line(text, (_MARGIN, y), before, _BLACK, _PANEL)
    write_line(text, (right_edge, y), after, _RED, room)
    origin = f"{record.dataset} {record.image_id}" + (" (synthetic image)" if record.synthetic else "")
    write_line(text, (_MARGIN, y + _LINE), origin, _GREY, _PANEL, size=16)
    changed = "; ".join(
        f"({change.x}, {change.y}) {value_text(change.before)} to {value_text(change.after)}"
        for change in record.pixels
    )
    write_line(text, (right_edge, y + _LINE), changed, _GREY, room, size=16)
    return canvas


def contact_sheet(pairs: Sequence[Image.Image], columns: int = 2) -> Image.Image:
    """Several pairs on one sheet."""
    columns = min(columns, len(pairs))
    width, height = pairs[0].size
    rows = -(-len(pairs) // columns)
    sheet = Image.new("RGB", (columns * width, rows * height), "white")
    for index, picture in enumerate(pairs):
        sheet.paste(picture, (index % columns * width, index // columns * height))
    return sheet


def write_sheet(path: Path, pairs: Sequence[Image.Image]) -> None:
    """Write a contact sheet of `pairs` as PNG."""
    write_atomically(path, encode_png(contact_sheet(pairs), optimize=True))


def in_turns(records: Sequence[Record]) -> list[Record]:
    """The successes among `records`: the first of each original label, then the second of each, and so on."""
    by_label: dict[tuple[str, ...], list[Record]] = {}
    for record in records:
        if record.success:
            by_label.setdefault(tuple(record.label_before), []).append(record)
    turns = itertools.zip_longest(*by_label.values())
    return [record for turn in turns for record in turn if record is not None]


def to_small_webp(image: np.ndarray, most: int = 256, exact_up_to: int = 64) -> bytes:
    """WebP of an image uint8 [H, W, C] for a page: its longer side at most `most`; small images keep every bit."""
    picture = _picture(image)
    exact = max(picture.size) <= exact_up_to
    if max(picture.size) > most:
        picture.thumbnail((most, most), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    picture.save(buffer, "WEBP", lossless=exact, quality=82)
    return buffer.getvalue()


def value_text(channels: Sequence[int]) -> str:
    """A pixel's value: its intensity, or its colour as `#rrggbb`."""
    return str(channels[0]) if len(channels) == 1 else "#" + "".join(f"{value:02x}" for value in channels)


def _picture(image: np.ndarray) -> Image.Image:
    return Image.fromarray(image[..., 0] if image.shape[2] == 1 else image)


def enlarged(image: np.ndarray, side: int) -> Image.Image:
    """An image uint8 [H, W, C] as a square of colour, every pixel of it to be seen where there is room."""
    way = Image.Resampling.NEAREST if side >= max(image.shape[:2]) else Image.Resampling.LANCZOS
    return _picture(image).convert("RGB").resize((side, side), way)


def circled(record: Record, adversarial: np.ndarray, side: int = _PANEL) -> Image.Image:
    """The adversarial image of a record, with a circle around each changed pixel."""
    panel = enlarged(adversarial, side)
    across, down = (side / length for length in (adversarial.shape[1], adversarial.shape[0]))
    pen = ImageDraw.Draw(panel)
    for change in record.pixels:
        x, y = (change.x + 0.5) * across, (change.y + 0.5) * down
        radius = max(9.0 * side / _PANEL, 1.6 * min(across, down), 4.0)
        pen.ellipse((x - radius, y - radius, x + radius, y + radius), outline=_RED, width=max(1, side // 100))
    return panel


def _inset(adversarial: np.ndarray, change: PixelChange) -> Image.Image:
    around = surroundings(adversarial, change)
    inset = enlarged(around.image, _INSET)
    scale = _INSET / around.image.shape[0]
    pen = ImageDraw.Draw(inset)
    left, top = round(around.x * scale), round(around.y * scale)
    right, bottom = round((around.x + 1) * scale), round((around.y + 1) * scale)
    pen.rectangle((left - 2, top - 2, right + 1, bottom + 1), outline=_RED, width=2)
    pen.rectangle((0, 0, _INSET - 1, _INSET - 1), outline=_GREY)
    return inset


def write_line(
    pen: ImageDraw.ImageDraw,
    at: tuple[int, int],
    text: str,
    colour: Colour,
    room: int,
    size: int = 20,
    smallest: int = 10,
    font_of: Callable[[int], Any] = ImageFont.load_default,
) -> None:
    """Write one line that stays inside its `room`: smaller first, then cut. `font_of` gives the font of a size."""
    font = font_of(size)
    while size > smallest and pen.textlength(text, font=font) > room:
        size -= 1
        font = font_of(size)
    while len(text) > 4 and pen.textlength(text, font=font) > room:
        text = text[:-2] + "…"
    pen.text(at, text, fill=colour, font=font)
