"""A connection to Ray: a cluster of this machine's own, or one that runs already and that `RAY_ADDRESS` names."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import os
import signal
import sys
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import jax

from ..errors import InputError

if TYPE_CHECKING:
    from ..config import RayConfig

ADDRESS = "RAY_ADDRESS"
# What the user has told JAX, where the driver was told something else.
_PLATFORMS = "JAXPIX_WORKER_PLATFORMS"

# Results are taken as they come; few are in the store at any time.
_STORE_BYTES = 256 * 2**20
# Nothing about this machine goes to Ray's makers; workers without a GPU are not kept from what they ask for.
# What Ray's processes say of a lost worker, a thousand letters each, is not shown: jaxpix says it in a line.
_TOLD = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_DEDUP_LOGS_SKIP_REGEX": ".",
}
# Meant for systems whose firewalls ask: everything stays on the loopback address, where no other machine reaches it.
_TOLD_LOCALLY = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}


@dataclasses.dataclass(frozen=True)
class Session:
    """What Ray offers, and how much of it a worker takes.

    Attributes:
        config: what was asked for.
        is_local: the cluster is this machine's own, and ends with the session.
    """

    config: RayConfig
    is_local: bool

    @property
    def num_workers(self) -> int:
        """How many workers there should be now: as asked, or as the cluster has room for."""
        if self.config.workers is not None:
            return self.config.workers
        return max(1, self._total("GPU") if self._has_gpus else self.num_cpus // self.cpus_each)

    @property
    def cpus_each(self) -> int:
        """Cores of a worker."""
        if self.config.worker_cpus is not None:
            return self.config.worker_cpus
        if self._has_gpus:
            return 1
        return max(1, self.num_cpus // self.config.workers) if self.config.workers else 1

    @property
    def num_cpus(self) -> int:
        """Cores of the cluster now."""
        return self._total("CPU")

    @property
    def needs(self) -> dict[str, Any]:
        """Options of a worker's actor: one GPU, or some cores, which XLA is told of."""
        if self._has_gpus:
            # Empty: what JAX finds. The driver's own may say that it keeps to the CPU.
            told = {"JAX_PLATFORMS": os.environ.get(_PLATFORMS, "")}
            return {"num_cpus": self.cpus_each, "num_gpus": 1, "runtime_env": {"env_vars": told}}
        # XLA takes as many threads as it is told here, and else as the machine has cores.
        told = {"NPROC": str(self.cpus_each), "JAX_PLATFORMS": "cpu"}
        return {"num_cpus": self.cpus_each, "runtime_env": {"env_vars": told}}

    def __str__(self) -> str:
        where = (
            "a cluster of this machine's own" if self.is_local else f"the cluster at {os.environ[ADDRESS]}"
        )
        each = "one GPU each" if self._has_gpus else f"{self.cpus_each} of {self.num_cpus} cores each"
        return f"Ray, {where}: {self.num_workers} workers, {each}"

    @functools.cached_property
    def _has_gpus(self) -> bool:
        """Once for all: where every GPU has left, workers wait for the next; CPUs would find other last bits."""
        return self._total("GPU") > 0

    def _total(self, resource: str) -> int:
        import ray

        return int(ray.cluster_resources().get(resource, 0))


def is_wanted(config: RayConfig) -> bool:
    """Whether workers of Ray shall do it.

    Raises:
        InputError: workers are described without `--ray`.
    """
    asked = [name for name in ("workers", "worker_cpus", "verbose") if getattr(config, name)]
    if asked and not config.ray:
        raise InputError(f"--{asked[0].replace('_', '-')} is for workers of Ray: give --ray, too")
    return config.ray


@contextlib.contextmanager
def joined(config: RayConfig) -> Iterator[Session]:
    """Join the cluster that `RAY_ADDRESS` names, or start one on this machine for as long as this lasts.

    Raises:
        InputError: Ray is not installed, there is no such cluster, or its versions of Python or Ray are others; a
            worker wants more cores than this machine has.
    """
    address = os.environ.get(ADDRESS) or "local"
    is_local = address == "local"
    before = signal.getsignal(signal.SIGTERM)
    # Whoever has imported Ray before has made it listen elsewhere; its parts would not find each other.
    told = _TOLD | (_TOLD_LOCALLY if is_local and "ray" not in sys.modules else {})
    with _environment(told), warnings.catch_warnings():
        ray = _imported()
        more = {"include_dashboard": False, "object_store_memory": _STORE_BYTES}
        try:
            # Ray's processes are others' programs, begun at once: what JAX warns of does not concern them.
            warnings.filterwarnings("ignore", message=r"os\.fork\(\) was called", category=RuntimeWarning)
            ray.init(address, log_to_driver=False, logging_level="ERROR", **(more if is_local else {}))
        except SystemExit:
            # By Ray's own handler of a SIGTERM that came while it began.
            signal.signal(signal.SIGTERM, before)
            signal.raise_signal(signal.SIGTERM)
            raise
        except (ConnectionError, RuntimeError, ValueError, OSError) as error:
            reason = str(error).strip().splitlines()[0]
            raise InputError(
                f"--ray: cannot join Ray's cluster at {ADDRESS}={address}: {reason}"
                if not is_local
                else f"--ray: cannot start Ray on this machine: {reason}"
            ) from None
    try:
        # Ray would end the process its own way; a door has its own.
        signal.signal(signal.SIGTERM, before)
        session = Session(config, is_local)
        if is_local and session.cpus_each > session.num_cpus:
            raise InputError(
                f"--worker-cpus {session.cpus_each}: expected at most the {session.num_cpus} cores of this machine"
            )
        yield session
    finally:
        ray.shutdown()


def leave_gpus_to_workers() -> None:
    """Begin this command again on the CPU, where it has taken a GPU: a worker on this machine will want it.

    What was finished is kept, as after any interruption.
    """
    if jax.default_backend() == "cpu":
        return
    sys.stdout.flush()
    told = {"JAX_PLATFORMS": "cpu", _PLATFORMS: os.environ.get("JAX_PLATFORMS", "")}
    os.execve(sys.executable, sys.orig_argv, {**os.environ, **told})


def _imported() -> Any:
    try:
        import ray
    except ImportError:
        raise InputError("--ray needs Ray: pip install 'jaxpix[ray]'") from None
    return ray


@contextlib.contextmanager
def _environment(told: dict[str, str]) -> Iterator[None]:
    """Environment variables that are not set otherwise, for as long as this lasts."""
    new = {name: value for name, value in told.items() if name not in os.environ}
    os.environ.update(new)
    try:
        yield
    finally:
        for name in new:
            os.environ.pop(name, None)
