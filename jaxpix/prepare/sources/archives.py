"""Zips and tars as strangers make them, read in place: what may be read at all, and which errors come out of reading.

Nothing is ever unpacked to disk, so no archive can write anywhere; hostile ones are still refused, since
whoever made them did not make a data set.
"""

import re
import stat
import struct
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

from ...errors import InputError
from .trees import MAX_MEMBERS, READ_ERRORS, FolderSource, Source

# What else the standard library lets out on archives whose bytes make no sense.
_SENSELESS = (RuntimeError, ValueError, IndexError, OverflowError, struct.error)
_MAX_RATIO = 100
_RATIO_MATTERS_FROM = 16 << 20


def _check_name(member: str, where: Path) -> None:
    """Refuse a name that would lie outside the folder into which its archive were unpacked."""
    if (
        not member
        or member.startswith(("/", "\\"))
        or re.match(r"[A-Za-z]:", member)
        or ".." in re.split(r"[/\\]", member)
        or "\0" in member
    ):
        raise InputError(f"{where}: refused, its member {member!r} would lie outside the archive's folder")


def open_zip(path: Path, kind: str = "zip archive") -> zipfile.ZipFile:
    """Open a zip whose members can be read in bounded memory.

    Raises:
        InputError: it is none, or a member is encrypted or packed by an unusual method.
    """
    try:
        archive = zipfile.ZipFile(path)
    except (*READ_ERRORS, *_SENSELESS) as error:
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


class _TarHeader(tarfile.TarInfo):
    """A tar header; a negative size, with which older Pythons never come to an end, is an error."""

    def _block(self, count: int) -> int:
        if count < 0:
            raise tarfile.ReadError(f"negative size {count}")
        return super()._block(count)  # type: ignore[misc]


def _opens_as_tar(path: Path) -> bool:
    """Whether the first header is a tar's, compressed or not; any other error means that it is not."""
    tarfile.open(path, tarinfo=_TarHeader).close()
    return True


def _is_kind(opens: Callable[[Path], bool], path: Path) -> bool:
    """Whether a test of the standard library takes a file for its kind; a file that breaks the test is none."""
    try:
        return opens(path)
    except (tarfile.TarError, *READ_ERRORS, *_SENSELESS, MemoryError):
        return False


class ZipSource(Source):
    """A zip archive, read in place."""

    def __init__(self, path: Path):
        self._zip = open_zip(path)
        entries = self._zip.infolist()
        if len(entries) > MAX_MEMBERS:
            raise InputError(f"{path}: {len(entries):,} members; {MAX_MEMBERS:,} are allowed")
        self._entries: dict[str, zipfile.ZipInfo] = {}
        for entry in entries:
            self._check(entry, path)
            if entry.is_dir():
                continue
            same = self._entries.setdefault(entry.filename, entry)
            if (same.CRC, same.file_size) != (entry.CRC, entry.file_size):
                raise InputError(f"{path}: two different members are called {entry.filename!r}")
        super().__init__(path, iter(self._entries))

    @staticmethod
    def _check(entry: zipfile.ZipInfo, path: Path) -> None:
        # ZipInfo cuts a name at a NUL and turns backslashes round; what the archive says is `orig_filename`.
        _check_name(entry.orig_filename, path)
        _check_name(entry.filename, path)
        if stat.S_ISLNK(entry.external_attr >> 16):
            raise InputError(f"{path}: refused, its member {entry.filename!r} is a symbolic link")
        bomb = entry.file_size > _MAX_RATIO * max(entry.compress_size, 1)
        if bomb and entry.file_size > _RATIO_MATTERS_FROM:
            raise InputError(
                f"{path}: refused, its member {entry.filename!r} unpacks from {entry.compress_size:,} to "
                f"{entry.file_size:,} bytes (a decompression bomb)"
            )

    def size(self, member: str) -> int:
        return self._entries[member].file_size

    def _read(self, member: str, most: int | None = None) -> bytes:
        """A member's bytes, all or the first `most`, never more than it declares."""
        entry = self._entries[member]
        try:
            with self._zip.open(entry) as file:
                content = file.read(entry.file_size + 1 if most is None else most)
        except _SENSELESS as error:
            raise zipfile.BadZipFile(f"{member!r}: {error}") from None
        if most is None and len(content) != entry.file_size:
            raise zipfile.BadZipFile(f"{member!r} has {len(content):,} bytes, {entry.file_size:,} declared")
        return content

    def digest(self, member: str) -> str:
        entry = self._entries[member]
        return f"{entry.CRC:08x}-{entry.file_size}"


class TarSource(Source):
    """A plain tar archive; a compressed one cannot be read at random."""

    def __init__(self, path: Path):
        self._entries: dict[str, tuple[int, int]] = {}
        try:
            with tarfile.open(path, "r:", tarinfo=_TarHeader) as archive:
                for entry in archive:
                    self._add(entry, path)
        except InputError:
            raise
        except (tarfile.TarError, OSError, EOFError, *_SENSELESS) as error:
            raise InputError(f"{path} is not a readable tar archive: {error}") from None
        super().__init__(path, iter(self._entries))

    def _add(self, entry: tarfile.TarInfo, path: Path) -> None:
        _check_name(entry.name, path)
        if entry.issym() or entry.islnk():
            raise InputError(f"{path}: refused, its member {entry.name!r} is a link")
        if len(self._entries) >= MAX_MEMBERS:
            raise InputError(f"{path}: more than {MAX_MEMBERS:,} members")
        if entry.isfile() and not entry.issparse():
            self._entries[entry.name] = (entry.offset_data, entry.size)

    def size(self, member: str) -> int:
        return self._entries[member][1]

    def _read(self, member: str, most: int | None = None) -> bytes:
        offset, size = self._entries[member]
        size = size if most is None else min(size, most)
        with self.path.open("rb") as file:
            file.seek(offset)
            content = file.read(size)
        if len(content) != size:
            raise EOFError(f"{member!r} ends after {len(content):,} of {size:,} bytes")
        return content


def open_source(path: Path) -> Source:
    """Open what the user points at.

    Raises:
        InputError: there is nothing, it is empty, of an unknown kind, or hostile.
    """
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError) as error:
        reason = "" if isinstance(error, FileNotFoundError) else f": {error}"
        raise InputError(f"source not found: {path} (expected a zip, a tar or a folder){reason}") from None
    if stat.S_ISDIR(mode):
        source: Source = FolderSource(path)
    elif not stat.S_ISREG(mode):
        raise InputError(f"{path} is neither a file nor a folder")
    elif _is_kind(zipfile.is_zipfile, path):
        source = ZipSource(path)
    elif path.name.lower().endswith((".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")):
        raise InputError(f"{path}: a compressed tar cannot be read in place; unpack it and give the folder")
    elif _is_kind(_opens_as_tar, path):
        source = TarSource(path)
    else:
        raise InputError(f"{path} is neither a folder nor a zip nor a tar archive")
    if not source.members:
        raise InputError(f"{path} holds no files")
    return source
