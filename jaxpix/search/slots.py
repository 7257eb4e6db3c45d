"""The compiled side of the engine: S experiments advancing together, spread over the local devices.

Each device owns a share of the slots and runs its own loop; nothing is communicated. Candidates are evaluated
in batches of one fixed shape, whatever the number of slots, devices and experiments still running, so that
the backend's arithmetic cannot make a result depend on them.
"""

from __future__ import annotations

import dataclasses
import functools
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from .fitness import Goal
from .genome import decode
from .layout import AXIS, EVERYWHERE, SHARED, DeviceProgram, placed
from .strategies.strategy import Progress

if TYPE_CHECKING:
    from ..pixels import Pixels
    from .layout import Layout
    from .problem import Base, Problem


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Slots:
    """S experiments: their progress, images uint8 [S, H, W, C], goals [S, N] and evaluation bases [S, …]."""

    progress: Progress
    images: jax.Array
    goals: Goal
    bases: Base


class Filling(NamedTuple):
    """What enters slots: positions int32 [F] (S: none), keys [F], images [F, H, W, C], goals [F, N], hints [F, …]."""

    positions: Any
    keys: jax.Array
    images: Any
    goals: Goal
    hints: Any


class Candidates(NamedTuple):
    """What each slot would return now: its fittest hit, else its fittest candidate; leading axis S."""

    stopped: Any
    is_hit: Any
    pixels: Pixels
    fitness: Any
    generation: Any
    queries_to_first_hit: Any
    is_flat: Any
    trajectory: Any
    num_points: Any


