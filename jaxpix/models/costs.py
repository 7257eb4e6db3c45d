"""What evaluating a candidate costs, layer by layer, and where to switch from windows to whole maps.

A model of time, not a measurement: multiplications at the rate of the device's matrix products plus bytes at
the rate of its memory.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax

from .feature_map import Kernel
from .frozen import FrozenModel


@dataclasses.dataclass(frozen=True)
class Device:
    """Rates that a layer may hope for.

    Attributes:
        operations: floating-point operations per second of a convolution.
        bandwidth: bytes per second of memory.
        number: bytes of one feature.
        has_table: windows are copied into a table before they are read; see `places`.
    """

    operations: float
    bandwidth: float
    number: int
    has_table: bool = False


# Orders of magnitude; only their ratio moves the switch.
CPU = Device(1.5e11, 1.5e10, 4, has_table=True)
GPU = {
    "float32": Device(4e13, 2.5e12, 4),
    "tfloat32": Device(2e14, 2.5e12, 4),
    "bfloat16": Device(5e14, 2.5e12, 2),
}


class Work:
    """Seconds and floating-point operations so far, of one candidate."""

    def __init__(self, device: Device):
        self.device, self.seconds, self.operations = device, 0.0, 0.0

    def compute(self, operations: float) -> None:
        """Count operations."""
        self.operations += operations
        self.seconds += operations / self.device.operations

    def move(self, features: float) -> None:
        """Count features read or written."""
        self.seconds += features * self.device.number / self.device.bandwidth


@dataclasses.dataclass(frozen=True)
class Sketch:
    """A map of features of which only the sizes are known.

    Attributes:
        work: where operations are counted.
        size: (H, W) of the map.
        features: C.
        extent: side n of the changed windows; None: a whole map.
        num_windows: K.
    """

    work: Work
    size: tuple[int, int]
    features: int
    extent: int | None
    num_windows: int

    def _positions(self, extent: int | None) -> int:
        return self.size[0] * self.size[1] if extent is None else self.num_windows * extent**2

    def _slide(self, size: int, stride: int, margin: int, features: int, operations: float) -> "Sketch":
        """An operation over size x size surroundings; `operations` at each position of the result.

        Sizes are those of `Windows._surroundings`, where the arithmetic is explained.
        """
        height, width = ((side + 2 * margin - size) // stride + 1 for side in self.size)
        extent = None
        if self.extent is not None:
            extent = (self.extent + size - 2) // stride + 1
            if size > 1 or stride > 1:
                self._read((extent - 1) * stride + size if size > 1 else extent)
        result = dataclasses.replace(self, size=(height, width), features=features, extent=extent)
        # What comes in is read, what comes out written; the kernel's weights serve all candidates and count for none.
        self.work.move(self._positions(self.extent) * self.features)
        self.work.compute(operations * result._positions(extent))
        self.work.move(result._positions(extent) * features)
        return result

    def _read(self, extent: int | None) -> None:
        """Count the fetching of windows of `extent`: every feature is read where it is, and written together."""
        # The table is a copy of the windows, read and written once more. The base is in it for all candidates.
        if self.work.device.has_table:
            self.work.move(2 * self._positions(self.extent) * self.features)
        self.work.move(2 * self._positions(extent) * self.features)

    def convolve(self, kernel: Kernel, stride: int = 1) -> "Sketch":
        """See `FeatureMap`."""
        size, _, num_in, num_out = kernel.weights.shape
        # A multiplication and an addition for each weight.
        return self._slide(size, stride, size // 2, num_out, 2.0 * size * size * num_in * num_out)

    def max_pool(self) -> "Sketch":
        """See `FeatureMap`."""
        return self._slide(3, 2, 1, self.features, 9.0 * self.features)

    def average_pool(self) -> "Sketch":
        """See `FeatureMap`."""
        return self._slide(2, 2, 0, self.features, 4.0 * self.features)

    def pointwise(self, fn: Callable[[jax.Array], jax.Array]) -> "Sketch":
        """See `FeatureMap`."""
        self.work.move(self._positions(self.extent) * self.features)
        return self

    def add(self, other: "Sketch") -> "Sketch":
        """See `FeatureMap`; as `Windows._aligned`, the narrower is read anew at the wider windows."""
        wide, narrow = (self, other) if (self.extent or 0) >= (other.extent or 0) else (other, self)
        if wide.extent != narrow.extent and wide.extent is not None:
            narrow._read(wide.extent)
        self.work.move(wide._positions(wide.extent) * self.features)
        return wide

    def append(self, other: "Sketch") -> "Sketch":
        """See `FeatureMap`."""
        result = self.add(other)
        self.work.move(result._positions(result.extent) * (self.features + other.features))
        return dataclasses.replace(result, features=self.features + other.features)

    def paste(self) -> None:
        """Count the reading of whole maps with the windows over them."""
        self._read(None)


def switch_costs(
    frozen: FrozenModel, image_shape: tuple[int, int, int], num_pixels: int, device: Device
) -> list[float]:
    """Modelled seconds per candidate for each number of layers computed on windows, from 0 (dense) to all."""
    # Of n layers: windows[n] all of them on windows, whole[n] the layer after them on whole maps, paste[n] the
    # step between. Each sketch has a clock of its own.
    windows, whole, paste = [0.0], [], [0.0]
    # A changed pixel is a window of one position.
    changed, everything = (_start(image_shape, extent, num_pixels, device) for extent in (1, None))
    for layer, weights in zip(frozen.layers, frozen.weights, strict=False):
        shapes: Any = jax.eval_shape(lambda tree: tree, weights)
        before = everything.work.seconds
        everything = layer.apply(everything, shapes)
        whole.append(everything.work.seconds - before)
        changed = layer.apply(changed, shapes)
        windows.append(changed.work.seconds)
        before = changed.work.seconds
        changed.paste()
        paste.append(changed.work.seconds - before)
        # Only asked what it would cost: the next layer goes on with windows.
        changed.work.seconds = before
    return [windows[n] + paste[n] + sum(whole[n:]) for n in range(len(whole) + 1)]


def _start(image_shape: tuple[int, int, int], extent: int | None, num_pixels: int, device: Device) -> Sketch:
    height, width, channels = image_shape
    return Sketch(Work(device), (height, width), channels, extent, num_pixels)
