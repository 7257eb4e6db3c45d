"""Convolutions and pools: read from their equations, on whole maps, and on windows.

Whatever order of axes a function uses, they are computed with features last: XLA's CPU backend runs any other
convolution up to 70 times slower inside a loop (jax#12868).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from ..platforms import on_cpu
from .convolve import Sliding, convolve, taps
from .reach import Pair, Reaches, slid
from .values import NoRuleError, Shape, Static, Value, Windows, features_of, only_windows, rule
from .winograd import LEAST_FEATURES, transform_kernel, winograd

if TYPE_CHECKING:
    from .programs import Equation
    from .scene import Scene


@dataclasses.dataclass(frozen=True)
class Convolution:
    """A convolution of two dimensions with a kernel of weights, as its equation says.

    Attributes:
        sliding: along its first and second spatial axis.
        inputs, kernel, outputs: axes of batch, features, first and second spatial axis; of the kernel, features out,
            in, and the two.
    """

    sliding: Sliding
    inputs: tuple[int, ...]
    kernel: tuple[int, ...]
    outputs: tuple[int, ...]

    def prepared(self, kernel: jax.Array, *, transformed: bool = False) -> jax.Array:
        """The kernel as [kh, kw, in / groups, out], or Winograd's transform of it, [4, 4, in, out]."""
        out, into, *spatial = self.kernel
        kernel = jnp.transpose(kernel, (*spatial, into, out))
        return transform_kernel(kernel) if transformed else kernel

    def suits_winograd(self, kernel: tuple[int, ...]) -> bool:
        """Whether whole maps are computed faster with Winograd's transform of a kernel of this shape, as given."""
        out, into, *spatial = (kernel[axis] for axis in self.kernel)
        plain = Sliding(padding=((1, 1), (1, 1)), options=self.sliding.options) == self.sliding
        return on_cpu() and plain and spatial == [3, 3] and min(out, into) >= LEAST_FEATURES

    def whole(self, values: jax.Array, kernel: jax.Array, *, is_transformed: bool) -> jax.Array:
        """The convolution of whole maps with a prepared kernel, or with Winograd's transform of it."""
        batch, features, *spatial = self.inputs
        flat = jnp.transpose(values, (batch, *spatial, features))
        result = winograd(flat, kernel) if is_transformed else convolve(flat, kernel, self.sliding)
        batch, features, *spatial = self.outputs
        return jnp.transpose(result, np.argsort((batch, *spatial, features)).tolist())


def convolution_of(equation: Equation) -> Convolution | None:
    """What an equation computes; None: something else, or of a kind that is left as it is."""
    if equation.name != "conv_general_dilated":
        return None
    params = equation.params
    numbers = params["dimension_numbers"]
    is_plain = set(params["lhs_dilation"]) == {1} and params["batch_group_count"] == 1
    if len(params["window_strides"]) != 2 or not is_plain or params.get("out_sharding") is not None:
        return None
    options = tuple((name, params[name]) for name in ("precision", "preferred_element_type"))
    sliding = Sliding(
        tuple(params["window_strides"]),
        (tuple(params["padding"][0]), tuple(params["padding"][1])),
        tuple(params["rhs_dilation"]),
        params["feature_group_count"],
        options,
    )
    return Convolution(sliding, tuple(numbers.lhs_spec), tuple(numbers.rhs_spec), tuple(numbers.out_spec))


@rule("conv_general_dilated")
def convolution(scene: Scene, equation: Equation, inputs: list[Value], shapes: list[Shape]) -> list[Windows]:
    """Windows with their surroundings, as images of their own; the kernel comes prepared."""
    x, found = only_windows(inputs), convolution_of(equation)
    if found is None or tuple(found.inputs[2:]) != x.axes or x.shape[found.inputs[0]] != 1:
        raise NoRuleError
    kernel = inputs[1]
    assert isinstance(kernel, Static)
    sliding, size = found.sliding, kernel.values.shape[:2]
    features = x.shape[found.inputs[1]]
    step, over = (1, 1), sliding.without_padding()
    if size == (1, 1) and over == sliding:
        # Looks at nothing but the window itself, and with a stride at some of its positions.
        step, over = sliding.strides, dataclasses.replace(over, strides=(1, 1))
    flat, reach = _surroundings(scene, x, sliding, kernel.values.shape, step, 0)
    result = convolve(flat.reshape(*flat.shape[:3], features), kernel.values, over)
    axes = found.outputs[2], found.outputs[3]
    values = result.reshape(*x.values.shape[:2], *result.shape[1:3], *features_of(shapes[0], axes))
    return [Windows(values, equation.outputs[0], shapes[0], axes, reach)]


