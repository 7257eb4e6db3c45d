"""Rates against limits: whether an interval lies above or below one, and how many images it takes to say so."""

import math
from typing import Literal

from .rates import Rate

Verdict = Literal["passed", "failed", "undecided"]

# Of the normal distribution, two-sided 95 %: the one of Wilson's interval.
_Z = 1.959963984540054


def judge(rate: Rate, limit: float) -> Verdict:
    """Where a rate's whole interval lies: below the limit (`passed`), above it (`failed`), or neither.

    Args:
        rate: with its Wilson 95 % interval.
        limit: 0..1.
    """
    if rate.low > limit:
        return "failed"
    return "passed" if rate.high < limit else "undecided"


def images_to_settle(rate: Rate, limit: float) -> int | None:
    """How many images in all the interval would need to leave the limit, were the rate to stay as it is.

    Wilson's interval inverts the score test, so it leaves out a limit p0 where n (p - p0)^2 > z^2 p0 (1 - p0).

    Returns:
        None where nothing is known yet, or where the rate is the limit itself, which no number of images settles.
    """
    if rate.experiments == 0 or rate.rate == limit:
        return None
    return math.floor(_Z**2 * limit * (1 - limit) / (rate.rate - limit) ** 2) + 1


def smallest_detectable(experiments: int, power: float = 0.95) -> float | None:
    """The smallest true rate that shows at least one success in so many experiments with probability `power`.

    1 - (1 - power)^(1/n), which is close to 3/n ("rule of three") for 95 %; None without experiments.
    """
    return None if experiments == 0 else 1 - (1 - power) ** (1 / experiments)
