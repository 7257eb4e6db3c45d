"""Several processes, on one machine or many, that share an attack.

JAX's distributed runtime is the meeting place: there processes learn their number, and wait until process 0 has
chosen the images. Then everybody leaves it and works alone, so that no process can take another one down; what
they still share is the run folder.
"""

import contextlib
import json
import secrets
import socket
from collections.abc import Iterator

import jax
from jax._src.distributed import State

from ..config import ClusterConfig
from ..errors import InputError
from ..terminal.console import say

_MESSAGE = "jaxpix/message"
_MEETING_SECONDS = 300
_LEAVING_SECONDS = 60
_POLL_MILLISECONDS = 1000


class Member:
    """One process among those that share an attack.

    Attributes:
        process_id: 0 to `num_processes` - 1; 0 is the leader.
        num_processes: how many share.
        start: drawn by the leader; tells this start of the attack from earlier ones.
    """

    def __init__(self, process_id: int = 0, num_processes: int = 1, start: str = ""):
        self.process_id, self.num_processes, self.start = process_id, num_processes, start

    @property
    def is_leader(self) -> bool:
        """Whether this process prepares what all work on."""
        return self.process_id == 0

    @property
    def name(self) -> str:
        """For messages."""
        return f"process {self.process_id} of {self.num_processes}"

    def begin(self) -> None:
        """The leader has prepared everything: let the others begin."""


ALONE = Member()


class _Leader(Member):
    def __init__(self, state: State):
        super().__init__(0, state.num_processes, secrets.token_hex(8))
        self._state = state

    def begin(self) -> None:
        self.tell({"start": self.start})

    def tell(self, message: dict[str, str]) -> None:
        """Send the first message, the only one, and leave once everybody has it."""
        if self._state.client is not None:
            self._state.client.key_value_set(_MESSAGE, json.dumps(message))
            _leave(self._state)


def _hear(state: State) -> dict[str, str]:
    """Wait for the leader's message, and leave."""
    assert state.client is not None, "this process has met the others"
    while True:
        try:
            message = state.client.blocking_key_value_get(_MESSAGE, _POLL_MILLISECONDS)
            break
        except jax.errors.JaxRuntimeError as error:
            # In small portions, so that signals are noticed.
            if "DEADLINE_EXCEEDED" not in str(error):
                raise
    _leave(state)
    return json.loads(message)


def _leave(state: State) -> None:
    assert state.client is not None, "nobody leaves twice"
    # The leader holds the meeting place: it goes last. Somebody who died meanwhile is not waited for.
    with contextlib.suppress(jax.errors.JaxRuntimeError):
        state.client.wait_at_barrier("jaxpix/leaving", _LEAVING_SECONDS * 1000)
    state.shutdown()


@contextlib.contextmanager
def join(config: ClusterConfig) -> Iterator[Member]:
    """This process as a member; the leader at once, the others when it has begun.

    Raises:
        InputError: no cluster was found, the address cannot be used, or the leader could not begin.
    """
    if not _is_wanted(config):
        yield ALONE
        return
    say(f"meeting the other processes, for at most {_MEETING_SECONDS} seconds")
    state = _meet(config)
    if state.process_id > 0:
        message = _hear(state)
        if "error" in message:
            raise InputError(f"process 0 could not begin: {message['error']}")
        yield Member(state.process_id, state.num_processes, message["start"])
        return
    leader = _Leader(state)
    try:
        yield leader
    except BaseException as error:
        leader.tell({"error": str(error) or type(error).__name__})
        raise


def _is_wanted(config: ClusterConfig) -> bool:
    given = {
        "--coordinator": config.coordinator,
        "--num-processes": config.num_processes,
        "--process-id": config.process_id,
    }
    missing = [flag for flag, value in given.items() if value is None]
    if missing and len(missing) < len(given) and not config.cluster:
        raise InputError(f"several processes: {', '.join(missing)} missing; give all three, or --cluster")
    if config.num_processes is not None and (config.process_id or 0) >= config.num_processes:
        raise InputError(
            f"--process-id: expected 0 to {config.num_processes - 1} of {config.num_processes} processes, "
            f"got {config.process_id}"
        )
    return config.cluster or not missing


def _explained(config: ClusterConfig, error: Exception) -> str:
    if config.coordinator is None and "should be defined" in str(error):
        return (
            "--cluster: found no cluster that JAX knows (SLURM, Open MPI, Kubernetes, …); "
            "give --coordinator, --num-processes and --process-id"
        )
    return f"cannot meet the other processes at {config.coordinator or 'the address that JAX found'}: {error}"


def _check_port(address: str) -> None:
    """Refuse a port that is taken, which crashes JAX's service now and then."""
    family, place = (socket.AF_INET6, "::") if socket.has_dualstack_ipv6() else (socket.AF_INET, "")
    try:
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((place, int(address.rpartition(":")[2])))
    except (OSError, OverflowError) as error:
        raise InputError(f"--coordinator {address}: cannot listen on this port: {error}") from None


def _meet(config: ClusterConfig) -> State:
    # A state of our own instead of JAX's global one: to JAX this stays an ordinary process, which computes on its
    # own devices, waits for nobody and does not die with another.
    state = State()
    if config.coordinator and config.process_id == 0:
        _check_port(config.coordinator)
    try:
        state.initialize(
            config.coordinator,
            config.num_processes,
            config.process_id,
            # None would have JAX choose one; which devices a process sees is for the scheduler to say.
            local_device_ids=[],
            initialization_timeout=_MEETING_SECONDS,
        )
    except (ValueError, RuntimeError) as error:
        raise InputError(_explained(config, error)) from None
    return state
