"""From the values that a file holds to 8 bits: one mapping for a whole data set."""

import dataclasses
from typing import Literal

import numpy as np
from PIL import Image

from .unreadable import UnreadableImageError

BITS = (8, 10, 12, 14, 16)
FULL = (0.0, 65535.0)
_ROWS = 256
_SAMPLE = 20_000

Kind = Literal["plain", "deep", "range", "windowed", "float"]


@dataclasses.dataclass(frozen=True, slots=True)
class DeepImage:
    """An image of more than 8 bits a channel, as its file holds it.

    Attributes:
        values: [H, W] or [H, W, C], integers or floats, of any range.
        mode: Pillow's mode of the same image in 8 bits ("L", "RGB", …).
        inverted: its file calls the lowest value white.
        kind: "deep": integers; "range": values of DICOM without a window; "windowed": its file says what is black and
            white; "float": that cannot be known.
        upper_8_bits: colour as Pillow reads it.
        window: its values by its own window, 0 (black) to 1; where `kind` is "windowed".
        ignored: values that stand for no measurement; they do not count for the range.
    """

    values: np.ndarray
    mode: str = "L"
    inverted: bool = False
    kind: Kind = "deep"
    upper_8_bits: Image.Image | None = None
    window: np.ndarray | None = None
    ignored: np.ndarray | None = None

    def span(self) -> tuple[float, float]:
        """Lowest and highest value.

        Raises:
            UnreadableImageError: some are no numbers.
        """
        values = self.values if self.ignored is None else self.values[~self.ignored]
        if values.size == 0:
            values = self.values
        low, high = float(values.min()), float(values.max())
        # One NaN makes both NaN.
        if not (np.isfinite(low) and np.isfinite(high)):
            raise UnreadableImageError("it holds values that are no numbers (NaN or infinite)")
        return low, high

    def most(self) -> tuple[float, float]:
        """Between which values all but 2 % of the pixels lie, by a sample of them."""
        sample = self.values.ravel()[:: max(1, self.values.size // _SAMPLE)]
        low, high = np.percentile(sample, (1, 99))
        return float(low), float(high)

    def in_8_bits(self, span: tuple[float, float] | None) -> Image.Image:
        """The image with the values of `span` as 0..255, or by its own window.

        Raises:
            UnreadableImageError: there is no span and the file does not say what is black and white, or some values
                are no numbers.
        """
        if span is None and self.window is not None:
            levels = to_levels(self.window, 0.0, 1.0)
        else:
            low, high = span or self._own_span()
            if self.upper_8_bits is not None and (low, high) == FULL:
                # What was prepared before the lower bits could be read keeps its pixels.
                return self.upper_8_bits
            levels = to_levels(self.values, low, high)
        if self.inverted:
            levels = 255 - levels
        return Image.frombytes(self.mode, levels.shape[1::-1], levels.tobytes())

    def _own_span(self) -> tuple[float, float]:
        """What can be said from one image alone: values that need 16 bits use all of them."""
        if self.kind == "float":
            raise UnreadableImageError(
                "floating-point pixels have no defined white (prepare: --window LOW HIGH says which is)"
            )
        low, high = self.span()
        if self.kind == "deep" and bits_used(low, high) == 16:
            return FULL
        raise UnreadableImageError(
            f"it holds the values {low:g}..{high:g} and does not say which are black and white; prepare settles that "
            f"for a whole data set, a single image must be converted to 8 bits in the same way first"
        )


def bits_used(low: float, high: float) -> int | None:
    """The fewest usual bits that hold values up to `high`; None: below 0 or beyond 16 bits."""
    return next((bits for bits in BITS if low >= 0 and high < 1 << bits), None)


def to_levels(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """Values as uint8: `low` and less are 0, `high` and more are 255, evenly between.

    Raises:
        UnreadableImageError: some are no numbers.
    """
    if values.dtype == np.uint16:
        # A table takes little memory, whatever the image's size.
        return _levels(np.arange(1 << 16), low, high)[values]
    levels = np.empty(values.shape, np.uint8)
    for start in range(0, len(values), _ROWS):
        levels[start : start + _ROWS] = _levels(values[start : start + _ROWS], low, high)
    return levels


def _levels(values: np.ndarray, low: float, high: float) -> np.ndarray:
    scaled = np.rint((values.astype(np.float64) - low) * (255.0 / (high - low)))
    if np.isnan(scaled).any():
        raise UnreadableImageError("it holds values that are no numbers (NaN)")
    return np.clip(scaled, 0, 255).astype(np.uint8)
