"""Pictures of successes: the original beside the adversarial image, the changed pixels circled in red."""

import io
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from .labels import NORMAL
from .records import Record

_PANEL = 320
_LINE = 24
_MARGIN = 14
_RED = (205, 20, 20)
_BLACK = (0, 0, 0)


def confidence_text(confidence: float) -> str:
    """Percent with one decimal; above 99.94 % `~100%` (paper, section 5)."""
    return "~100%" if confidence > 0.9994 else f"{100 * confidence:.1f}%"


def label_text(record: Record, names: Sequence[str], confidences: Sequence[float]) -> str:
    """A label with its confidence; a multi-label Normal has none."""
    if not names:
        return NORMAL
    parts = [f"{name} ({confidence_text(confidences[record.class_names.index(name)])})" for name in names]
    return ", ".join(parts)


def pair(record: Record, original: np.ndarray, adversarial: np.ndarray) -> Image.Image:
    """One success: original and adversarial image uint8 [H, W, C], enlarged, with their labels."""
    canvas = Image.new("RGB", (2 * _PANEL + 3 * _MARGIN, _PANEL + 2 * _LINE + 2 * _MARGIN), "white")
    left, right = _enlarged(original), _enlarged(adversarial)
    scale = _PANEL / max(original.shape[:2])
    pen = ImageDraw.Draw(right)
    for change in record.pixels:
        x, y, radius = (change.x + 0.5) * scale, (change.y + 0.5) * scale, max(9.0, 1.6 * scale)
        pen.ellipse((x - radius, y - radius, x + radius, y + radius), outline=_RED, width=3)
    canvas.paste(left, (_MARGIN, _MARGIN))
    canvas.paste(right, (2 * _MARGIN + _PANEL, _MARGIN))
    text = ImageDraw.Draw(canvas)
    y = _MARGIN + _PANEL + 6
    before = label_text(record, record.label_before, record.confidences_before)
    after = label_text(record, record.label_after, record.confidences_after)
    _write(text, (_MARGIN, y), before, _BLACK)
    _write(text, (2 * _MARGIN + _PANEL, y), after, _RED)
    origin = f"{record.dataset} {record.image_id}" + (" (synthetic image)" if record.synthetic else "")
    _write(text, (_MARGIN, y + _LINE), origin, (110, 110, 110), size=13)
    changed = "; ".join(
        f"({change.x}, {change.y}) {_value(change.before)} to {_value(change.after)}"
        for change in record.pixels
    )
    _write(text, (2 * _MARGIN + _PANEL, y + _LINE), changed, (110, 110, 110), size=13)
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


def to_png(picture: Image.Image) -> bytes:
    """PNG of a picture."""
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def _value(channels: Sequence[int]) -> str:
    return str(channels[0]) if len(channels) == 1 else "#" + "".join(f"{value:02x}" for value in channels)


def _enlarged(image: np.ndarray) -> Image.Image:
    pixels = np.repeat(image, 3, axis=2) if image.shape[2] == 1 else image
    return Image.fromarray(pixels).resize((_PANEL, _PANEL), Image.Resampling.NEAREST)


def _write(
    pen: ImageDraw.ImageDraw, at: tuple[int, int], text: str, colour: tuple[int, int, int], size: int = 16
) -> None:
    """Write one line that stays inside its panel: smaller first, then cut."""
    font = ImageFont.load_default(size)
    while size > 10 and pen.textlength(text, font=font) > _PANEL:
        size -= 1
        font = ImageFont.load_default(size)
    while len(text) > 4 and pen.textlength(text, font=font) > _PANEL:
        text = text[:-2] + "…"
    pen.text(at, text, fill=colour, font=font)
