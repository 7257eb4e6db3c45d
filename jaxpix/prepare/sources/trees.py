"""Where images come from: a zip, a tar or an unpacked folder behind one interface, read in place.

Nothing is ever unpacked to disk, so no archive can write anywhere; hostile ones are still refused, since
whoever made them did not make a data set.
"""

import abc
import hashlib
import os
import re
import stat
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from ...errors import InputError
from .archives import (
    SENSELESS,
    TarHeader,
    check_name,
    check_text,
    is_kind,
    open_zip,
    opens_as_tar,
    read_entry,
)

IMAGE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".gif", ".webp"})
MAX_MEMBERS = 2_000_000
MAX_MEMBER_BYTES = 256 << 20
_MAX_RATIO = 100
_RATIO_MATTERS_FROM = 16 << 20
_JUNK_NAMES = frozenset({".ds_store", "thumbs.db", "desktop.ini", "icon\r"})
_JUNK_FOLDERS = frozenset({"__macosx", ".git", ".ipynb_checkpoints", "@eadir"})


def is_junk(member: str) -> bool:
    """Whether an operating system left this file beside the data."""
    parts = [part.lower() for part in PurePosixPath(member).parts]
    return parts[-1] in _JUNK_NAMES or parts[-1].startswith("._") or not _JUNK_FOLDERS.isdisjoint(parts)


def is_image(member: str) -> bool:
    """Whether the name is an image's, in any case."""
    return PurePosixPath(member).suffix.lower() in IMAGE_SUFFIXES


class Source(abc.ABC):
    """Files of a data set as a user has them, addressed by names relative to `path`, "/" between folders.

    Attributes:
        path: the folder or archive.
        members: names of all files but junk, sorted.
        num_junk: files of operating systems that were left out.
    """

    def __init__(self, path: Path, names: Iterator[str]):
        self.path = path
        everything = sorted(name for name in names if PurePosixPath(name).parts)
        self.members = [name for name in everything if not is_junk(name)]
        self.num_junk = len(everything) - len(self.members)
        for name in self.members:
            check_text(name, path)

    @property
    def images(self) -> list[str]:
        """Names of all image files, sorted."""
        return [member for member in self.members if is_image(member)]

    def find(self, pattern: str) -> str | None:
        """The file whose base name matches the whole `pattern` (any case); the outermost of several."""
        regex = re.compile(pattern, re.IGNORECASE)
        found = [member for member in self.members if regex.fullmatch(PurePosixPath(member).name)]
        return min(found, key=lambda member: (member.count("/"), member), default=None)

    @abc.abstractmethod
    def size(self, member: str) -> int:
        """Bytes of a member, as its archive or file system declares them."""

    @abc.abstractmethod
    def _read(self, member: str) -> bytes: ...

    def read(self, member: str) -> bytes:
        """All bytes of a member; safe to call from several threads.

        Raises:
            InputError: the member is absurdly large.
            OSError, EOFError, zipfile.BadZipFile, zlib.error: it cannot be read (`READ_ERRORS`).
        """
        if self.size(member) > MAX_MEMBER_BYTES:
            raise InputError(
                f"{self.path}: {member} has {self.size(member):,} bytes; {MAX_MEMBER_BYTES:,} are allowed"
            )
        return self._read(member)

    def digest(self, member: str) -> str:
        """Hash of a member's bytes."""
        return hashlib.sha256(self.read(member)).hexdigest()


class FolderSource(Source):
    """An unpacked tree."""

    def __init__(self, path: Path):
        super().__init__(path, self._walk(path))

    def _walk(self, root: Path) -> Iterator[str]:
        count = 0
        resolved_root = root.resolve()
        for folder, _, files in os.walk(root, onerror=self._refuse):
            for name in files:
                path = Path(folder, name)
                if path.is_symlink() and not Path(os.path.realpath(path)).is_relative_to(resolved_root):
                    raise InputError(f"{path}: refused, this symbolic link leads out of {root}")
                if not path.is_file():
                    continue
                count += 1
                if count > MAX_MEMBERS:
                    raise InputError(
                        f"{root}: more than {MAX_MEMBERS:,} files; is this the data set's folder?"
                    )
                yield path.relative_to(root).as_posix()

    @staticmethod
    def _refuse(error: OSError) -> None:
        raise InputError(f"a folder cannot be read: {error}")

    def size(self, member: str) -> int:
        return (self.path / member).stat().st_size

    def _read(self, member: str) -> bytes:
        return (self.path / member).read_bytes()


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
        check_name(entry.orig_filename, path)
        check_name(entry.filename, path)
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

    def _read(self, member: str) -> bytes:
        return read_entry(self._zip, self._entries[member])

    def digest(self, member: str) -> str:
        entry = self._entries[member]
        return f"{entry.CRC:08x}-{entry.file_size}"


class TarSource(Source):
    """A plain tar archive; a compressed one cannot be read at random."""

    def __init__(self, path: Path):
        self._entries: dict[str, tuple[int, int]] = {}
        try:
            with tarfile.open(path, "r:", tarinfo=TarHeader) as archive:
                for entry in archive:
                    self._add(entry, path)
        except InputError:
            raise
        except (tarfile.TarError, OSError, EOFError, *SENSELESS) as error:
            raise InputError(f"{path} is not a readable tar archive: {error}") from None
        super().__init__(path, iter(self._entries))

    def _add(self, entry: tarfile.TarInfo, path: Path) -> None:
        check_name(entry.name, path)
        if entry.issym() or entry.islnk():
            raise InputError(f"{path}: refused, its member {entry.name!r} is a link")
        if len(self._entries) >= MAX_MEMBERS:
            raise InputError(f"{path}: more than {MAX_MEMBERS:,} members")
        if entry.isfile() and not entry.issparse():
            self._entries[entry.name] = (entry.offset_data, entry.size)

    def size(self, member: str) -> int:
        return self._entries[member][1]

    def _read(self, member: str) -> bytes:
        offset, size = self._entries[member]
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
    elif is_kind(zipfile.is_zipfile, path):
        source = ZipSource(path)
    elif path.name.lower().endswith((".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")):
        raise InputError(f"{path}: a compressed tar cannot be read in place; unpack it and give the folder")
    elif is_kind(opens_as_tar, path):
        source = TarSource(path)
    else:
        raise InputError(f"{path} is neither a folder nor a zip nor a tar archive")
    if not source.members:
        raise InputError(f"{path} holds no files")
    return source
