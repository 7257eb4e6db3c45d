"""JAX functions of a batch of images as flat lists of equations.

All that jaxpix needs to know of JAX's jaxprs is here: they are traced, calls inside them are opened, what nobody
reads is dropped, and what depends on the images is told from what depends on weights alone.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import jax
import numpy as np

# Calls whose inner jaxpr stands for them, and where they keep it.
_NAMES = """
jit pjit closed_call core_call remat remat2 checkpoint custom_jvp_call custom_vjp_call
custom_vjp_call_jaxpr
"""
_CALLS = frozenset(_NAMES.split())
_BODIES = ("jaxpr", "call_jaxpr", "fun_jaxpr")


@dataclasses.dataclass(frozen=True, eq=False)
class Literal:
    """A number written into an equation."""

    value: Any


Atom = int | Literal
"""What an equation reads: a variable by number, or a literal."""


@dataclasses.dataclass(frozen=True)
class Equation:
    """One operation.

    Attributes:
        primitive, params: of JAX.
        inputs, outputs: what is read, and the variables that are defined.
        scope: names of `jax.named_scope` around it, outermost first, joined by "/".
    """

    primitive: Any
    params: dict[str, Any]
    inputs: tuple[Atom, ...]
    outputs: tuple[int, ...]
    scope: str

    @property
    def name(self) -> str:
        """Of the primitive."""
        return self.primitive.name

    @property
    def reads(self) -> tuple[int, ...]:
        """The variables among its inputs."""
        return tuple(atom for atom in self.inputs if isinstance(atom, int))

    def bind(self, *values: Any, **changed: Any) -> list[jax.Array]:
        """The operation on values, with some parameters changed."""
        params = self.primitive.get_bind_params({**self.params, **changed})
        # Some versions of JAX give functions besides.
        functions, params = params if isinstance(params, tuple) else ((), params)
        result = self.primitive.bind(*functions, *values, **params)
        return list(result) if self.primitive.multiple_results else [result]


class Program:
    """A function (weights, images [B, H, W, C]) -> outputs [B, N] for one B.

    Equal numbers name the same variables in programs of one function with other B, where `matches` says so.

    Attributes:
        equations: in order; each is read by a later one or gives the outputs.
        shapes: of every variable.
        constants: arrays that the function closes over, by variable.
        weights: variables of the leaves of the weights.
        images, outputs: what goes in and comes out.
        dependent: variables that depend on the images.
    """

    def __init__(self, fn: Callable[[Any, jax.Array], jax.Array], weights: Any, images: jax.ShapeDtypeStruct):
        closed = jax.make_jaxpr(fn)(weights, images)
        self.shapes: list[Any] = []
        self.constants: dict[int, Any] = {}
        numbers = [self._new(variable.aval) for variable in closed.jaxpr.invars]
        self.weights, self.images = tuple(numbers[:-1]), numbers[-1]
        equations: list[Equation] = []
        results = self._open(closed.jaxpr, closed.consts, numbers, "", equations)
        if len(results) != 1:
            raise TypeError(f"expected one array of outputs, got {len(results)}")
        self.outputs = results[0]
        self.equations = _without_unread(equations, self.outputs)
        self.dependent = {self.images}
        for equation in self.equations:
            if self.dependent.intersection(equation.reads):
                self.dependent.update(equation.outputs)

    def _new(self, aval: Any) -> int:
        self.shapes.append(jax.ShapeDtypeStruct(aval.shape, aval.dtype))
        return len(self.shapes) - 1

    def _open(
        self, jaxpr: Any, consts: Any, inputs: Any, scope: str, equations: list[Equation]
    ) -> list[Atom]:
        """Append the equations of a jaxpr and of the calls in it; what it returns."""
        numbers: dict[Any, Atom] = dict(zip(jaxpr.invars, inputs, strict=True))
        for variable, value in zip(jaxpr.constvars, consts, strict=True):
            numbers[variable] = self._new(variable.aval)
            self.constants[numbers[variable]] = value  # type: ignore[index]

        def atom(read: Any) -> Atom:
            return Literal(read.val) if hasattr(read, "val") else numbers[read]

        for equation in jaxpr.eqns:
            read = tuple(map(atom, equation.invars))
            inner = "/".join(filter(None, (scope, str(equation.source_info.name_stack))))
            body = next((equation.params[key] for key in _BODIES if key in equation.params), None)
            if equation.primitive.name in _CALLS and body is not None:
                opened, values = (body.jaxpr, body.consts) if hasattr(body, "consts") else (body, ())
                results = self._open(opened, values, read, inner, equations)
                numbers.update(zip(equation.outvars, results, strict=True))
                continue
            defined = tuple(self._new(variable.aval) for variable in equation.outvars)
            numbers.update(zip(equation.outvars, defined, strict=True))
            equations.append(Equation(equation.primitive, equation.params, read, defined, inner))
        return [atom(variable) for variable in jaxpr.outvars]

    def shape_of(self, atom: Atom) -> tuple[int, ...]:
        """The shape of what an equation reads."""
        return np.shape(atom.value) if isinstance(atom, Literal) else self.shapes[atom].shape

    def depends(self, equation: Equation) -> bool:
        """Whether what an equation makes depends on the images."""
        return not self.dependent.isdisjoint(equation.outputs)

    def matches(self, other: Program) -> bool:
        """Whether both are the same operations, whatever the sizes."""

        def signature(program: Program) -> Iterator[Any]:
            yield program.outputs if isinstance(program.outputs, int) else None
            for equation in program.equations:
                yield equation.name, equation.reads, equation.outputs

        return list(signature(self)) == list(signature(other))

    def start(self, weights: Any) -> dict[int, Any]:
        """Values of the variables that are given: leaves of the weights, and what is closed over."""
        leaves = jax.tree.leaves(weights)
        return {**self.constants, **dict(zip(self.weights, leaves, strict=True))}

    def read_after(self, position: int) -> list[int]:
        """Variables that depend on the images, are known before the equation `position`, and read from it on."""
        known = {self.images}.union(*(equation.outputs for equation in self.equations[:position]))
        read = {number for equation in self.equations[position:] for number in equation.reads}
        if isinstance(self.outputs, int):
            read.add(self.outputs)
        return sorted(known & read & self.dependent)


def _without_unread(equations: list[Equation], outputs: Atom) -> list[Equation]:
    read, kept = {outputs}, []
    for equation in reversed(equations):
        if read.intersection(equation.outputs):
            kept.append(equation)
            read.update(equation.reads)
    return kept[::-1]
