"""What a mean and a standard deviation must be, on the scale of 8-bit images."""

from collections.abc import Sequence

import numpy as np

from ..errors import InputError

# Training puts it in the place of a smaller one.
_SMALLEST_STD = 0.5
# Of rounding, and of 128 for 127.5.
_TOLERANCE = 1.0


def checked_normalisation(
    mean: Sequence[float], std: Sequence[float], channels: int
) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation as float32 [C], on the 0..255 scale.

    Passed are those of 8-bit images, and plain scalings: mean 0 (with std 1 the images as they are, with 255 on
    0..1) and mean 127.5 (with std 127.5 on -1..1).

    Raises:
        InputError: not one finite value per channel, values on the 0..1 scale (the message gives the right ones),
            or values that no 8-bit image can have.
    """
    means, stds = _numbers("mean", mean, channels), _numbers("std", std, channels)
    as_they_are = not means.any() and (stds == 1).all()
    if not as_they_are and ((means >= 0) & (means <= 1) & (stds > 0) & (stds <= 1)).all():
        raise InputError(
            f"mean {_shown(means)} and std {_shown(stds)} are on the 0..1 scale; images here are 0..255, so they are "
            f"mean={_shown(255 * means)}, std={_shown(255 * stds)}"
        )
    for channel, (average, spread) in enumerate(zip(means, stds, strict=True)):
        if not 0 <= average <= 255:
            raise InputError(
                f"mean {average:g} of channel {channel}: expected 0 to 255, as 8-bit images have it"
            )
        # Of values within 0..255, whatever they are (Bhatia and Davis 2000).
        largest = float(np.sqrt(average * (255 - average))) + _TOLERANCE
        if average == 0:
            smallest, largest = _SMALLEST_STD, 255 + _TOLERANCE
        else:
            # Around the middle any range may be meant: torchxrayvision's is -1024..1024.
            smallest = 0.001 if 127 <= average <= 128 else _SMALLEST_STD
        if not smallest <= spread <= largest:
            raise InputError(
                f"std {spread:g} of channel {channel}: 8-bit images with mean {average:g} have {smallest:g} to "
                f"{largest:g}; mean and std are both given on the 0..255 scale"
            )
    return means.astype(np.float32), stds.astype(np.float32)


def _numbers(name: str, values: Sequence[float], channels: int) -> np.ndarray:
    try:
        numbers = np.asarray(values, np.float64)
    except (TypeError, ValueError):
        raise InputError(f"{name}: expected {channels} numbers, got {values!r}") from None
    if numbers.shape != (channels,):
        raise InputError(f"{name} needs {channels} values for images of {channels} channels, got {values!r}")
    if not np.isfinite(numbers).all():
        raise InputError(f"{name}: expected finite numbers, got {_shown(numbers)}")
    return numbers


def _shown(values: np.ndarray) -> list[float]:
    return [float(f"{value:.6g}") for value in values]
