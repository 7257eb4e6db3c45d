"""Zips and tars as strangers make them: what may be read at all, and which errors come out of reading."""

import re
import struct
import tarfile
import unicodedata
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

from ...errors import InputError

# What reading a damaged or vanished member can raise.
READ_ERRORS = (OSError, EOFError, zipfile.BadZipFile, zlib.error)
# What else the standard library lets out on archives whose bytes make no sense.
SENSELESS = (RuntimeError, ValueError, IndexError, OverflowError, struct.error)
# Control characters, and bytes that are no text.
_UNWRITABLE = frozenset({"Cc", "Cs"})


def check_name(member: str, where: Path) -> None:
    """Refuse a name that would lie outside the folder into which its archive were unpacked."""
    if (
        not member
        or member.startswith(("/", "\\"))
        or re.match(r"[A-Za-z]:", member)
        or ".." in re.split(r"[/\\]", member)
        or "\0" in member
    ):
        raise InputError(f"{where}: refused, its member {member!r} would lie outside the archive's folder")


def check_text(member: str, where: Path) -> None:
    """Refuse a name that cannot be shown or stored."""
    if not _UNWRITABLE.isdisjoint(map(unicodedata.category, member)):
        raise InputError(f"{where}: refused, the name {member!r} has characters that are no text; rename it")


def open_zip(path: Path, kind: str = "zip archive") -> zipfile.ZipFile:
    """Open a zip whose members can be read in bounded memory.

    Raises:
        InputError: it is none, or a member is encrypted or packed by an unusual method.
    """
    try:
        archive = zipfile.ZipFile(path)
    except (*READ_ERRORS, *SENSELESS) as error:
        raise InputError(f"{path} is not a readable {kind}: {error}") from None
    for entry in archive.infolist():
        if entry.flag_bits & 1:
            raise InputError(f"{path}: its member {entry.filename!r} is encrypted; unpack it first")
        # The other methods unpack whole blocks, however little of them is asked for.
        if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise InputError(
                f"{path}: its member {entry.filename!r} is packed by method {entry.compress_type}; expected "
                f"stored or deflated, so pack it anew"
            )
    return archive


def read_entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    """A member's bytes, never more than it declares.

    Raises:
        OSError, EOFError, zipfile.BadZipFile, zlib.error: it cannot be read (`READ_ERRORS`).
    """
    try:
        with archive.open(entry) as file:
            content = file.read(entry.file_size + 1)
    except SENSELESS as error:
        raise zipfile.BadZipFile(f"{entry.filename!r}: {error}") from None
    if len(content) != entry.file_size:
        raise zipfile.BadZipFile(
            f"{entry.filename!r} has {len(content):,} bytes, {entry.file_size:,} declared"
        )
    return content


class TarHeader(tarfile.TarInfo):
    """A tar header; a negative size, with which older Pythons never come to an end, is an error."""

    def _block(self, count: int) -> int:
        if count < 0:
            raise tarfile.ReadError(f"negative size {count}")
        return super()._block(count)  # type: ignore[misc]


def opens_as_tar(path: Path) -> bool:
    """Whether the first header is a tar's, compressed or not; any other error means that it is not."""
    tarfile.open(path, tarinfo=TarHeader).close()
    return True


def is_kind(opens: Callable[[Path], bool], path: Path) -> bool:
    """Whether a test of the standard library takes a file for its kind; a file that breaks the test is none."""
    try:
        return opens(path)
    except (tarfile.TarError, *READ_ERRORS, *SENSELESS, MemoryError):
        return False
