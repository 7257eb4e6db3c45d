"""What a look at a folder finds."""

from collections.abc import Callable
from typing import NamedTuple

from ..errors import InputError

OK, UNFINISHED, BROKEN = "ok", "unfinished", "BROKEN"


class Finding(NamedTuple):
    """One data set or run: `ok`, `unfinished` or `BROKEN`, what it is, what it is called, and a line on it."""

    state: str
    kind: str
    name: str
    text: str


def examined(kind: str, name: str, look: Callable[[], tuple[str, str]]) -> Finding:
    """What `look` finds, a state and a text; whatever stops it is what is broken."""
    try:
        state, text = look()
    # A doctor looks at what is broken in ways that nobody foresaw.
    except Exception as error:
        said = str(error) if isinstance(error, InputError) else f"{type(error).__name__}: {error}"
        state, text = BROKEN, " ".join(said.split())
    return Finding(state, kind, name, text)
