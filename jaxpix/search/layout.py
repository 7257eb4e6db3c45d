"""How many experiments a device can hold side by side, and how they are grouped."""

import dataclasses
import functools
import math
import os
from collections.abc import Sequence
from typing import Any, TypeVar

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from .problem import Evaluator, Problem

Arranged = TypeVar("Arranged")

AXIS = "devices"
EVERYWHERE, SHARED = PartitionSpec(), PartitionSpec(AXIS)

# On a GPU, candidates evaluated together at 224 px; a CPU is busy with one population.
_GPU_BATCH = 1600
_GPU_GROUPS = 4
_GPU_JUDGED = 16
_CPU_SLOTS = 4
# Experiments evaluated together where each asks for one candidate at a time.
_ALONE_ON_CPU, _ALONE_ON_GPU = 8, 256
_REFERENCE_PIXELS = 224 * 224
# Share of a device's memory that the bases of all slots may take.
_SHARE_FOR_BASES = 0.25


@dataclasses.dataclass(frozen=True)
class Layout:
    """How experiments are laid out on the devices.

    Attributes:
        num_slots: S over all devices, a multiple of `group` times the devices.
        group: populations evaluated together on a device.
        filling: experiments that enter slots in one call.
        devices: share the slots equally.
        seconds_per_call: how long the host should wait between two looks.
        judged: saved images judged in one call.
    """

    num_slots: int
    group: int
    filling: int
    devices: tuple[jax.Device, ...]
    seconds_per_call: float
    judged: int = 1

    def at_most(self, experiments: int) -> "Layout":
        """No more slots than whole groups on every device need for so many experiments.

        Groups stay as large as they are: candidates are evaluated in the same batches, to the same bits.
        """
        whole = self.group * len(self.devices)
        num_slots = min(self.num_slots, max(1, math.ceil(experiments / whole)) * whole)
        return dataclasses.replace(
            self, num_slots=num_slots, filling=min(self.filling, num_slots // len(self.devices))
        )

    def halved(self) -> "Layout | None":
        """Half the slots, in smaller groups where needed; None when there is one per device already."""
        per_device = self.num_slots // len(self.devices) // 2
        if per_device < 1:
            return None
        group = max(1, self.group // 2)
        per_device = math.ceil(per_device / group) * group
        return dataclasses.replace(
            self,
            num_slots=per_device * len(self.devices),
            group=group,
            filling=max(1, min(self.filling, per_device)),
        )


def choose_layout(problem: Problem, slots: int | None = None) -> Layout:
    """A layout for all local devices.

    Args:
        problem: its bases take memory in every slot.
        slots: S as a person asked for it, over all devices; rounded up to whole groups. Default: by memory.
    """
    devices = tuple(jax.local_devices())
    on_cpu = devices[0].platform == "cpu"
    group = _cpu_group(problem) if on_cpu else _gpu_group(problem)
    if slots is None:
        fitting = int(_SHARE_FOR_BASES * memory_of(devices[0]) / max(1, bytes_per_slot(problem)))
        per_device = min(max(_CPU_SLOTS, group) if on_cpu else _GPU_GROUPS * group, max(1, fitting))
    else:
        # A group is a batch, whose size a CPU's results must not depend on.
        per_device = max(math.ceil(slots / len(devices)), group if on_cpu else 1)
    group = min(group, per_device)
    per_device = math.ceil(per_device / group) * group
    return Layout(
        num_slots=per_device * len(devices),
        group=group,
        filling=1 if on_cpu else min(8, per_device),
        devices=devices,
        seconds_per_call=1.0 if on_cpu else 0.2,
        judged=judged_together(devices[0]),
    )


def judged_together(device: jax.Device) -> int:
    """Saved images that a device judges in one call."""
    # A CPU judges two images no faster than one after the other.
    return 1 if device.platform == "cpu" else _GPU_JUDGED


def scaled_to_images(candidates: int, image_shape: tuple[int, int, int]) -> float:
    """How many candidates a GPU evaluates together, of as many at 224 px: up to four times that of small images."""
    height, width, _ = image_shape
    return candidates * min(4.0, _REFERENCE_PIXELS / (height * width))


def _cpu_group(problem: Problem) -> int:
    return _ALONE_ON_CPU if problem.search.population == 1 else 1


def _gpu_group(problem: Problem) -> int:
    if problem.search.population == 1:
        return _ALONE_ON_GPU
    return max(1, round(scaled_to_images(_GPU_BATCH, problem.box.image_shape) / problem.search.population))


def bytes_per_slot(problem: Problem) -> int:
    """Memory that one experiment keeps: its base and its population."""
    image = jax.ShapeDtypeStruct(problem.box.image_shape, jax.numpy.uint8)
    evaluator = problem.evaluator
    kept = (
        jax.eval_shape(evaluator.base, evaluator.weights, image),
        jax.eval_shape(problem.strategy.start, jax.random.key(0), problem.hint),
    )
    return sum(math.prod(leaf.shape) * leaf.dtype.itemsize for leaf in jax.tree.leaves(kept))


def memory_of(device: jax.Device) -> int:
    """Bytes that the device may use; for a CPU, the machine's memory."""
    statistics = device.memory_stats() if device.platform != "cpu" else None
    if statistics and "bytes_limit" in statistics:
        return int(statistics["bytes_limit"])
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


class DeviceProgram:
    """Functions compiled for some devices, of which some arguments are everywhere and others shared along one axis.

    Args:
        evaluator: gives candidates their logits.
        devices: where; each runs its own share.
    """

    def __init__(self, evaluator: Evaluator, devices: Sequence[jax.Device]):
        mesh = Mesh(np.asarray(devices), (AXIS,))
        self._evaluator = evaluator
        self._everywhere, self._shared = NamedSharding(mesh, EVERYWHERE), NamedSharding(mesh, SHARED)
        self._on_devices = functools.partial(jax.shard_map, mesh=mesh, check_vma=False)

    @functools.cached_property
    def weights(self) -> Any:
        """The evaluator's weights, on every device."""
        return jax.device_put(self._evaluator.weights, self._everywhere)


def placed(tree: Any, sharding: NamedSharding) -> Any:
    """Arrays as shapes on their devices: to compile for devices that take no arrays."""
    return jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=sharding), tree)


def smaller_after(error: Exception, smaller: Arranged | None) -> Arranged:
    """What to go on with after an error, which is raised where there is nothing smaller or that does not help."""
    if smaller is None or not is_out_of_memory(error):
        raise error
    return smaller


def is_out_of_memory(error: Exception) -> bool:
    """Whether a runtime error of JAX says that a device's memory is full."""
    text = str(error)
    return "RESOURCE_EXHAUSTED" in text or "Out of memory" in text
