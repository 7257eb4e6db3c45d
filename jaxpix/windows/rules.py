"""Rules of operations that compute each position by itself, or over its features."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp

from .programs import Equation, Literal
from .values import NoRuleError, Shape, Static, Value, Windows, joined, only_windows, rule

if TYPE_CHECKING:
    from .scene import Scene

_ELEMENTWISE = """
abs acos acosh add add_any and asin asinh atan atan2 atanh bessel_i0e bessel_i1e cbrt ceil clamp
convert_element_type copy copy_p cos cosh digamma div eq eq_to erf erf_inv erfc exp exp2 expm1 floor ge gt
igamma igammac imag integer_pow is_finite le le_to lgamma log log1p logistic lt lt_to max min mul ne neg
nextafter not or population_count pow real reduce_precision rem round rsqrt select_n shift_left
shift_right_arithmetic shift_right_logical sign sin sinh sqrt square stop_gradient sub tan tanh xor
"""
ELEMENTWISE = frozenset(_ELEMENTWISE.split())


@rule(*ELEMENTWISE)
def elementwise(scene: Scene, equation: Equation, inputs: list[Value], shapes: list[Shape]) -> list[Windows]:
    """Each position by itself; constants are broadcast, or gathered where they depend on the position."""
    first, reach = joined(inputs)

    def operand(value: Value, atom: Any) -> Any:
        if isinstance(value, Windows):
            return scene.at(value, reach)
        return atom.value if isinstance(atom, Literal) else scene.constant_at(value, first, reach)

    values = [operand(value, atom) for value, atom in zip(inputs, equation.inputs, strict=True)]
    (result,) = equation.bind(*values)
    return [Windows(result, equation.outputs[0], shapes[0], first.axes, reach)]


@rule("optimization_barrier")
def barrier(scene: Scene, equation: Equation, inputs: list[Value], shapes: list[Shape]) -> list[Windows]:
    """Nothing happens to a value; all of them must be windows."""
    if not all(isinstance(value, Windows) for value in inputs):
        raise NoRuleError
    kept = zip(inputs, equation.outputs, strict=True)
    return [
        Windows(w.values, number, w.shape, w.axes, w.reach) for w, number in kept if isinstance(w, Windows)
    ]


_REDUCTIONS = "reduce_sum reduce_max reduce_min reduce_prod reduce_and reduce_or reduce_xor argmax argmin"
# Which parameter names the axes along which an operation goes.
_ALONG = {
    **dict.fromkeys(_REDUCTIONS.split(), "axes"),
    **dict.fromkeys(("cumsum", "cumprod", "cummax", "cummin", "cumlogsumexp", "split"), "axis"),
    "rev": "dimensions",
}


@rule(*_ALONG)
def along_features(
    scene: Scene, equation: Equation, inputs: list[Value], shapes: list[Shape]
) -> list[Windows]:
    """Over features, as a layer normalisation does, or from RGB to BGR; over positions (a global mean) no rule."""
    x, name = only_windows(inputs), _ALONG[equation.name]
    given = equation.params[name]
    along = (given,) if isinstance(given, int) else given
    if set(along) & set(x.axes) or equation.params.get("out_sharding") is not None:
        raise NoRuleError
    places = tuple(sorted(map(x.place_of, along)))
    results = equation.bind(x.values, **{name: places[0] if isinstance(given, int) else places})
    left = [axis for axis in range(len(x.shape)) if name != "axes" or axis not in along]
    axes = left.index(x.axes[0]), left.index(x.axes[1])
    outputs = zip(results, equation.outputs, shapes, strict=True)
    return [Windows(result, number, shape, axes, x.reach) for result, number, shape in outputs]


@rule("gather")
def gather(scene: Scene, equation: Equation, inputs: list[Value], shapes: list[Shape]) -> list[Windows]:
    """Of features by constant indices (`x[..., [2, 1, 0]]`): positions must be taken whole."""
    x = only_windows(inputs)
    numbers, sizes = equation.params["dimension_numbers"], equation.params["slice_sizes"]
    removed = {*numbers.collapsed_slice_dims, *numbers.operand_batching_dims}
    looked_up = {*numbers.start_index_map, *removed}
    if looked_up & set(x.axes) or any(sizes[axis] != x.shape[axis] for axis in x.axes):
        raise NoRuleError
    indices = inputs[1]
    assert isinstance(indices, Static)
    index = jnp.broadcast_to(indices.values, indices.shape)
    own = tuple(x.extent[x.axes.index(axis)] if axis in x.axes else n for axis, n in enumerate(sizes))
    # One window in the variable's own order of axes, positions counted as the window has them.
    values = jnp.moveaxis(x.values, (2, 3), (2 + x.axes[0], 2 + x.axes[1]))

    def one(values: jax.Array) -> jax.Array:
        return equation.bind(values, index, slice_sizes=own)[0]

    kept = [axis for axis in range(len(x.shape)) if axis not in removed]
    axes = tuple(numbers.offset_dims[kept.index(axis)] for axis in x.axes)
    result = jnp.moveaxis(jax.vmap(jax.vmap(one))(values), (2 + axes[0], 2 + axes[1]), (2, 3))
    return [Windows(result, equation.outputs[0], shapes[0], (axes[0], axes[1]), x.reach)]


@rule("dot_general")
def product(scene: Scene, equation: Equation, inputs: list[Value], shapes: list[Shape]) -> list[Windows]:
    """With a constant, over features: a linear layer at each position."""
    (contract_left, contract_right), (batch_left, batch_right) = equation.params["dimension_numbers"]
    if batch_left or batch_right or equation.params.get("out_sharding") is not None:
        raise NoRuleError
    is_left = isinstance(inputs[0], Windows)
    x, matrix = inputs if is_left else inputs[::-1]
    contract, over = (contract_left, contract_right) if is_left else (contract_right, contract_left)
    if not isinstance(x, Windows) or not isinstance(matrix, Static) or set(contract) & set(x.axes):
        raise NoRuleError
    constant = jnp.broadcast_to(matrix.values, matrix.shape)
    places = tuple(x.place_of(axis) for axis in contract)
    # The windows come first, so positions stay in front; a constant that was on the left has its axes moved there.
    (result,) = equation.bind(x.values, constant, dimension_numbers=((places, tuple(over)), ((), ())))
    free = [axis for axis in range(len(x.shape)) if axis not in contract]
    axes = free.index(x.axes[0]), free.index(x.axes[1])
    if not is_left:
        added = len(matrix.shape) - len(over)
        result = jnp.moveaxis(result, range(result.ndim - added, result.ndim), range(4, 4 + added))
        axes = axes[0] + added, axes[1] + added
    return [Windows(result, equation.outputs[0], shapes[0], axes, x.reach)]
