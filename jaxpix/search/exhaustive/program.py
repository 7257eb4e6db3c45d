"""The compiled side of an exhaustive search: blocks of candidates of one image, spread over the local devices."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import numpy as np

from ..fitness import Goal, distance_to_goal, make_fitness
from ..layout import EVERYWHERE, SHARED, DeviceProgram, placed, scaled_to_images

if TYPE_CHECKING:
    from ..problem import Base, Problem
    from .grid import Grid

# Candidates of one call on a device: a GPU's at 224 px, more of smaller images; a CPU looks up about once a second.
_GPU_BLOCK, _CPU_BLOCK = 6400, 512


class Found(NamedTuple):
    """Of each candidate: distance to the goal, class reached (`Distance`), the fitness, and the one of confidence."""

    distance: Any
    fitness: Any
    confidence: Any
    reached: Any


@dataclasses.dataclass(frozen=True)
class Blocks:
    """How candidates are laid out: `size` of them in a call, in equal parts on the devices."""

    size: int
    devices: tuple[jax.Device, ...]

    def halved(self) -> Blocks | None:
        """Half as many at a time; None where there is one on each device already."""
        each = self.size // len(self.devices) // 2
        return None if each < 1 else Blocks(each * len(self.devices), self.devices)


def choose_blocks(problem: Problem, devices: Sequence[jax.Device] = ()) -> Blocks:
    """Blocks for some devices; default: all local ones."""
    devices = tuple(devices or jax.local_devices())
    if devices[0].platform == "cpu":
        return Blocks(_CPU_BLOCK * len(devices), devices)
    return Blocks(round(scaled_to_images(_GPU_BLOCK, problem.box.image_shape)) * len(devices), devices)


class SweepProgram(DeviceProgram):
    """Compiled functions of one image; each compiles once.

    Args:
        problem: gives candidates their logits, and says what is a success; its evolution is not used.
        grid: numbers single pixels, of which candidates are made.
        blocks: how many at a time, and where.
    """

    def __init__(self, problem: Problem, grid: Grid, blocks: Blocks):
        super().__init__(problem.evaluator, blocks.devices)
        self._problem, self._grid, self.size = problem, grid, blocks.size
        self._confidence = make_fitness("confidence", problem.space, problem.targeted)
        self.base = jax.jit(problem.evaluator.base, out_shardings=self._everywhere)
        specs = (EVERYWHERE, EVERYWHERE, EVERYWHERE, EVERYWHERE, SHARED)
        self._block = jax.jit(self._on_devices(self._part, in_specs=specs, out_specs=SHARED))

    def block(self, base: Base, image: np.ndarray, goal: Goal, pixels: np.ndarray) -> Found:
        """What is found of at most `size` candidates, each [size]; behind the last one stands nothing of use.

        Args:
            base, image, goal: of the image.
            pixels: int32 [B, K], the numbers of their single pixels.
        """
        filled = np.zeros((self.size, pixels.shape[1]), np.int32)
        filled[: len(pixels)] = pixels
        return self._block(self.weights, base, image, goal, filled)

    def lower(self) -> Any:
        """A block lowered from shapes alone: to compile for devices that take no arrays."""
        evaluator, space = self._problem.evaluator, self._problem.space
        image = jax.ShapeDtypeStruct(self._grid.image_shape, np.uint8)
        base = jax.eval_shape(evaluator.base, evaluator.weights, image)
        label: Any = jax.ShapeDtypeStruct((len(space.class_names),), bool)
        known = placed((evaluator.weights, base, image, Goal(label, label)), self._everywhere)
        shape = (self.size, self._problem.box.num_pixels)
        return self._block.lower(*known, jax.ShapeDtypeStruct(shape, np.int32, sharding=self._shared))

    def _part(self, weights: Any, base: Base, image: jax.Array, goal: Goal, numbers: jax.Array) -> Found:
        problem = self._problem
        pixels = jax.tree.map(lambda leaf: leaf[None], self._grid.pixels(numbers))
        bases = jax.tree.map(lambda leaf: leaf[None], base)
        logits = problem.evaluator.logits(weights, bases, image[None], pixels)[0]

        def judge(logits: jax.Array) -> Found:
            distance = distance_to_goal(logits, goal, problem.space, problem.targeted)
            fitness, _ = problem.judge(logits, goal)
            return Found(distance.signed, fitness, self._confidence(logits, goal), distance.reached)

        return jax.vmap(judge)(logits)


@functools.lru_cache(maxsize=4)
def sweep_program(problem: Problem, grid: Grid, blocks: Blocks) -> SweepProgram:
    """The program of an exhaustive search; the last few are kept, with what they compiled."""
    return SweepProgram(problem, grid, blocks)
