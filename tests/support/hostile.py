"""What all properties of hostile input share: only documented errors come out, in little time and memory."""

import contextlib
import dataclasses
import resource
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

SECONDS = 20.0
BYTES = 1 << 30
_MAXRSS_UNIT = 1 if sys.platform == "darwin" else 1024


@dataclasses.dataclass(frozen=True)
class Property:
    """Something that must hold for every input.

    Attributes:
        inputs: where inputs come from.
        holds: raises for an input that breaks it; errors that are documented do not leave it.
        examples: inputs that the suite tries.
    """

    name: str
    inputs: st.SearchStrategy[Any]
    holds: Callable[[Any], None]
    examples: int = 50

    def check(self, value: Any) -> None:
        """`holds`, within `SECONDS` of processor time and `BYTES` more memory than ever before."""
        with bounded(self.name):
            self.holds(value)


@contextlib.contextmanager
def bounded(name: str) -> Iterator[None]:
    """Fail what computes or allocates too much."""

    def stop(*_: object) -> None:
        raise AssertionError(f"{name}: more than {SECONDS:.0f} s of processor time")

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    timed = threading.current_thread() is threading.main_thread()
    if timed:
        previous = signal.signal(signal.SIGVTALRM, stop)
        signal.setitimer(signal.ITIMER_VIRTUAL, SECONDS)
    try:
        yield
    finally:
        if timed:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0.0)
            signal.signal(signal.SIGVTALRM, previous)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * _MAXRSS_UNIT
    assert grown < BYTES, f"{name}: {grown:,} bytes of memory"


@contextlib.contextmanager
def as_file(content: bytes, name: str) -> Iterator[Path]:
    """A file that is gone afterwards; fails where reading it has made others."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "inside", name)
        path.parent.mkdir()
        path.write_bytes(content)
        yield path
        assert sorted(Path(folder).rglob("*")) == [path.parent, path], "reading has written files"


def mutated(contents: st.SearchStrategy[bytes], max_edits: int = 6) -> st.SearchStrategy[bytes]:
    """Contents with bytes overwritten, inserted, cut out or repeated, or cut off."""
    edits = st.lists(
        st.tuples(
            st.sampled_from(["overwrite", "insert", "cut out", "repeat", "cut off"]),
            st.floats(0, 1),
            st.one_of(st.binary(min_size=1, max_size=8), st.sampled_from([b"\xff" * 8, bytes(8), b"\x80"])),
        ),
        max_size=max_edits,
    )
    return st.builds(_edited, contents, edits)


def _edited(content: bytes, edits: list[tuple[str, float, bytes]]) -> bytes:
    for kind, place, piece in edits:
        at = round(place * len(content))
        if kind == "cut off" and place > 0.5:
            content = content[:at]
        elif kind == "insert":
            content = content[:at] + piece + content[at:]
        elif kind == "cut out":
            content = content[:at] + content[at + 8 * len(piece) :]
        elif kind == "repeat":
            content = content[:at] + content[max(0, at - 64) : at] + content[at:]
        else:
            content = content[:at] + piece + content[at + len(piece) :]
    return content
