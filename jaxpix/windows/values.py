"""What an equation's inputs are while only the changed windows are computed, and the rules that are told of them.

A `Windows` value holds, of every candidate, what K changed pixels have made of K regions of a map; everything
outside of them is as in the base, the maps of the unchanged image. (Exact occlusion inference: Nakandala et al.,
SIGMOD 2019; here for K windows that may overlap, for whole populations, and for any function.)

A rule says what becomes of windows in one of JAX's operations. It gets the scene, the equation and its inputs, of
which one at least is `Windows`, and gives the windows of its outputs. It raises `NoRuleError` where the operation
looks further than windows can follow.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import jax

if TYPE_CHECKING:
    from .reach import Reaches

Base = Mapping[int, jax.Array]
"""Maps [H, W, …] of the unchanged image, positions first, by variable."""


class NoRuleError(Exception):
    """An operation has no rule for windows; from here on whole maps are computed."""


@dataclasses.dataclass(frozen=True)
class Windows:
    """K changed windows of each of P candidates, of one variable.

    Attributes:
        values: [P, K, rows, columns, …], whatever order the variable's own axes have; behind the positions its
            other axes in their order, the batch of 1 among them. Each window is complete: it holds the effect of
            all K pixels. Undefined outside the map.
        variable: number of the variable, by which its base is found.
        shape: of the variable, with a batch of 1.
        axes: which of the variable's axes are the rows and the columns of positions.
        reach: of the windows along rows and columns.
    """

    values: jax.Array
    variable: int
    shape: tuple[int, ...]
    axes: tuple[int, int]
    reach: Reaches

    @property
    def size(self) -> tuple[int, int]:
        """(H, W) of the map."""
        return self.shape[self.axes[0]], self.shape[self.axes[1]]

    @property
    def extent(self) -> tuple[int, int]:
        """Rows and columns of a window."""
        return self.values.shape[2], self.values.shape[3]

    @property
    def others(self) -> tuple[int, ...]:
        """The variable's axes that are no positions, in order."""
        return tuple(axis for axis in range(len(self.shape)) if axis not in self.axes)

    def place_of(self, axis: int) -> int:
        """Where `values` has an axis of the variable."""
        return 2 + self.axes.index(axis) if axis in self.axes else 4 + self.others.index(axis)


@dataclasses.dataclass(frozen=True)
class Static:
    """A value that does not depend on the image.

    Attributes:
        values: compact: an axis along which nothing changes may have size 1.
        shape: in full.
    """

    values: Any
    shape: tuple[int, ...]


Value = Windows | Static

Shape = tuple[int, ...]
Rule = Callable[[Any, Any, list[Value], list[Shape]], list[Windows]]
"""(scene, equation, its inputs, shapes of its outputs with a batch of 1) -> windows of the outputs."""

RULES: dict[str, Rule] = {}


def rule(*names: str) -> Callable[[Rule], Rule]:
    """Registers a rule for primitives of these names."""

    def register(function: Rule) -> Rule:
        RULES.update(dict.fromkeys(names, function))
        return function

    return register


def only_windows(inputs: list[Value]) -> Windows:
    """The first input, where it alone depends on the image."""
    first, *rest = inputs
    if not isinstance(first, Windows) or any(isinstance(other, Windows) for other in rest):
        raise NoRuleError
    return first


def joined(inputs: list[Value]) -> tuple[Windows, Reaches]:
    """One of several windows over maps of one size, and the reach of all of them together."""
    first, *rest = [value for value in inputs if isinstance(value, Windows)]
    reach = first.reach
    for other in rest:
        strides = [one.stride for one in reach], [one.stride for one in other.reach]
        if other.axes != first.axes or other.size != first.size or strides[0] != strides[1]:
            raise NoRuleError
        reach = reach[0].join(other.reach[0]), reach[1].join(other.reach[1])
    return first, reach


def features_of(shape: Shape, axes: tuple[int, int]) -> Shape:
    """Sizes of the axes that are no positions, in order."""
    return tuple(size for axis, size in enumerate(shape) if axis not in axes)
