"""Compile time and steady time, apart: warmed up, blocked on, repeated; work and memory from the program."""

import dataclasses
import math
import time
from collections.abc import Callable
from typing import Any

import jax

from .rows import Timing

# Shorter runs would time the clock and the dispatch; calls are repeated inside a run until it lasts this long.
_LEAST_SECONDS = 0.05


def time_calls(call: Callable[[], Any], repeats: int, least_seconds: float = _LEAST_SECONDS) -> Timing:
    """Time `call` `repeats` times after a first time; what it returns is waited for.

    Args:
        call: does the work and returns its arrays.
        repeats: runs, at least 1.
        least_seconds: a run repeats quick calls until it lasts about this long, and is divided by their number.
    """
    first = _seconds_of(call, 1)
    calls = 1
    if first < 10 * least_seconds:
        calls = max(1, math.ceil(least_seconds / max(_seconds_of(call, 1), 1e-9)))
    return Timing(tuple(_seconds_of(call, calls) / calls for _ in range(repeats)))


def _seconds_of(call: Callable[[], Any], calls: int) -> float:
    began = time.perf_counter()
    jax.block_until_ready([call() for _ in range(calls)])
    return time.perf_counter() - began


@dataclasses.dataclass(frozen=True)
class Program:
    """A compiled function and what its compiler says of it.

    Attributes:
        call: the function; takes the arguments it was compiled for.
        compile_seconds: tracing, lowering and compiling.
        operations: floating-point operations of one call; None where the compiler does not say.
        written_operations: the same before the compiler changed anything, which also counts what a compiled
            program leaves to libraries.
        memory_bytes: arguments, results and temporaries of one call; None where the compiler does not say.
    """

    call: Callable[..., Any]
    compile_seconds: float
    operations: float | None
    written_operations: float | None
    memory_bytes: int | None

    def fraction_of(self, rate: float, timing: Timing) -> float | None:
        """Operations a second of calls that take `timing`, over `rate`; None where the compiler does not say."""
        return None if self.operations is None else self.operations / timing.median / rate


def compile_program(fn: Callable[..., Any], *arguments: Any) -> Program:
    """Compile `fn`, jitted or not, for `arguments` without running it."""
    jitted = fn if isinstance(fn, jax.stages.Wrapped) else jax.jit(fn)
    began = time.perf_counter()
    lowered = jitted.lower(*arguments)
    compiled = lowered.compile()
    seconds = time.perf_counter() - began
    return Program(compiled, seconds, _operations(compiled), _operations(lowered), _memory_bytes(compiled))


def share(total: float | None, things: int) -> float | None:
    """What falls to each of so many things, of a total that may not be known."""
    return None if total is None else total / things


def _operations(program: jax.stages.Compiled | jax.stages.Lowered) -> float | None:
    costs: Any = program.cost_analysis()
    operations = float((costs or {}).get("flops", 0.0))
    return operations if operations > 0 else None


def _memory_bytes(compiled: jax.stages.Compiled) -> int | None:
    sizes = compiled.memory_analysis()
    if sizes is None:
        return None
    parts = (sizes.argument_size_in_bytes, sizes.output_size_in_bytes, sizes.temp_size_in_bytes)
    return int(sum(parts) - sizes.alias_size_in_bytes)
