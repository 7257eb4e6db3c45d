"""A function of images, traced: on one image, and on as many as are evaluated together.

Whole maps are computed by its equations, with convolutions and pools in the form that is fastest where they run.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Mapping
from typing import Any

import jax
import jax.numpy as jnp

from .constants import Constants, compute, convolutions, in_full
from .programs import Atom, Literal, Program
from .sliding import pooling_of

Apply = Callable[[Any, jax.Array], jax.Array]


class Network:
    """A function (weights, float images [B, H, W, C]) -> outputs [B, N], and what is known of it.

    Attributes:
        image_shape: (H, W, C).
        one: its equations for a batch of one, which windows are computed by.
        varying: variables of `one` that depend on the size of the batch but on no image.
        is_batched: whether a larger batch runs the same equations. If not, the equations of one image are mapped
            over the batch.
    """

    def __init__(self, fn: Apply, weights: Any, image_shape: tuple[int, int, int]):
        self._fn, self.image_shape = fn, image_shape
        self._weights = jax.tree.map(
            lambda leaf: jax.ShapeDtypeStruct(jnp.shape(leaf), jnp.result_type(leaf)), weights
        )
        self._traced: dict[int, tuple[Program, WholeMaps]] = {}
        self.one = self._trace(1)
        two = self._trace(2)
        self.is_batched = self.one.matches(two)
        static = set(range(len(self.one.shapes))) - self.one.dependent
        varying = [n for n in static if self.is_batched and self.one.shapes[n] != two.shapes[n]]
        self.varying = frozenset(varying)
        self._two = two

    def _trace(self, batch: int) -> Program:
        return Program(self._fn, self._weights, jax.ShapeDtypeStruct((batch, *self.image_shape), jnp.float32))

    def whole(self, batch: int) -> tuple[Program, WholeMaps]:
        """The equations for a batch, and what runs them."""
        if batch not in self._traced:
            program = self.one if batch == 1 else self._two if batch == 2 else self._trace(batch)
            self._traced[batch] = program, WholeMaps(program, self.varying)
        return self._traced[batch]

    def constants(self, weights: Any, transformed: Collection[int] = ()) -> Constants:
        """All constants; see `constants`."""
        return compute(self.one, weights, transformed)

    def batch_axis(self, number: int) -> int | None:
        """Which axis of a variable counts the images; None: no axis of its own does."""
        if not self.is_batched:
            return None
        sizes = list(zip(self.one.shapes[number].shape, self._two.shapes[number].shape, strict=True))
        differing = [axis for axis, (one, two) in enumerate(sizes) if one != two]
        return differing[0] if len(differing) == 1 and sizes[differing[0]] == (1, 2) else None


class WholeMaps:
    """Runs equations of one program.

    Args:
        program: traced for the batch that is evaluated.
        varying: variables that depend on the size of the batch, though not on the images; they are computed here.
    """

    def __init__(self, program: Program, varying: frozenset[int]):
        self._program, self._varying = program, varying
        self._convolutions = convolutions(program)
        self._made_by = {number: equation for equation in program.equations for number in equation.outputs}

    def run(
        self, constants: Constants, known: Mapping[int, jax.Array], first: int, last: int
    ) -> dict[int, jax.Array]:
        """Values of all variables that depend on the images and are made by the equations `first` to `last`.

        Args:
            constants: of the function.
            known: values that earlier equations made, in the order of the variable's own axes.
        """
        values, small = dict(known), self._small(constants)
        for position in range(first, last):
            equation = self._program.equations[position]
            if not self._program.depends(equation):
                continue
            if position in self._convolutions:
                image = values[equation.inputs[0]]  # type: ignore[index]
                is_transformed = position in constants.transformed
                kernel = (constants.transformed if is_transformed else constants.kernels)[position]
                result = self._convolutions[position].whole(image, kernel, is_transformed=is_transformed)
                values[equation.outputs[0]] = result
                continue
            read = [self._read(atom, values, small) for atom in equation.inputs]
            pool = pooling_of(equation)
            results = [pool(read[0])] if pool else equation.bind(*read)
            values.update(zip(equation.outputs, results, strict=True))
        return values

    def outputs(self, values: Mapping[int, jax.Array], constants: Constants) -> jax.Array:
        """What the function returns."""
        return jnp.asarray(self._read(self._program.outputs, values, self._small(constants)))

    def _read(self, atom: Atom, values: Mapping[int, jax.Array], small: Callable[[int], Any]) -> Any:
        if isinstance(atom, Literal):
            return atom.value
        if atom in self._program.dependent:
            return values[atom]
        return in_full(small(atom), self._program.shapes[atom].shape)

    def _small(self, constants: Constants) -> Callable[[int], Any]:
        """Values that do not depend on the images: kept, or computed once for this size of the batch."""

        @functools.cache
        def value_of(number: int) -> Any:
            if number not in self._varying:
                return constants.values[number]
            equation = self._made_by[number]
            results = equation.bind(*(self._read(atom, {}, value_of) for atom in equation.inputs))
            return results[equation.outputs.index(number)]

        return value_of
