"""Timing: what is waited for, what is repeated, and what the compiler says of a program."""

import time

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxpix.bench.hardware import MatrixRates
from jaxpix.bench.rows import Timing
from jaxpix.bench.timing import compile_program, time_calls


def test_a_timing_by_hand() -> None:
    timing = Timing((0.2, 0.1, 0.6))
    assert timing.median == 0.2
    assert timing.joined(Timing((0.8,))).median == pytest.approx(0.4)
    plain = timing.to_plain()
    assert plain == {"median": 0.2, "fastest": 0.1, "slowest": 0.6, "runs": 3, "seconds": [0.2, 0.1, 0.6]}


def test_quick_calls_are_repeated_inside_a_run_and_divided() -> None:
    calls = []

    def call() -> None:
        calls.append(None)
        time.sleep(0.002)

    timing = time_calls(call, 3, least_seconds=0.02)
    assert len(timing.seconds) == 3
    assert all(0.002 <= seconds < 0.02 for seconds in timing.seconds)
    # One warms up, one is measured to know how many calls make a run.
    per_run, rest = divmod(len(calls) - 2, 3)
    assert (rest, per_run in range(2, 11)) == (0, True)


def test_slow_calls_are_runs_of_their_own() -> None:
    calls = []
    time_calls(lambda: calls.append(time.sleep(0.01)), 2, least_seconds=0.005)
    assert len(calls) == 2 + 2
    calls.clear()
    # So slow that the first one, which is not counted, says enough.
    time_calls(lambda: calls.append(time.sleep(0.06)), 2, least_seconds=0.005)
    assert len(calls) == 1 + 2


def test_what_the_device_still_computes_is_waited_for() -> None:
    def sleep(values: np.ndarray) -> np.ndarray:
        time.sleep(0.05)
        return values

    @jax.jit
    def slow(values: jax.Array) -> jax.Array:
        return jax.pure_callback(sleep, jax.ShapeDtypeStruct((3,), jnp.float32), values)

    values = jnp.ones(3)
    assert min(time_calls(lambda: slow(values), 2).seconds) >= 0.05


def test_operations_and_memory_of_a_product() -> None:
    left, right = jnp.ones((32, 64)), jnp.ones((64, 16))
    program = compile_program(lambda left, right: left @ right, left, right)
    assert program.operations == program.written_operations == 2 * 32 * 64 * 16
    assert program.memory_bytes is not None
    assert program.memory_bytes >= 4 * (32 * 64 + 64 * 16 + 32 * 16)
    assert program.compile_seconds > 0
    np.testing.assert_array_equal(program.call(left, right), np.full((32, 16), 64.0))


def test_donated_memory_counts_once() -> None:
    values = jnp.ones((64, 64))
    kept = compile_program(lambda values: values + 1, values)
    donated = compile_program(jax.jit(lambda values: values + 1, donate_argnums=0), values)
    assert kept.memory_bytes is not None
    assert donated.memory_bytes is not None
    assert kept.memory_bytes - donated.memory_bytes == 4 * 64 * 64


def test_the_rate_of_matrix_products_is_measured_once() -> None:
    rates = MatrixRates(repeats=2, size=64)
    assert rates.to_plain() == []
    rate = rates.of("float32")
    assert rates.of("float32") == rate
    [row] = rates.to_plain()
    assert (row["precision"], row["size"], row["timing"]["runs"]) == ("float32", 64, 2)
    assert row["operations_per_second"] == rate == 2 * 64**3 / row["timing"]["median"]
