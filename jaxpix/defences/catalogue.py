"""The defences by their names: a word, and where it takes one, a number: `median3`, `jpeg75`, `bits4`."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from ..errors import InputError, did_you_mean, shown
from . import filters, jpeg
from .defence import Defence
from .medians import distinct_values

if TYPE_CHECKING:
    from ..victim.victim import Victim

SIGMA_SPACE, SIGMA_VALUE = 2.0, 30.0
"""Of the bilateral filter: positions, and grey levels."""


class Kind(NamedTuple):
    """A defence that waits for its number.

    Attributes:
        made: number -> the defence.
        usual: the number where none is said.
        allowed: the numbers that it takes, lowest and highest.
        odd: only odd numbers.
    """

    made: Callable[[int], Defence]
    usual: int
    allowed: tuple[int, int]
    odd: bool = False


def _median(size: int) -> Defence:
    says = f"median of {size}x{size} positions, nearest values beyond the border"
    filter = functools.partial(filters.median, size=size)
    return Defence(f"median{size}", says, filter, told_apart=functools.partial(distinct_values, size=size))


def _gaussian(sigma: int) -> Defence:
    says = f"Gaussian blur, sigma {sigma}, cut off at two sigma, nearest values beyond the border"
    return Defence(f"gaussian{sigma}", says, functools.partial(filters.gaussian, sigma=float(sigma)))


def _bilateral(size: int) -> Defence:
    says = f"bilateral filter of {size}x{size} positions, sigma {SIGMA_SPACE} positions and {SIGMA_VALUE} grey levels"
    fn = functools.partial(filters.bilateral, size=size, sigma_space=SIGMA_SPACE, sigma_value=SIGMA_VALUE)
    return Defence(f"bilateral{size}", says, fn)


def _jpeg(quality: int) -> Defence:
    return Defence(
        f"jpeg{quality}",
        f"JPEG of quality {quality}, 4:4:4, judged from Pillow's",
        functools.partial(jpeg.stand_in, quality=quality),
        functools.partial(jpeg.by_pillow, quality=quality),
    )


def _bits(bits: int) -> Defence:
    says = f"rounded to {2**bits} levels ({bits} bits a channel)"
    filter = functools.partial(filters.fewer_bits, bits=bits)
    return Defence(f"bits{bits}", says, filter, told_apart=functools.partial(filters.steps_of, filter=filter))


def _resize(factor: int) -> Defence:
    says = f"made {factor} times smaller and larger again, bilinear, antialiased"
    return Defence(f"resize{factor}", says, functools.partial(filters.down_and_up, factor=factor))


KINDS = {
    "median": Kind(_median, 3, (3, 5), odd=True),
    "gaussian": Kind(_gaussian, 1, (1, 4)),
    "bilateral": Kind(_bilateral, 5, (3, 7), odd=True),
    "jpeg": Kind(_jpeg, 75, (1, 100)),
    "bits": Kind(_bits, 4, (1, 7)),
    "resize": Kind(_resize, 2, (2, 8)),
}


def defence_of(name: str) -> Defence:
    """The defence of that name.

    Raises:
        InputError: there is none, or it does not take that number; says which there are.
    """
    found = re.fullmatch(r"([a-z]+)([0-9]{0,4})", name)
    word, digits = found.groups() if found else (name, "")
    kind = KINDS.get(word)
    if kind is None:
        raise InputError(
            f"unknown defence {shown(name)!r}{did_you_mean(word, KINDS)}; there are {', '.join(map(_offered, KINDS))}"
        )
    number = int(digits) if digits else kind.usual
    low, high = kind.allowed
    if not low <= number <= high or (kind.odd and number % 2 == 0):
        raise InputError(
            f"defence {name!r}: expected {'an odd number' if kind.odd else 'a number'} from {low} to {high} behind "
            f"{word!r}, got {number}"
        )
    return kind.made(number)


def _offered(word: str) -> str:
    kind = KINDS[word]
    return f"{word}{kind.usual} ({'odd ' * kind.odd}{kind.allowed[0]} to {kind.allowed[1]})"


def defended(victim: Victim, *names: str) -> Victim:
    """The victim behind defences, of which images go through the first one first.

    Args:
        victim: any.
        names: such as `median3` or `jpeg75`; see `defence_of`.

    Raises:
        InputError: a name is unknown.
    """
    for defence in reversed([defence_of(name) for name in names]):
        victim = defence.before(victim)
    return victim
