"""Who may work in a folder: one process alone, or several that share it."""

import contextlib
import fcntl
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from ..errors import InputError


class Lock:
    """A lock file that is held. The system lets go of it when the process dies, however."""

    def __init__(self, stream: IO[str], place: str, busy: str):
        self._stream, self._place, self._busy = stream, place, busy

    def share(self) -> None:
        """Let others in who share, and keep out whoever wants to be alone.

        Raises:
            InputError: as `hold`.
        """
        self._flock(fcntl.LOCK_SH)

    def _flock(self, kind: int) -> None:
        try:
            fcntl.flock(self._stream, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InputError(self._busy) from None
        except OSError as error:
            raise InputError(
                f"{self._place} cannot be locked: {error.strerror}; choose another disk"
            ) from None


@contextlib.contextmanager
def hold(path: Path, place: str, busy: str, *, shared: bool = False) -> Iterator[Lock]:
    """Hold the lock file `path`, created if absent.

    Args:
        path: of the lock file.
        place: what people call the folder it lies in.
        busy: what to say when another process holds it.
        shared: beside others that share it, instead of alone.

    Raises:
        InputError: `busy`, or `place` cannot be written to.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Readable and writable: network file systems want one for sharing and the other for being alone.
        stream = path.open("a+")
    except OSError as error:
        raise InputError(f"cannot write to {place}: {error.strerror}") from None
    with stream:
        lock = Lock(stream, place, busy)
        lock._flock(fcntl.LOCK_SH if shared else fcntl.LOCK_EX)
        yield lock
