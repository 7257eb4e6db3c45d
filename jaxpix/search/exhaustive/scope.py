"""What an exhaustive search tries on every image: single pixels, and sets of the worst of them."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from ...errors import InputError
from ...records.pixel_sets import num_sets
from .grid import Grid, grid_of

if TYPE_CHECKING:
    from ...config import AttackConfig

MOST_PIXELS = 3
COMPLETE = 2_000_000
"""Sets of so many pixels that are all tried, of all positions with all values."""
FEW_VALUES = 2
"""Where there are more: of each position so many, the worst ones that differ much."""
_LEAST_SETS = 10_000
# Rows of an image are kept in memory.
_MOST_SETS = 2**27


@dataclasses.dataclass(frozen=True)
class Together:
    """Sets of `count` pixels: every choice among the `num_positions` worst positions, with `num_values` each."""

    count: int
    num_positions: int
    num_values: int

    @property
    def size(self) -> int:
        """How many sets these are."""
        return num_sets(self.count, self.num_positions, self.num_values)


@dataclasses.dataclass(frozen=True)
class Scope:
    """What is tried on every image.

    Attributes:
        grid: numbers single pixels.
        together: sets of 2, 3, … pixels; none: single pixels alone.
    """

    grid: Grid
    together: tuple[Together, ...] = ()

    @property
    def size(self) -> int:
        """Candidates that are numbered, those among them that leave some of their pixels as they are."""
        return self.grid.size + sum(one.size for one in self.together)

    @property
    def is_bound(self) -> bool:
        """Sets of some positions or values alone are tried, so that others may be adversarial, too."""
        every = (len(self.grid.positions), len(self.grid.values))
        return any((one.num_positions, one.num_values) != every for one in self.together)

    @property
    def suffix(self) -> str:
        """What records say of it besides the values: "", ", sets of 2", ", sets of 3, lower bound"."""
        sets = f", sets of {self.together[-1].count}" if self.together else ""
        return sets + ", lower bound" * self.is_bound

    def __str__(self) -> str:
        """For people."""
        sets = (
            f"sets of {one.count}: {one.num_positions:,} positions x {one.num_values:,} values"
            for one in self.together
        )
        return "; ".join([str(self.grid), *sets])


def scope_of(config: AttackConfig, image_shape: tuple[int, int, int]) -> Scope | None:
    """What a configuration means for images of a shape; None: it asks for another search.

    Raises:
        InputError: more than three pixels, too many sets; see `grid_of`.
    """
    grid = grid_of(config, image_shape)
    if grid is None:
        return None
    if config.num_pixels > MOST_PIXELS:
        raise InputError(
            f"an exhaustive search changes 1, 2 or 3 pixels, got num_pixels {config.num_pixels}: use search evolution"
        )
    if config.worst is not None and config.num_pixels == 1:
        raise InputError("worst says of how many positions sets are made: it needs num_pixels 2 or 3, got 1")
    together = tuple(_together(count, grid, config.worst) for count in range(2, config.num_pixels + 1))
    for one in together:
        if one.size > _MOST_SETS:
            raise InputError(
                f"worst {config.worst}: {one.num_positions:,} positions with {one.num_values} values make "
                f"{one.size:,} sets of {one.count} pixels; at most {_MOST_SETS:,} are allowed"
            )
    return Scope(grid, together)


def _together(count: int, grid: Grid, worst: int | None) -> Together:
    """All sets, where these are few; else those of the worst positions, about as many as there are single pixels."""
    positions, values = len(grid.positions), len(grid.values)
    chosen = positions if worst is None else min(worst, positions)
    whole = Together(count, positions, values)
    if chosen == positions and whole.size <= COMPLETE:
        return whole
    few, budget = min(values, FEW_VALUES), max(grid.size, _LEAST_SETS)
    if worst is None:
        while num_sets(count, chosen, few) > budget:
            chosen -= max(1, chosen // 100)
    return Together(count, chosen, few)
