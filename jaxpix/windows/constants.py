"""What a function computes from its weights alone: once per victim, not once per candidate.

Values are kept compact. A scale that is broadcast over a map stays one number per feature; what reads it
broadcasts it again. Kernels of convolutions are kept in the form that their fastest way wants.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from .programs import Atom, Equation, Literal, Program
from .rules import ELEMENTWISE
from .sliding import Convolution, convolution_of


class Constants(NamedTuple):
    """Attributes:
    values: compact, by variable.
    kernels: [kh, kw, in / groups, out], by the number of the equation that reads them.
    transformed: the same for Winograd's form, [4, 4, in, out].
    """

    values: Mapping[int, Any]
    kernels: Mapping[int, Any]
    transformed: Mapping[int, Any]


def in_full(value: Any, shape: tuple[int, ...]) -> jax.Array:
    """A compact value in its full shape."""
    value = jnp.asarray(value)
    return value if value.shape == shape else jax.lax.broadcast_in_dim(value, shape, range(len(shape)))


def convolutions(program: Program) -> dict[int, Convolution]:
    """Convolutions of what depends on the images with what does not, by the number of their equation."""
    found = {}
    for number, equation in enumerate(program.equations):
        convolution = convolution_of(equation)
        # The images, not the kernel, must be what depends on the images.
        if convolution and [atom in program.dependent for atom in equation.inputs] == [True, False]:
            found[number] = convolution
    return found


def compute(program: Program, weights: Any, transformed: Collection[int]) -> Constants:
    """All constants of a program; `transformed` names the equations whose kernels take Winograd's form."""
    values = program.start(weights)

    def value_of(atom: Atom) -> Any:
        return atom.value if isinstance(atom, Literal) else values[atom]

    for equation in program.equations:
        if not program.depends(equation):
            results = _compact(program, equation, [value_of(atom) for atom in equation.inputs])
            values.update(zip(equation.outputs, results, strict=True))
    kernels, winograd = {}, {}
    for number, convolution in convolutions(program).items():
        atom = program.equations[number].inputs[1]
        kernel = in_full(value_of(atom), program.shape_of(atom))
        if number in transformed:
            winograd[number] = convolution.prepared(kernel, transformed=True)
        else:
            kernels[number] = convolution.prepared(kernel)
    return Constants(values, kernels, winograd)


def _compact(program: Program, equation: Equation, inputs: list[Any]) -> list[jax.Array]:
    """The operation on compact values; compact where its kind permits."""
    shape = program.shapes[equation.outputs[0]].shape
    if equation.name == "broadcast_in_dim" and len(inputs) == 1:
        kept = [1] * len(shape)
        for size, axis in zip(np.shape(inputs[0]), equation.params["broadcast_dimensions"], strict=True):
            kept[axis] = size
        return [jnp.reshape(inputs[0], kept)]
    if equation.name in ELEMENTWISE:
        sizes = [np.shape(value) for value in inputs if np.ndim(value)]
        common = tuple(map(max, zip(*sizes, strict=True))) if sizes else ()
        spread = [
            value if isinstance(atom, Literal) else jnp.broadcast_to(value, common)
            for value, atom in zip(inputs, equation.inputs, strict=True)
        ]
        return equation.bind(*spread)
    if equation.name == "transpose":
        return equation.bind(*inputs)
    given = [program.shape_of(atom) for atom in equation.inputs]
    if equation.name in ("reshape", "squeeze", "expand_dims") and len(inputs) == 1:
        short = _without_ones(given[0], shape, np.shape(inputs[0]))
        if short is not None:
            return [jnp.reshape(inputs[0], short)]
    return equation.bind(*(in_full(value, full) for value, full in zip(inputs, given, strict=True)))


def _without_ones(
    before: tuple[int, ...], after: tuple[int, ...], compact: tuple[int, ...]
) -> list[int] | None:
    """The compact shape after a reshape that only adds or drops axes of one; None: it does more."""
    kept = [size for size, full in zip(compact, before, strict=True) if full != 1]
    if [full for full in before if full != 1] != [full for full in after if full != 1]:
        return None
    left = iter(kept)
    return [1 if full == 1 else next(left) for full in after]


def suited_to_winograd(program: Program) -> list[int]:
    """Equations that whole maps compute faster by Winograd's form."""
    return [
        number
        for number, convolution in convolutions(program).items()
        if convolution.suits_winograd(program.shape_of(program.equations[number].inputs[1]))
    ]


class Recorded(dict[int, Any]):
    """Stands for arrays of known shapes and notes which of them are read."""

    def __init__(self, shapes: Mapping[int, Any]):
        super().__init__(shapes)
        self.read = set[int]()

    def __getitem__(self, number: int) -> jax.Array:
        self.read.add(number)
        shape = super().__getitem__(number)
        return jnp.zeros(shape.shape, shape.dtype)


def recorded(constants: Constants) -> Constants:
    """Constants of which only the shapes are known, as functions read them that are only traced."""
    return Constants(*map(Recorded, constants))


def read_of(constants: Constants) -> list[set[int]]:
    """What was read of each part of `recorded` constants."""
    return [part.read for part in constants if isinstance(part, Recorded)]


def recorded_maps(program: Program) -> Recorded:
    """The same of the maps of the unchanged image."""
    return Recorded(dict(enumerate(program.shapes)))
