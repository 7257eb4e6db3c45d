"""Who may work in a folder: one process at a time."""

import contextlib
import fcntl
from collections.abc import Iterator
from pathlib import Path

from ..errors import InputError


@contextlib.contextmanager
def hold(path: Path, place: str, busy: str) -> Iterator[None]:
    """Hold the lock file `path`, created if absent. The system lets go of it when the process dies, however.

    Args:
        path: of the lock file.
        place: what people call the folder it lies in.
        busy: what to say when another process holds it.

    Raises:
        InputError: `busy`, or `place` cannot be written to or locked.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        stream = path.open("a")
    except OSError as error:
        raise InputError(f"cannot write to {place}: {error.strerror}") from None
    with stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InputError(busy) from None
        except OSError as error:
            raise InputError(f"{place} cannot be locked: {error.strerror}; choose another disk") from None
        yield
