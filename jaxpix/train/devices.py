"""How the devices of this machine share a batch: weights everywhere, each device its part of the images."""

from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from ..errors import InputError
from .step import Step, TrainState


class Devices:
    """All local devices as one.

    Args:
        batch_size: B, images of one step over all devices.

    Raises:
        InputError: the devices cannot share that many images equally.
    """

    def __init__(self, batch_size: int):
        mesh = Mesh(np.array(jax.local_devices()), ("batch",))
        if batch_size % mesh.size:
            raise InputError(
                f"batch_size {batch_size} cannot be shared by {mesh.size} devices; "
                f"choose a multiple of {mesh.size}"
            )
        self._batch_size = batch_size
        self._everywhere = NamedSharding(mesh, PartitionSpec())
        self._shared = NamedSharding(mesh, PartitionSpec("batch"))

    def replicate(self, tree: Any) -> Any:
        """A copy of every array on every device."""
        return jax.device_put(tree, self._everywhere)

    def share(self, array: np.ndarray) -> jax.Array:
        """The first axis [B, ...] divided among the devices."""
        return jax.device_put(array, self._shared)

    def compile(
        self, step: jax.stages.Wrapped, state: TrainState, image: tuple[int, int, int], num_labels: int | None
    ) -> Step:
        """Compile a training step ahead of time.

        Args:
            step: what `make_step` returned.
            state: a state as `replicate` leaves it.
            image: (H, W, C).
            num_labels: N for multi-label, None for class numbers.
        """
        batch = self._batch_size
        labels, dtype = ((batch,), np.int32) if num_labels is None else ((batch, num_labels), np.uint8)
        arguments = (((batch, *image), np.uint8), (labels, dtype), ((batch,), bool))
        abstract = (jax.ShapeDtypeStruct(*argument, sharding=self._shared) for argument in arguments)
        return step.lower(state, *abstract).compile()
