"""Which kind of processor programs are written for: some operations have one form for CPUs and another for GPUs."""

import contextlib
import contextvars
from collections.abc import Iterator

import jax

_written_for: contextvars.ContextVar[str | None] = contextvars.ContextVar("written_for", default=None)


def platform() -> str:
    """`cpu`, `gpu` or `tpu`: what is traced now will run there.

    The platform of `written_for`, else of `jax.default_device`, else of JAX's default backend.
    """
    chosen = _written_for.get()
    if chosen is not None:
        return chosen
    device = jax.config.jax_default_device  # type: ignore[attr-defined]
    if device is None:
        return jax.default_backend()
    return device if isinstance(device, str) else device.platform


def on_cpu() -> bool:
    """Whether what is traced now will run on CPUs."""
    return platform() == "cpu"


@contextlib.contextmanager
def written_for(name: str) -> Iterator[None]:
    """Within this context functions are traced for another platform: to compile for a GPU where there is none.

    A function that was traced before keeps its form.
    """
    token = _written_for.set(name)
    try:
        yield
    finally:
        _written_for.reset(token)


@contextlib.contextmanager
def on_host() -> Iterator[None]:
    """Within this context small things are computed by the CPU, and do not wait for what a GPU is doing."""
    if jax.default_backend() == "cpu":
        yield
        return
    with jax.default_device(host_device()):
        yield


def host_device() -> jax.Device:
    """A CPU; where JAX_PLATFORMS leaves it out, the default device."""
    try:
        return jax.local_devices(backend="cpu")[0]
    except RuntimeError:
        return jax.local_devices()[0]


def matmul_precision(precision: str) -> contextlib.AbstractContextManager[None]:
    """A context in which float32 products have this precision."""
    # GPUs compute float32 convolutions in TF32 unless told otherwise.
    return jax.default_matmul_precision("float32" if precision == "float32" else "tensorfloat32")
