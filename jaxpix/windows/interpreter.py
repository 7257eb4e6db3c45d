"""The equations of a function on windows, one after the other, as far as there are rules."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from ..pixels import Pixels
from . import rules, shape_rules, sliding  # noqa: F401  (they register their rules)
from .programs import Equation, Literal, Program
from .reach import Reach
from .scene import Scene
from .values import RULES, NoRuleError, Static, Value, Windows

if TYPE_CHECKING:
    from .constants import Constants
    from .values import Base


class Interpreter:
    """Windows of a program's variables, equation by equation.

    Args:
        program: of one image.
        constants: of the function.
        base: maps of the unchanged image.
        pixels: the changed ones [P, K].
        on_read: see `Scene`.

    Attributes:
        values: windows of the variables so far.
        scene: what they are read from.
    """

    def __init__(
        self,
        program: Program,
        constants: Constants,
        base: Base,
        pixels: Pixels,
        on_read: Callable[[int, int], None] | None = None,
    ):
        self._program, self._constants = program, constants
        self.scene = Scene(pixels, base, on_read)
        shape = program.shapes[program.images].shape
        values = visible(pixels).astype(jnp.float32)[:, :, None, None, None]
        changed = Windows(values, program.images, shape, (1, 2), (Reach(), Reach()))
        self.values: dict[int, Windows] = {program.images: changed}

    def steps(self, last: int) -> Iterator[int]:
        """Compute equation by equation up to `last` (exclusive); yields the number of each that was done.

        Raises:
            NoRuleError: an equation has no rule.
        """
        for number, equation in enumerate(self._program.equations[:last]):
            if self._program.depends(equation):
                self._step(number, equation)
                yield number

    def _step(self, number: int, equation: Equation) -> None:
        if equation.name not in RULES:
            raise NoRuleError
        inputs = [self._value(number, place, atom) for place, atom in enumerate(equation.inputs)]
        shapes = [self._program.shapes[output].shape for output in equation.outputs]
        for windows in RULES[equation.name](self.scene, equation, inputs, shapes):
            self.values[windows.variable] = windows

    def _value(self, number: int, place: int, atom: Any) -> Value:
        if isinstance(atom, Literal):
            return Static(atom.value, np.shape(atom.value))
        if atom in self._program.dependent:
            return self.values[atom]
        if place == 1 and number in self._constants.kernels:
            return Static(self._constants.kernels[number], ())
        return Static(self._constants.values[atom], self._program.shapes[atom].shape)


def visible(pixels: Pixels) -> jax.Array:
    """Values [P, K, C] that show: where positions are equal, the last pixel's."""
    same = (pixels.x[:, :, None] == pixels.x[:, None]) & (pixels.y[:, :, None] == pixels.y[:, None])
    num_pixels = pixels.x.shape[1]
    last = jnp.max(jnp.where(same, np.arange(num_pixels)[None, None], 0), axis=-1)
    return jnp.take_along_axis(pixels.values, last[..., None], axis=1)


def some_pixels(num_pixels: int, channels: int) -> Pixels:
    """The shapes of one candidate's pixels, to trace with."""
    place = jax.ShapeDtypeStruct((1, num_pixels), jnp.int32)
    values = jax.ShapeDtypeStruct((1, num_pixels, channels), jnp.int32)
    return Pixels(place, place, values)  # type: ignore[arg-type]
