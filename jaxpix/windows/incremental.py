"""A function evaluated on windows up to one equation and on whole maps from there on."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp

from .constants import Constants, read_of, recorded, recorded_maps, suited_to_winograd
from .interpreter import Interpreter, some_pixels

if TYPE_CHECKING:
    from ..pixels import Pixels
    from .network import Network
    from .values import Base

Maps = dict[int, jax.Array]


class Incremental:
    """A network split at one equation.

    Args:
        network: the function, traced.
        weights: what it is called with.
        num_pixels: K.
        switch: how many equations are computed on windows; 0: none.
        whole_from: the equation from which on whole maps take their fastest form, so that two splits of one network
            compute them alike; default: the switch.

    Attributes:
        constants: handed to all functions below.
        bytes_of_largest: of the largest map that one candidate needs behind `whole_from`.
    """

    def __init__(
        self,
        network: Network,
        weights: Any,
        num_pixels: int,
        switch: int,
        whole_from: int | None = None,
    ):
        self.network, self.switch = network, switch
        self._program = network.one
        self._alive = self._program.read_after(switch)
        first = switch if whole_from is None else whole_from
        suited = [number for number in suited_to_winograd(self._program) if number >= first]
        constants = jax.eval_shape(lambda weights: network.constants(weights, suited), weights)
        wanted, self._wanted_maps = self._wanted(constants, num_pixels)

        @jax.jit
        def needed(weights: Any) -> Constants:
            found = network.constants(weights, suited)
            return Constants(
                *({n: part[n] for n in names} for part, names in zip(found, wanted, strict=True))
            )

        self.constants = needed(weights)
        made = (number for equation in self._program.equations[first:] for number in equation.outputs)
        maps = [self._program.shapes[number] for number in (*self._program.read_after(first), *made)]
        self.bytes_of_largest = max(math.prod(one.shape) * one.dtype.itemsize for one in maps)

    def base(self, constants: Constants, image: jax.Array) -> Base:
        """Maps of an unchanged image [H, W, C] in 0..255 that its candidates will read."""
        maps = self._all_maps(constants, image)
        return {number: maps[number] for number in maps if number in self._wanted_maps}

    def logits(self, constants: Constants, base: Base, pixels: Pixels) -> jax.Array:
        """Outputs [P, N] of the base's image with `pixels` [P, K] changed; the last of equal ones wins."""
        return self.rest(constants, self.pasted(constants, base, pixels))

    def pasted(self, constants: Constants, base: Base, pixels: Pixels) -> Maps:
        """All that is read behind the switch, whole, [P, H, W, …], of the base's image with `pixels` changed."""
        return self._overlaid(self._followed(constants, base, pixels))

    def _followed(self, constants: Constants, base: Base, pixels: Pixels) -> Interpreter:
        """Windows up to the switch."""
        interpreter = Interpreter(self._program, constants, base, pixels)
        for _ in interpreter.steps(self.switch):
            pass
        return interpreter

    def _overlaid(self, windows: Interpreter) -> Maps:
        return {number: windows.scene.paste(windows.values[number]) for number in self._alive}

    def of_images(self, constants: Constants, images: jax.Array) -> jax.Array:
        """Outputs [B, N] of whole images [B, H, W, C]; where `switch` is 0."""
        return self.rest(constants, {self._program.images: images.astype(jnp.float32)[:, :, :, None]})

    @property
    def says(self) -> str:
        """Where whole maps begin, for people."""
        scopes = [equation.scope for equation in self._program.equations]
        if self.switch >= len(scopes) - 1 or not any(scopes):
            return f"{self.switch} of {len(scopes)} operations on windows"
        here = scopes[self.switch]
        inside = "within " if self.switch and scopes[self.switch - 1] == here else ""
        return f"whole maps from {inside}{here or 'the next operation'} on"

    def rest(self, constants: Constants, pasted: Maps) -> jax.Array:
        """Outputs [B, N] of maps [B, …] as `pasted` gives them, of any images."""
        if any(self.network.batch_axis(number) is None for number in self._alive):
            one = jax.vmap(lambda maps: self._whole(constants, {n: m[None] for n, m in maps.items()}))
            return one(pasted)[:, 0]
        return self._whole(constants, pasted)

    def _whole(self, constants: Constants, pasted: Maps) -> jax.Array:
        batch = len(next(iter(pasted.values())))
        program, maps = self.network.whole(batch)
        known = {number: self._arranged(number, values) for number, values in pasted.items()}
        values = maps.run(constants, known, self.switch, len(program.equations))
        return maps.outputs(values, constants)

    def _arranged(self, number: int, values: jax.Array) -> jax.Array:
        """Maps [B, H, W, …] in the order of the variable's own axes, the batch among them."""
        shape, axes = self._program.shapes[number].shape, self._axes[number]
        others = [axis for axis in range(len(shape)) if axis not in axes]
        batch = self.network.batch_axis(number)
        if batch is None:
            # Mapped over the batch: here it is 1 and has no axis of its own.
            return jnp.moveaxis(values[0], range(values.ndim - 1), (*axes, *others))
        behind = values.reshape(*values.shape[:3], *(shape[axis] for axis in others if axis != batch))
        return jnp.moveaxis(behind, range(behind.ndim), (batch, *axes, *(a for a in others if a != batch)))

    def _all_maps(self, constants: Constants, image: jax.Array) -> Maps:
        program, maps = self.network.whole(1)
        known = {program.images: image[None].astype(jnp.float32)}
        values = maps.run(constants, known, 0, self.switch)
        return {n: jnp.moveaxis(values[n], axes, (0, 1)) for n, axes in self._axes.items() if n in values}

    def _wanted(self, constants: Constants, num_pixels: int) -> tuple[list[set[int]], set[int]]:
        """Which constants and which maps of the unchanged image are read at all; learns the axes of positions."""
        noted = recorded(constants)
        shape = self.network.image_shape
        image = jax.ShapeDtypeStruct(shape, jnp.uint8)
        pixels = some_pixels(num_pixels, shape[2])
        base = recorded_maps(self._program)

        def windows(pixels: Pixels) -> Maps:
            interpreter = self._followed(noted, base, pixels)
            self._axes = {number: found.axes for number, found in interpreter.values.items()}
            return self._overlaid(interpreter)

        pasted = jax.eval_shape(windows, pixels)
        jax.eval_shape(lambda image: self._all_maps(noted, image), image)
        for batch in (1, 2):
            several = {
                n: jax.ShapeDtypeStruct((batch, *maps.shape[1:]), maps.dtype) for n, maps in pasted.items()
            }
            jax.eval_shape(lambda maps: self.rest(noted, maps), several)
        return read_of(noted), base.read
