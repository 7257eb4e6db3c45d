"""Files of a data set, wherever they are, behind one interface; an unpacked folder is one such place."""

import abc
import functools
import hashlib
import os
import re
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from ...errors import InputError

# What reading a damaged or vanished member can raise.
READ_ERRORS = (OSError, EOFError, zipfile.BadZipFile, zlib.error)
IMAGE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".gif", ".webp"})
DICOM_SUFFIXES = frozenset({".dcm", ".dicom"})
MAX_MEMBERS = 2_000_000
MAX_MEMBER_BYTES = 256 << 20
HEAD_BYTES = 1024
# Control characters, and bytes that are no text.
_UNWRITABLE = frozenset({"Cc", "Cs"})
_JUNK_NAMES = frozenset({".ds_store", "thumbs.db", "desktop.ini", "icon\r"})
_JUNK_FOLDERS = frozenset({"__macosx", ".git", ".ipynb_checkpoints", "@eadir"})


def is_junk(member: str) -> bool:
    """Whether an operating system left this file beside the data."""
    parts = [part.lower() for part in PurePosixPath(member).parts]
    return parts[-1] in _JUNK_NAMES or parts[-1].startswith("._") or not _JUNK_FOLDERS.isdisjoint(parts)


def is_image(member: str) -> bool:
    """Whether the name is an image's, in any case."""
    return has_usual_suffix(member) or PurePosixPath(member).suffix.lower() in DICOM_SUFFIXES


def has_usual_suffix(member: str) -> bool:
    """Whether the name is that of an image other than a DICOM file."""
    return PurePosixPath(member).suffix.lower() in IMAGE_SUFFIXES


def _may_be_dicom(member: str) -> bool:
    """Whether the name is one that scanners give: without suffix, or a number with dots. DICOMDIR is a list."""
    path = PurePosixPath(member)
    return re.fullmatch(r"(\.\d*)?", path.suffix) is not None and path.name.upper() != "DICOMDIR"


def _check_text(member: str, where: Path) -> None:
    """Refuse a name that cannot be shown or stored."""
    if not _UNWRITABLE.isdisjoint(map(unicodedata.category, member)):
        raise InputError(f"{where}: refused, the name {member!r} has characters that are no text; rename it")


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
            _check_text(name, path)

    @functools.cached_property
    def images(self) -> list[str]:
        """Names of all image files, sorted; without a known suffix: those that begin as DICOM files do."""
        return [member for member in self.members if is_image(member) or self._is_dicom(member)]

    def _is_dicom(self, member: str) -> bool:
        try:
            return _may_be_dicom(member) and self.head(member)[128:132] == b"DICM"
        except READ_ERRORS:
            return False

    def find(self, pattern: str) -> str | None:
        """The file whose base name matches the whole `pattern` (any case); the outermost of several."""
        regex = re.compile(pattern, re.IGNORECASE)
        found = [member for member in self.members if regex.fullmatch(PurePosixPath(member).name)]
        return min(found, key=lambda member: (member.count("/"), member), default=None)

    @abc.abstractmethod
    def size(self, member: str) -> int:
        """Bytes of a member, as its archive or file system declares them."""

    @abc.abstractmethod
    def _read(self, member: str, most: int | None = None) -> bytes: ...

    def head(self, member: str) -> bytes:
        """The first bytes of a member, `HEAD_BYTES` at most.

        Raises:
            OSError, EOFError, zipfile.BadZipFile, zlib.error: it cannot be read (`READ_ERRORS`).
        """
        return self._read(member, HEAD_BYTES)

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

    def _read(self, member: str, most: int | None = None) -> bytes:
        with (self.path / member).open("rb") as file:
            return file.read(-1 if most is None else most)
