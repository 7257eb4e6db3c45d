"""Whether anything can be seen in what is stored."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import InputError

if TYPE_CHECKING:
    from ..data.prepared_files import Values
    from .storing import Outcome

# Grey levels between the darkest and the lightest pixel of an image that shows nothing. 12-bit values divided by 257,
# as if they used 16 bits, leave 16, and resizing overshoots a little. Images that are legitimately dark
# (fluorescence, under-exposed, or all black but a spot) have more, since noise alone or one spot does. Masks that
# count classes as grey 0, 1, 2 have less.
FLAT = 20
# A blank image now and then is a failed exposure; when 19 of 20 are blank, values were misread.
NEARLY_ALL = 0.95


class Contrast:
    """Counts the images that are nearly constant as stored."""

    def __init__(self) -> None:
        self._images = 0
        self._flat = 0
        self._example = ""
        self._lowest, self._highest = 255, 0

    def enter(self, outcome: Outcome) -> None:
        """Count one stored image."""
        self._images += 1
        self._lowest = min(self._lowest, *(low for low, _ in outcome.extrema), 255)
        self._highest = max(self._highest, *(high for _, high in outcome.extrema), 0)
        # A uniform colour is constant, however far its channels are from one another.
        if max(high - low for low, high in outcome.extrema) <= FLAT:
            self._flat += 1
            self._example = self._example or outcome.item.member

    def check(self, values: Values | None) -> None:
        """Refuse data of which nearly all images are nearly constant; `values`: what became 0..255.

        Raises:
            InputError: they are; the message has the range and the way out.
        """
        if self._flat < NEARLY_ALL * self._images:
            return
        if values is None:
            advice = (
                "The files have 8 bits a channel and are stored as they are; are these masks, or must they be "
                "stretched to 0..255 first?"
            )
        elif values["how"] == "windows":
            advice = "Their own windows show nothing; --window LOW HIGH chooses black and white"
        else:
            advice = (
                f"The values {values['low']:g}..{values['high']:g} became 0..255; --window LOW HIGH chooses which "
                f"values become black and white"
            )
        raise InputError(
            f"{self._flat:,} of {self._images:,} images are nearly constant: no two of their stored pixels differ by "
            f"more than {FLAT} of 255 grey levels (all lie in {self._lowest}..{self._highest}; one is "
            f"{self._example}). {advice}"
        )
