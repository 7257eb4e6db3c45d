"""Rules of operations that arrange values and compute nothing."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp

from .reach import slid
from .values import NoRuleError, Shape, Static, Value, Windows, features_of, joined, only_windows, rule

if TYPE_CHECKING:
    from .programs import Equation
    from .scene import Scene


@rule("transpose")
def transpose(scene: Scene, equation: Equation, inputs: list[Value], shapes: list[Shape]) -> list[Windows]:
    """Only the order of features changes; that positions come first stays."""
    x = only_windows(inputs)
    order = equation.params["permutation"]
    axes = order.index(x.axes[0]), order.index(x.axes[1])
    features = [x.place_of(axis) for axis in order if axis not in x.axes]
    result = jnp.transpose(x.values, (0, 1, 2, 3, *features))
    return [Windows(result, equation.outputs[0], shapes[0], axes, x.reach)]


@rule("reshape", "squeeze", "expand_dims")
def reshape(scene: Scene, equation: Equation, inputs: list[Value], shapes: list[Shape]) -> list[Windows]:
    """Of features; each axis of positions must stay an axis of its own."""
    x = only_windows(inputs)
    axes = kept_axes(x.shape, shapes[0], x.axes)
    result = x.values.reshape(*x.values.shape[:4], *features_of(shapes[0], axes))
    return [Windows(result, equation.outputs[0], shapes[0], axes, x.reach)]


def kept_axes(before: Shape, after: Shape, axes: tuple[int, int]) -> tuple[int, int]:
    """Where a reshaped array has two axes of `before`: those of their size with as many elements in front.

    Raises:
        NoRuleError: an axis is split or merged.
    """
    found: list[int] = []
    for axis in axes:
        wanted = before[axis], math.prod(before[:axis])
        fits = [i for i, n in enumerate(after) if (n, math.prod(after[:i])) == wanted and i not in found]
        if not fits or (before[axis] == 1 and len(fits) > 1):
            raise NoRuleError
        found.append(fits[0])
    if found[0] == found[1] or (axes[0] < axes[1]) != (found[0] < found[1]):
        raise NoRuleError
    return found[0], found[1]


@rule("broadcast_in_dim")
def broadcast(scene: Scene, equation: Equation, inputs: list[Value], shapes: list[Shape]) -> list[Windows]:
    """New axes of features, or features repeated."""
    x = only_windows(inputs)
    target = equation.params["broadcast_dimensions"]
    axes = target[x.axes[0]], target[x.axes[1]]
    if any(shapes[0][new] != x.shape[old] for old, new in zip(x.axes, axes, strict=True)):
        raise NoRuleError
    behind = [axis for axis in range(len(shapes[0])) if axis not in axes]
    dimensions = (0, 1, 2, 3, *(4 + behind.index(target[axis]) for axis in x.others))
    shape = (*x.values.shape[:4], *(shapes[0][axis] for axis in behind))
    result = jax.lax.broadcast_in_dim(x.values, shape, dimensions)
    return [Windows(result, equation.outputs[0], shapes[0], axes, x.reach)]


@rule("concatenate")
def concatenate(scene: Scene, equation: Equation, inputs: list[Value], shapes: list[Shape]) -> list[Windows]:
    """Of features, at the windows of all inputs together."""
    first, reach = joined(inputs)
    if equation.params["dimension"] in first.axes:
        raise NoRuleError
    parts = []
    for value in inputs:
        if isinstance(value, Windows):
            parts.append(scene.at(value, reach))
        else:
            like = Windows(first.values, first.variable, value.shape, first.axes, first.reach)
            parts.append(scene.constant_at(value, like, reach))
    result = jnp.concatenate(parts, axis=first.place_of(equation.params["dimension"]))
    return [Windows(result, equation.outputs[0], shapes[0], first.axes, reach)]


@rule("slice")
def cut(scene: Scene, equation: Equation, inputs: list[Value], shapes: list[Shape]) -> list[Windows]:
    """Of positions: windows move, and with strides only every so manieth position is left."""
    x = only_windows(inputs)
    starts, limits = equation.params["start_indices"], equation.params["limit_indices"]
    strides = equation.params["strides"] or (1,) * len(starts)
    before = -starts[x.axes[0]], -starts[x.axes[1]]
    steps = strides[x.axes[0]], strides[x.axes[1]]
    values, reach = x.values, slid(x.reach, (1, 1), steps, before)
    if steps != (1, 1):
        count = reach[0].extent, reach[1].extent
        values = scene.surroundings(x, reach, count, step=steps, scale=steps, before=before)
    index = [slice(None)] * 4 + [slice(starts[axis], limits[axis], strides[axis]) for axis in x.others]
    return [Windows(values[tuple(index)], equation.outputs[0], shapes[0], x.axes, reach)]


@rule("pad")
def pad(scene: Scene, equation: Equation, inputs: list[Value], shapes: list[Shape]) -> list[Windows]:
    """Of positions: windows move; what was outside the map is padding now."""
    x = only_windows(inputs)
    config, value = equation.params["padding_config"], inputs[1]
    assert isinstance(value, Static)
    if any(config[axis][2] for axis in x.axes):
        raise NoRuleError
    before = config[x.axes[0]][0], config[x.axes[1]][0]
    values, reach = x.values, slid(x.reach, (1, 1), (1, 1), before)
    if any(config[axis] != (0, 0, 0) for axis in x.axes):
        inside = scene.inside(x.size, reach, (-before[0], -before[1]))
        inside = inside.reshape(*inside.shape, *[1] * len(x.others))
        values = jnp.where(inside, values, jnp.asarray(value.values, values.dtype))
    around = [(0, 0, 0)] * 4 + [config[axis] for axis in x.others]
    result = jax.lax.pad(values, jnp.asarray(value.values, values.dtype), around)
    return [Windows(result, equation.outputs[0], shapes[0], x.axes, reach)]
