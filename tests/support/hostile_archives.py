"""Hostile zips and tars, as their makers write them and with bytes changed."""

import contextlib
import io
import itertools
import re
import stat
import tarfile
import warnings
import zipfile
from pathlib import PurePosixPath

from hypothesis import strategies as st

from jaxpix.errors import InputError
from jaxpix.prepare.sources.archives import open_source
from jaxpix.prepare.sources.trees import MAX_MEMBER_BYTES, READ_ERRORS
from support.hostile import Property, as_file, mutated

_NAMES = (
    *("a.png", "b/a.png", "A.PNG", "../a.png", "/etc/passwd.png", "b/../../a.png", "C:\\a.png", "..\\a.png"),
    *(
        "",
        ".",
        "./",
        "./a.png",
        "b//a.png",
        "b/",
        "a.png/",
        "a\0.png",
        "a\n.png",
        "\x1b[2J.png",
        "\u202ea.png",
    ),
    *(
        "CON.png",
        "a" * 300 + ".png",
        "b/" * 60 + "a.png",
        "__MACOSX/._a.png",
        "inner.zip",
        "labels.csv",
        "~",
        "…",
    ),
)
_names = st.one_of(
    st.sampled_from(_NAMES),
    st.text(st.characters(codec="utf-8"), min_size=1, max_size=12).map(lambda name: f"{name}.png"),
)
_contents = st.one_of(st.binary(max_size=40), st.just(bytes(1 << 16)), st.just(b"PK\x05\x06" + bytes(18)))
_methods = st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
_modes = st.sampled_from([0, stat.S_IFREG | 0o644, stat.S_IFLNK | 0o777, stat.S_IFDIR | 0o755])
_zip_entries = st.lists(st.tuples(_names, _contents, _methods, _modes), max_size=4)
_types = st.sampled_from([*b"0123457SgxLKDVN\0"]).map(lambda kind: bytes([kind]))
_tar_entries = st.lists(st.tuples(_names, _contents, _types, _names), max_size=4)
_formats = st.sampled_from([tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
_fields = st.lists(
    st.tuples(
        st.sampled_from([0, 100, 124, 136, 148, 156, 157, 257, 345, 386, 482, 483]),
        st.one_of(
            st.binary(min_size=1, max_size=12),
            st.sampled_from([b"\xff" * 12, b"\x80" + b"\xff" * 11, b"\x80" + bytes(10) + b"\x09", b"7" * 11]),
        ),
        st.integers(0, 3),
    ),
    max_size=3,
)


def zipped(entries: list[tuple[str, bytes, int, int]]) -> bytes:
    """A zip of (name, content, method, mode); names stand in it as they are."""
    buffer = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(buffer, "w") as archive:
        warnings.simplefilter("ignore")
        for name, content, method, mode in entries:
            entry = zipfile.ZipInfo("x")
            entry.filename, entry.compress_type, entry.external_attr = name, method, mode << 16
            # zipfile cannot write an entry without a name.
            with contextlib.suppress(IndexError):
                archive.writestr(entry, content)
    return buffer.getvalue()


def tarred(entries: list[tuple[str, bytes, bytes, str]], form: int) -> bytes:
    """A tar of (name, content, type, link)."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=form) as archive:
        for name, content, kind, link in entries:
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname, entry.size = kind, link, len(content)
            # USTAR has no room for long names.
            with contextlib.suppress(ValueError):
                archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def _with_fields(content: bytes, edits: list[tuple[int, bytes, int]]) -> bytes:
    """Header fields overwritten, with checksums that are right again."""
    raw = bytearray(content)
    headers = [at for at in range(0, len(raw) - 511, 512) if raw[at + 257 : at + 262] == b"ustar"]
    for (place, value, number), at in itertools.product(edits, headers):
        if number % len(headers) == headers.index(at):
            raw[at + place : at + place + len(value)] = value
            raw[at + 148 : at + 156] = b" " * 8
            raw[at + 148 : at + 156] = b"%06o\0 " % sum(raw[at : at + 512])
    return bytes(raw)


_zips = st.builds(zipped, _zip_entries)
_tars = st.builds(_with_fields, st.builds(tarred, _tar_entries, _formats), _fields)


def archive_holds(content: bytes) -> None:
    """An archive is refused, or all names in it stay inside and every member gives bytes or a known error."""
    with as_file(content, "data.archive") as path, contextlib.suppress(InputError):
        source = open_source(path)
        for member in source.members:
            assert ".." not in re.split(r"[/\\]", member)
            assert not PurePosixPath(member).is_absolute()
            assert not re.search(r"[\x00-\x1f\x7f\ud800-\udfff]", member)
            with contextlib.suppress(*READ_ERRORS):
                assert len(source.read(member)) == source.size(member) <= MAX_MEMBER_BYTES
                assert source.digest(member)
        assert source.find(r"labels\.csv") in (None, *source.members)


PROPERTIES = (
    Property("zip archives", st.one_of(_zips, mutated(_zips)), archive_holds),
    Property("tar archives", st.one_of(_tars, mutated(_tars)), archive_holds),
)
