"""Which pixels win: where successful attacks changed the image, and to what intensity."""

import dataclasses
import statistics
from collections.abc import Iterator, Sequence

from ..records.record import PixelChange, Record
from .rates import Rate, wilson


def hit_pixels(records: Sequence[Record], image_size: int) -> list[PixelChange]:
    """Every pixel that a success changed.

    Args:
        records: attacks on square images of one size.
        image_size: their side in pixels.

    Raises:
        ValueError: a pixel lies outside such an image.
    """
    pixels = list(_changed(records))
    for pixel in pixels:
        if not (0 <= pixel.x < image_size and 0 <= pixel.y < image_size):
            raise ValueError(f"expected pixels within {image_size}, got ({pixel.x}, {pixel.y})")
    return pixels


@dataclasses.dataclass(frozen=True)
class Intensities:
    """Values of the pixels that successes changed, in one channel; 0..255.

    Attributes:
        before, after: one value per changed pixel, in the same order.
    """

    before: tuple[int, ...]
    after: tuple[int, ...]

    @property
    def median_before(self) -> float:
        """Median of the untouched values."""
        return float(statistics.median(self.before))

    @property
    def median_after(self) -> float:
        """Median of the values that won."""
        return float(statistics.median(self.after))

    @property
    def mean_change(self) -> float:
        """Mean absolute difference."""
        return statistics.fmean(abs(new - old) for old, new in zip(self.before, self.after, strict=True))

    @property
    def at_black(self) -> Rate:
        """Share of winning values at 0."""
        return wilson(self.after.count(0), len(self.after))

    @property
    def at_white(self) -> Rate:
        """Share of winning values at 255."""
        return wilson(self.after.count(255), len(self.after))


def winning_intensities(records: Sequence[Record]) -> list[Intensities]:
    """Values before and after, one entry per channel (grey, or red, green and blue); none without a success.

    Raises:
        ValueError: the images have different numbers of channels.
    """
    pixels = list(_changed(records))
    if len({len(pixel.after) for pixel in pixels}) > 1:
        raise ValueError("expected images of one number of channels, got grey and colour together")
    if not pixels:
        return []
    before = zip(*(pixel.before for pixel in pixels), strict=True)
    after = zip(*(pixel.after for pixel in pixels), strict=True)
    return [Intensities(old, new) for old, new in zip(before, after, strict=True)]


def _changed(records: Sequence[Record]) -> Iterator[PixelChange]:
    for record in records:
        if record.success:
            yield from (pixel for pixel in record.pixels if pixel.before != pixel.after)
