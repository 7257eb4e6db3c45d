"""What is measured on: the machine, its memory, and the rate of its matrix products."""

import os
import platform
import resource
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp

from ..config import SearchPrecision
from ..platforms import matmul_precision
from ..search.layout import memory_of
from ..storage.environment import describe_environment, usable_cores
from .rows import Timing
from .timing import compile_program, time_calls

_GPU_SIZE, _CPU_SIZE = 8192, 2048


def describe_machine() -> dict[str, Any]:
    """JSON-able: the environment, and processor, memory and settings that decide speed."""
    device = jax.local_devices()[0]
    settings = (
        "XLA_FLAGS",
        "XLA_PYTHON_CLIENT_PREALLOCATE",
        "XLA_PYTHON_CLIENT_MEM_FRACTION",
        "OMP_NUM_THREADS",
    )
    return {
        **describe_environment(),
        "processor": _processor(),
        "platform": device.client.platform_version,
        "usable_cores": usable_cores(),
        # Of the minute before: on a machine that others use, figures say little.
        "load_average": os.getloadavg()[0],
        "device_memory_bytes": memory_of(device),
        "settings": {name: os.environ[name] for name in settings if name in os.environ},
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def peak_memory_bytes() -> int:
    """Most memory that this process has held so far: on its first GPU, or on a CPU as a whole."""
    device = jax.local_devices()[0]
    statistics = device.memory_stats() if device.platform != "cpu" else None
    if statistics and "peak_bytes_in_use" in statistics:
        return int(statistics["peak_bytes_in_use"])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak


def device_name() -> str:
    """A word for file names: `cpu`, `nvidia-h100-80gb-hbm3`."""
    kind = jax.local_devices()[0].device_kind
    return "-".join("".join(c if c.isalnum() else " " for c in kind.lower()).split())


class MatrixRates:
    """Operations per second of large square matrix products, measured once per precision."""

    def __init__(self, repeats: int, size: int | None = None):
        on_cpu = jax.default_backend() == "cpu"
        self.size = size or (_CPU_SIZE if on_cpu else _GPU_SIZE)
        self._operations = 2.0 * self.size**3
        self._repeats = repeats
        self._timings: dict[SearchPrecision, Timing] = {}

    def of(self, precision: SearchPrecision) -> float:
        """Operations per second."""
        if precision not in self._timings:
            self._timings[precision] = self._measure(precision)
        return self._operations / self._timings[precision].median

    def restore(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Take over what `to_plain` gave in another process on the same machine."""
        for row in rows:
            self._timings[row["precision"]] = Timing(tuple(row["timing"]["seconds"]))

    def to_plain(self) -> list[dict[str, Any]]:
        """JSON-able rows of what was measured."""
        return [
            {
                "precision": precision,
                "size": self.size,
                "operations_per_second": self._operations / timing.median,
                "timing": timing.to_plain(),
            }
            for precision, timing in self._timings.items()
        ]

    def _measure(self, precision: SearchPrecision) -> Timing:
        dtype = jnp.bfloat16 if precision == "bfloat16" else jnp.float32
        keys = jax.random.split(jax.random.key(0))
        left, right = (jax.random.normal(key, (self.size, self.size), dtype) for key in keys)

        def multiply(left: jax.Array, right: jax.Array) -> jax.Array:
            with matmul_precision(precision):
                return left @ right

        program = compile_program(multiply, left, right)
        return time_calls(lambda: program.call(left, right), self._repeats)
