"""What a disk that is full, read-only or broken did, in one line."""

import errno
import os

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_REFUSED = (errno.EACCES, errno.EPERM, errno.EROFS)
_BROKEN = (errno.EIO, errno.ESTALE, errno.ENODEV, errno.ENXIO)
_KEPT = "nothing finished is lost"


def explain_disk_error(error: BaseException) -> str | None:
    """One line for an error of the disk; None where the error is about something else.

    Libraries written in C++ report a failed write as an error of their own, whose text names the cause.
    """
    if isinstance(error, OSError):
        code, what = error.errno, str(error)
    else:
        code = _code_in(str(error))
        what = os.strerror(code) if code is not None else ""
    if code in _FULL:
        return f"disk full: {what}; {_KEPT}: free some space, then the same command goes on"
    if code in _REFUSED:
        return f"not allowed to read or write: {what}; {_KEPT}"
    if code in _BROKEN:
        return f"the disk does not answer: {what}; {_KEPT}, the same command goes on from what is saved"
    return None


def _code_in(text: str) -> int | None:
    for code in (*_FULL, errno.EROFS, errno.EIO):
        if os.strerror(code) in text:
            return code
    return None
