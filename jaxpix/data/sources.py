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
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from ..errors import InputError

IMAGE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".gif", ".webp"})
MAX_MEMBERS = 2_000_000
MAX_MEMBER_BYTES = 256 << 20
# What reading a damaged or vanished member can raise.
READ_ERRORS = (OSError, EOFError, zipfile.BadZipFile, zlib.error)
_MAX_RATIO = 100
_RATIO_MATTERS_FROM = 16 << 20
_JUNK_NAMES = frozenset({".ds_store", "thumbs.db", "desktop.ini"})
_JUNK_FOLDERS = frozenset({"__macosx", ".git", ".ipynb_checkpoints", "@eadir"})


def is_junk(member: str) -> bool:
    """Whether an operating system left this file beside the data."""
    parts = [part.lower() for part in PurePosixPath(member).parts]
    return parts[-1] in _JUNK_NAMES or parts[-1].startswith("._") or not _JUNK_FOLDERS.isdisjoint(parts)


def is_image(member: str) -> bool:
    """Whether the name is an image's, in any case."""
    return PurePosixPath(member).suffix.lower() in IMAGE_SUFFIXES


def _check_name(member: str, where: Path) -> None:
    if (
        member.startswith(("/", "\\"))
        or re.match(r"[A-Za-z]:", member)
        or ".." in re.split(r"[/\\]", member)
        or "\0" in member
    ):
        raise InputError(f"{where}: refused, its member {member!r} would lie outside the archive's folder")


class Source(abc.ABC):
    """Files of a data set as a user has them, addressed by names relative to `path`, "/" between folders.

    Attributes:
        path: the folder or archive.
        members: names of all files but junk, sorted.
        num_junk: files of operating systems that were left out.
    """

    def __init__(self, path: Path, names: Iterator[str]):
        self.path = path
        everything = sorted(names)
        self.members = [name for name in everything if not is_junk(name)]
        self.num_junk = len(everything) - len(self.members)

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
        for folder, _, files in os.walk(root):
            for name in files:
                path = Path(folder, name)
                if path.is_symlink() and not path.resolve().is_relative_to(resolved_root):
                    raise InputError(f"{path}: refused, this symbolic link leads out of {root}")
                if not path.is_file():
                    continue
                count += 1
                if count > MAX_MEMBERS:
                    raise InputError(
                        f"{root}: more than {MAX_MEMBERS:,} files; is this the data set's folder?"
                    )
                yield path.relative_to(root).as_posix()

    def size(self, member: str) -> int:
        return (self.path / member).stat().st_size

    def _read(self, member: str) -> bytes:
        return (self.path / member).read_bytes()


class ZipSource(Source):
    """A zip archive, read in place."""

    def __init__(self, path: Path):
        try:
            self._zip = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, OSError, ValueError) as error:
            raise InputError(f"{path} is not a readable zip archive: {error}") from None
        entries = self._zip.infolist()
        if len(entries) > MAX_MEMBERS:
            raise InputError(f"{path}: {len(entries):,} members; {MAX_MEMBERS:,} are allowed")
        for entry in entries:
            self._check(entry, path)
        self._entries = {entry.filename: entry for entry in entries if not entry.is_dir()}
        super().__init__(path, iter(self._entries))

    @staticmethod
    def _check(entry: zipfile.ZipInfo, path: Path) -> None:
        # ZipInfo cuts a name at a NUL and turns backslashes round; what the archive says is `orig_filename`.
        _check_name(entry.orig_filename, path)
        _check_name(entry.filename, path)
        if stat.S_ISLNK(entry.external_attr >> 16):
            raise InputError(f"{path}: refused, its member {entry.filename!r} is a symbolic link")
        if entry.flag_bits & 1:
            raise InputError(f"{path}: its member {entry.filename!r} is encrypted; unpack it first")
        bomb = entry.file_size > _MAX_RATIO * max(entry.compress_size, 1)
        if bomb and entry.file_size > _RATIO_MATTERS_FROM:
            raise InputError(
                f"{path}: refused, its member {entry.filename!r} unpacks from {entry.compress_size:,} to "
                f"{entry.file_size:,} bytes (a decompression bomb)"
            )

    def size(self, member: str) -> int:
        return self._entries[member].file_size

    def _read(self, member: str) -> bytes:
        return self._zip.read(self._entries[member])

    def digest(self, member: str) -> str:
        entry = self._entries[member]
        return f"{entry.CRC:08x}-{entry.file_size}"


class TarSource(Source):
    """A plain tar archive; a compressed one cannot be read at random."""

    def __init__(self, path: Path):
        self._entries: dict[str, tuple[int, int]] = {}
        try:
            with tarfile.open(path, "r:") as archive:
                for entry in archive:
                    self._add(entry, path)
        except (tarfile.TarError, OSError) as error:
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

    def _read(self, member: str) -> bytes:
        offset, size = self._entries[member]
        with self.path.open("rb") as file:
            file.seek(offset)
            return file.read(size)


def open_source(path: Path) -> Source:
    """Open what the user points at.

    Raises:
        InputError: there is nothing, it is empty, of an unknown kind, or hostile.
    """
    if not path.exists():
        raise InputError(f"source not found: {path} (expected a zip, a tar or a folder)")
    if path.is_dir():
        source: Source = FolderSource(path)
    elif zipfile.is_zipfile(path):
        source = ZipSource(path)
    elif path.name.lower().endswith((".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")):
        raise InputError(f"{path}: a compressed tar cannot be read in place; unpack it and give the folder")
    elif tarfile.is_tarfile(path):
        source = TarSource(path)
    else:
        raise InputError(f"{path} is neither a folder nor a zip nor a tar archive")
    if not source.members:
        raise InputError(f"{path} holds no files")
    return source