class SlotProgram(DeviceProgram):
    """Compiled functions over `Slots`; each compiles once.

    Args:
        problem: what every slot searches.
        layout: slots, groups and devices.

    Attributes:
        is_compiled: whether some engine has compiled the functions.
    """

    def __init__(self, problem: Problem, layout: Layout):
        super().__init__(problem.evaluator, layout.devices)
        self.is_compiled = False
        self.problem, self._strategy = problem, problem.strategy
        self.layout, self.num_slots, self._group = layout, layout.num_slots, layout.group
        assert self.num_slots % (self._group * len(layout.devices)) == 0, (
            "slots are whole groups on every device"
        )
        specs = (EVERYWHERE, SHARED, EVERYWHERE)
        fill = self._on_devices(self._fill, in_specs=specs, out_specs=SHARED)
        advance = self._on_devices(self._advance, in_specs=specs, out_specs=(SHARED, SHARED))
        # One sharding for all slots everywhere, or every function would compile again for another one.
        compiled = functools.partial(jax.jit, out_shardings=self._shared)
        self.empty = compiled(self._empty)
        self.fill = compiled(fill, donate_argnums=1)
        self.advance = compiled(advance, donate_argnums=1)
        self.refute = compiled(self._refute, donate_argnums=0)
        self.read = jax.jit(jax.vmap(self._read))

    def nothing(self) -> Filling:
        """What enters no slot, in the shapes of what does."""
        count, shape = self.layout.filling, self.problem.box.image_shape
        labels = np.zeros((count, len(self.problem.space.class_names)), bool)
        return Filling(
            np.full(count, self.num_slots, np.int32),
            jax.random.split(jax.random.key(0), count),
            np.zeros((count, *shape), np.uint8),
            Goal(labels, labels),
            self._no_hints(count),
        )

    def _no_hints(self, count: int) -> Any:
        return jax.tree.map(lambda leaf: np.zeros((count, *leaf.shape), leaf.dtype), self.problem.hint)

    def shapes(self) -> tuple[Any, Slots, Filling]:
        """Weights, slots and filling as shapes on their devices: to compile for devices that take no arrays."""
        weights = placed(self._evaluator.weights, self._everywhere)
        slots = placed(jax.eval_shape(self._empty), self._shared)
        return weights, slots, placed(jax.eval_shape(self.nothing), self._everywhere)

    def _empty(self) -> Slots:
        """Slots that are all stopped, to be filled."""
        shape, labels = self.problem.box.image_shape, (self.num_slots, len(self.problem.space.class_names))
        images = jnp.zeros((self.num_slots, *shape), jnp.uint8)
        one = jax.eval_shape(self._evaluator.base, self._evaluator.weights, images[0])
        keys, hints = jax.random.split(jax.random.key(0), self.num_slots), self._no_hints(self.num_slots)
        progress = jax.vmap(self._strategy.start)(keys, hints)
        return Slots(
            progress=dataclasses.replace(progress, stopped=jnp.ones(self.num_slots, bool)),
            images=images,
            goals=Goal(jnp.zeros(labels, bool), jnp.zeros(labels, bool)),
            bases=jax.tree.map(lambda leaf: jnp.zeros((self.num_slots, *leaf.shape), leaf.dtype), one),
        )

    def _fill(self, weights: Any, slots: Slots, filling: Filling) -> Slots:
        fresh = Slots(
            progress=jax.vmap(self._strategy.start)(filling.keys, filling.hints),
            images=filling.images,
            goals=filling.goals,
            bases=jax.vmap(functools.partial(self._evaluator.base, weights))(filling.images),
        )
        own = slots.progress.stopped.shape[0]
        # Positions count over all devices. Those of other devices become `own`, one past the end, which "drop"
        # leaves out; negative ones would count from the end.
        local = filling.positions - jax.lax.axis_index(AXIS) * own
        local = jnp.where((local >= 0) & (local < own), local, own)
        return jax.tree.map(lambda old, new: old.at[local].set(new, mode="drop"), slots, fresh)

    def _refute(self, slots: Slots, refuted: jax.Array) -> Slots:
        """Forget the hits of the slots marked in bool [S]."""
        progress = jax.tree.map(
            functools.partial(_keep_where, ~refuted),
            slots.progress,
            jax.vmap(self._strategy.refute)(slots.progress),
        )
        return dataclasses.replace(slots, progress=progress)

    def _read(self, slot: Slots) -> Candidates:
        progress = slot.progress
        is_hit = jnp.isfinite(progress.hit_fitness)
        genome = jnp.where(is_hit, progress.hit_genome, progress.best_genome)
        return Candidates(
            stopped=progress.stopped,
            is_hit=is_hit,
            pixels=decode(genome, self.problem.box),
            fitness=jnp.where(is_hit, progress.hit_fitness, progress.best_fitness),
            generation=progress.generation,
            queries_to_first_hit=progress.queries_to_first_hit,
            is_flat=progress.is_flat,
            trajectory=progress.trajectory,
            num_points=self._strategy.search.point_of(progress.generation) + 1,
        )

    def _advance(self, weights: Any, slots: Slots, steps: jax.Array) -> tuple[Slots, jax.Array]:
        """Up to `steps` generations of every running slot; also the candidates evaluated, [1] per device."""
        Carry = tuple[jax.Array, jax.Array, Progress]

        def running(carry: Carry) -> jax.Array:
            step, _, progress = carry
            return (step < steps) & ~jnp.all(progress.stopped)

        def generation(carry: Carry) -> Carry:
            step, evaluated, before = carry
            count = jnp.sum(~before.stopped, dtype=jnp.int32) * self.problem.search.population
            candidates = jax.vmap(self._strategy.propose)(before)
            fitness, is_hit = self._evaluate(weights, slots, before.stopped, candidates)
            after = jax.vmap(self._strategy.select)(before, candidates, fitness, is_hit)
            progress = jax.tree.map(functools.partial(_keep_where, before.stopped), before, after)
            return step + 1, evaluated + count, progress

        start = (jnp.int32(0), jnp.int32(0), slots.progress)
        _, evaluated, progress = jax.lax.while_loop(running, generation, start)
        return dataclasses.replace(slots, progress=progress), evaluated[None]

    def _evaluate(
        self, weights: Any, slots: Slots, stopped: jax.Array, candidates: jax.Array
    ) -> tuple[jax.Array, jax.Array]:
        """Fitness [S, P] and hits [S, P] of candidates [S, P, G]; running slots fill the groups first."""
        # Running slots, False, come first: only their groups are evaluated. What fills up the last group has
        # stopped, and nobody keeps its results.
        order = jnp.argsort(stopped)
        num_groups = (jnp.sum(~stopped) + self._group - 1) // self._group

        def evaluate(number: jax.Array, results: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
            members = jax.lax.dynamic_slice_in_dim(order, number * self._group, self._group)
            images, goals, bases, genomes = jax.tree.map(
                lambda leaf: leaf[members], (slots.images, slots.goals, slots.bases, candidates)
            )
            pixels = decode(genomes, self.problem.box)
            logits = self._evaluator.logits(weights, bases, images, pixels)
            judged = jax.vmap(jax.vmap(self.problem.judge, (0, None)))(logits, goals)
            return jax.tree.map(lambda old, new: old.at[members].set(new), results, judged)

        size = candidates.shape[:2]
        nothing = jnp.full(size, jnp.inf, jnp.float32), jnp.zeros(size, bool)
        return jax.lax.fori_loop(0, num_groups, evaluate, nothing)


def _keep_where(keep: jax.Array, old: jax.Array, new: jax.Array) -> jax.Array:
    return jnp.where(keep.reshape(-1, *[1] * (old.ndim - 1)), old, new)


# An attack asks for its largest layout, and then for the one that its images need.
@functools.lru_cache(maxsize=16)
def slot_program(problem: Problem, layout: Layout) -> SlotProgram:
    """The program of a problem, kept: attacking batch after batch, or seed after seed, compiles once."""
    return SlotProgram(problem, layout)
