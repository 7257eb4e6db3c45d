"""What a user can mend, and the words that say how."""

import difflib
import re
from collections.abc import Iterable, Sequence
from typing import Any

from pydantic import ValidationError

_LONGEST_SHOWN = 200
_MOST_FINDINGS = 10


class InputError(ValueError):
    """Something given to jaxpix cannot be used.

    The message says what was expected, what came, what is allowed, and where. Doors print it
    without a traceback and exit with status 2; everything else that escapes is a bug.
    """


def explain(error: ValidationError, where: str) -> InputError:
    """Turn pydantic's findings, the first ten, into one line each: where, what came, what is allowed."""
    lines = []
    for finding in error.errors(include_url=False)[:_MOST_FINDINGS]:
        path = ".".join(str(part) for part in finding["loc"] if not str(part).startswith("function-"))
        hint = ""
        if finding["type"] == "literal_error":
            hint = did_you_mean(finding["input"], re.findall("'([^']*)'", finding["ctx"]["expected"]))
        lines.append(f"{where}{shown(path)}: {finding['msg']}, got {_repr(finding['input'])}{hint}")
    if error.error_count() > _MOST_FINDINGS:
        lines.append(f"and {error.error_count() - _MOST_FINDINGS:,} more")
    return InputError("\n       ".join(lines))


def first_line(error: BaseException) -> str:
    """The first line of what an error says, or its kind where it says nothing."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def did_you_mean(given: object, allowed: Iterable[str]) -> str:
    """` (did you mean …?)` where an allowed word is much like the given one, in whatever case; else nothing."""
    if not isinstance(given, str) or len(given) > _LONGEST_SHOWN:
        return ""
    by_small = {word.lower(): word for word in allowed}
    close = difflib.get_close_matches(given.lower(), by_small, 1)
    return f" (did you mean {by_small[close[0]]}?)" if close else ""


def listed(words: Sequence[str], most: int) -> str:
    """The first words, and whether there are more."""
    return ", ".join(words[:most]) + ", …" * (len(words) > most)


def shown(key: str) -> str:
    """A key as it may stand in a message: short, and without control characters."""
    return key if key.isprintable() and len(key) <= _LONGEST_SHOWN else _repr(key)


def _repr(value: Any) -> str:
    try:
        text = repr(value)
    # Python refuses to write out a number of thousands of digits.
    except ValueError:
        return f"a huge {type(value).__name__}"
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"