@rule("reduce_window_sum", "reduce_window_max", "reduce_window_min")
def pool(scene: Scene, equation: Equation, inputs: list[Value], shapes: list[Shape]) -> list[Windows]:
    """Over positions only."""
    x = only_windows(inputs)
    found = _pooling(equation, x.axes)
    if found is None:
        raise NoRuleError
    sliding, size = found
    flat, reach = _surroundings(scene, x, sliding, size, (1, 1), nothing(equation.name, x.values.dtype))
    result = pooled(equation.name, flat, size, sliding.without_padding())
    values = result.reshape(*x.values.shape[:2], *result.shape[1:3], *x.values.shape[4:])
    return [Windows(values, equation.outputs[0], shapes[0], x.axes, reach)]


def _surroundings(
    scene: Scene, x: Windows, sliding: Sliding, kernel: tuple[int, ...], step: Pair, padding: Any
) -> tuple[jax.Array, Reaches]:
    """What an operation reads to compute all positions that the windows reach.

    Returns:
        Values [P K, rows, columns, F], and the reach of the results.
    """
    before = sliding.padding[0][0], sliding.padding[1][0]
    size = sliding.reach(kernel)
    reach = slid(x.reach, size, sliding.strides, before)
    if size == sliding.strides == (1, 1) and not any(map(any, sliding.padding)):
        values = x.values
    else:
        # From the first input of the first output to the last one of the last output.
        spans = zip(reach, sliding.strides, step, size, strict=True)
        height, width = ((one.extent - 1) * (stride // every) + n for one, stride, every, n in spans)
        values = scene.surroundings(
            x, reach, (height, width), step=step, scale=sliding.strides, before=before, padding=padding
        )
    return values.reshape(-1, *values.shape[2:4], int(np.prod(values.shape[4:]))), reach


def _pooling(equation: Equation, axes: tuple[int, int]) -> tuple[Sliding, Pair] | None:
    """How a pool moves over these axes, and its rows and columns; None: it reaches over other axes, too."""
    params = equation.params
    size, strides, padding = (params[k] for k in ("window_dimensions", "window_strides", "padding"))
    others = [axis for axis in range(len(size)) if axis not in axes]
    spread = any(size[axis] != 1 or strides[axis] != 1 or tuple(padding[axis]) != (0, 0) for axis in others)
    if spread or set(params["base_dilation"]) != {1}:
        return None
    rows, columns = axes
    sliding = Sliding(
        (strides[rows], strides[columns]),
        (tuple(padding[rows]), tuple(padding[columns])),
        (params["window_dilation"][rows], params["window_dilation"][columns]),
    )
    return sliding, (size[rows], size[columns])


def pooling_of(equation: Equation) -> Callable[[jax.Array], jax.Array] | None:
    """On CPUs the pool of an equation on whole maps of any batch; None: something else, or better left as it is."""
    if equation.name not in _COMBINED or not on_cpu():
        return None
    size = equation.params["window_dimensions"]
    axes = [axis for axis, side in enumerate(size) if side > 1]
    if len(axes) != 2 or size[axes[0]] * size[axes[1]] > _FEW_POSITIONS:
        return None
    rows, columns = axes
    found = _pooling(equation, (rows, columns))
    if found is None:
        return None
    sliding, window = found

    return lambda values: pooled(equation.name, values, window, sliding, (rows, columns))


_COMBINED = {
    "reduce_window_sum": (jnp.add, jax.lax.add, 0),
    "reduce_window_max": (jnp.maximum, jax.lax.max, -np.inf),
    "reduce_window_min": (jnp.minimum, jax.lax.min, np.inf),
}
# Positions of a window below which XLA's CPU backend is slower than the same on shifted maps.
_FEW_POSITIONS = 9


def nothing(name: str, dtype: Any) -> Any:
    """What changes nothing in a pool."""
    value = _COMBINED[name][2]
    if jnp.issubdtype(dtype, jnp.floating) or value == 0:
        return np.asarray(value, dtype)
    limits = jnp.iinfo(dtype)
    return np.asarray(limits.min if value < 0 else limits.max, dtype)


def pooled(name: str, values: jax.Array, size: Pair, sliding: Sliding, axes: Pair = (1, 2)) -> jax.Array:
    """A pool over windows of `size` along two axes."""
    combine, primitive, _ = _COMBINED[name]
    empty = nothing(name, values.dtype)
    if on_cpu() and size[0] * size[1] <= _FEW_POSITIONS:
        result, *rest = taps(values, size, sliding, empty, axes)
        for other in rest:
            result = combine(result, other)
        return result

    def along(one: Any, pair: Any) -> list[Any]:
        return [pair[axes.index(axis)] if axis in axes else one for axis in range(values.ndim)]

    padding, dilation = along((0, 0), sliding.padding), along(1, sliding.dilation)
    window, strides = along(1, size), along(1, sliding.strides)
    return jax.lax.reduce_window(values, empty, primitive, window, strides, padding, window_dilation=dilation)
