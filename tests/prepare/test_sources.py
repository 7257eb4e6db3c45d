"""Archives and folders are read in place, and hostile ones refused."""

import io
import os
import stat
import struct
import tarfile
import tracemalloc
import warnings
import zipfile
from pathlib import Path

import pytest
from support.made_trees import encoded, pack, write

from jaxpix.errors import InputError
from jaxpix.prepare.sources import archives, trees
from jaxpix.prepare.sources.archives import open_source
from jaxpix.prepare.sources.trees import READ_ERRORS

FILES = {"a/1.png": b"one", "a/2.JPG": b"two", "notes.txt": b"n"}
JUNK = {"__MACOSX/a/._1.png": b"x", "a/._2.JPG": b"x", "a/.DS_Store": b"x", "Thumbs.db": b"x"}


def as_tar(path: Path, files: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return path


@pytest.mark.parametrize("kind", ["folder", "zip", "tar"])
def test_every_kind_reads_alike(tmp_path, kind):
    make = {"folder": write, "zip": pack, "tar": as_tar}[kind]
    source = open_source(make(tmp_path / f"data.{kind}", FILES | JUNK))
    assert source.members == sorted(FILES)
    assert source.images == ["a/1.png", "a/2.JPG"]
    assert source.num_junk == len(JUNK)
    assert [source.read(name) for name in source.members] == [FILES[name] for name in sorted(FILES)]
    assert source.find(r"NOTES\.txt") == "notes.txt"
    assert source.digest("a/1.png") != source.digest("a/2.JPG")


@pytest.mark.parametrize(
    "name", ["../evil.png", "/etc/evil.png", "a/../../evil.png", "C:\\evil.png", "..\\evil.png"]
)
def test_zip_slip_is_refused(tmp_path, name):
    with pytest.raises(InputError, match="would lie outside"):
        open_source(pack(tmp_path / "slip.zip", {"ok.png": b"1", name: b"2"}))


def test_tar_slip_and_links_are_refused(tmp_path):
    with pytest.raises(InputError, match="would lie outside"):
        open_source(as_tar(tmp_path / "slip.tar", {"../evil.png": b"2"}))
    with tarfile.open(tmp_path / "link.tar", "w") as archive:
        entry = tarfile.TarInfo("evil.png")
        entry.type, entry.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(entry)
    with pytest.raises(InputError, match="is a link"):
        open_source(tmp_path / "link.tar")


def test_symbolic_link_in_zip_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "link.zip", "w") as archive:
        entry = zipfile.ZipInfo("evil.png")
        entry.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(entry, "/etc/passwd")
    with pytest.raises(InputError, match="symbolic link"):
        open_source(tmp_path / "link.zip")


def test_links_out_of_a_folder_are_refused_and_links_inside_are_followed(tmp_path):
    root = write(tmp_path / "tree", {"a/1.png": b"1"})
    (root / "a" / "2.png").symlink_to(root / "a" / "1.png")
    assert open_source(root).images == ["a/1.png", "a/2.png"]
    (root / "a" / "3.png").symlink_to("/etc/passwd")
    with pytest.raises(InputError, match="leads out of"):
        open_source(root)


def test_decompression_bomb_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb.png", bytes(20 << 20))
    with pytest.raises(InputError, match="decompression bomb"):
        open_source(tmp_path / "bomb.zip")


def test_absurd_member_is_refused_before_it_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(trees, "MAX_MEMBER_BYTES", 2)
    source = open_source(pack(tmp_path / "a.zip", {"big.png": b"123"}))
    with pytest.raises(InputError, match=r"big\.png has 3 bytes; 2 are allowed"):
        source.read("big.png")


def test_too_many_members_are_refused(tmp_path, monkeypatch):
    for module in (archives, trees):
        monkeypatch.setattr(module, "MAX_MEMBERS", 2)
    with pytest.raises(InputError, match="3 members; 2 are allowed"):
        open_source(pack(tmp_path / "a.zip", FILES))
    with pytest.raises(InputError, match="more than 2 files"):
        open_source(write(tmp_path / "a", FILES))
    with pytest.raises(InputError, match="more than 2 members"):
        open_source(as_tar(tmp_path / "a.tar", FILES))


def test_encrypted_zip_is_refused(tmp_path):
    path = pack(tmp_path / "a.zip", {"a.png": b"123"})
    raw = bytearray(path.read_bytes())
    raw[raw.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(raw)
    with pytest.raises(InputError, match="encrypted"):
        open_source(path)


def test_what_is_no_source(tmp_path):
    with pytest.raises(InputError, match="source not found"):
        open_source(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="holds no files"):
        open_source(tmp_path / "empty")
    (tmp_path / "a.png").write_bytes(encoded(1))
    with pytest.raises(InputError, match="neither a folder nor a zip nor a tar"):
        open_source(tmp_path / "a.png")
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as archive:
        archive.add(tmp_path / "a.png")
    with pytest.raises(InputError, match="compressed tar"):
        open_source(tmp_path / "a.tar.gz")
    broken = pack(tmp_path / "broken.zip", FILES)
    raw = bytearray(broken.read_bytes())
    raw[raw.rindex(b"PK\x01\x02") : raw.rindex(b"PK\x01\x02") + 4] = b"oops"
    broken.write_bytes(raw)
    with pytest.raises(InputError, match="not a readable zip"):
        open_source(broken)


def test_corrupt_member_raises_what_callers_catch(tmp_path):
    path = pack(tmp_path / "a.zip", {"a.png": encoded(1)})
    raw = bytearray(path.read_bytes())
    raw[60] ^= 255
    path.write_bytes(raw)
    with pytest.raises(READ_ERRORS):
        open_source(path).read("a.png")


def test_reading_never_writes(tmp_path):
    path = pack(tmp_path / "a.zip", FILES)
    before = sorted(tmp_path.iterdir())
    open_source(path).read("a/1.png")
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize("name", ["a\n.png", "\x1b[2J.png", "b/\x7f.png"])
def test_names_that_are_no_text_are_refused(tmp_path, name):
    with pytest.raises(InputError, match="has characters that are no text"):
        open_source(pack(tmp_path / "a.zip", {name: b"1"}))
    with pytest.raises(InputError, match="has characters that are no text"):
        open_source(as_tar(tmp_path / "a.tar", {name: b"1"}))


def test_file_names_that_are_no_text_and_those_of_macos(tmp_path):
    root = write(tmp_path / "tree", {"a/1.png": b"1", "a/Icon\r": b""})
    assert open_source(root).members == ["a/1.png"]
    Path(os.fsdecode(os.fsencode(root) + b"/a/\xff.png")).write_bytes(b"1")
    with pytest.raises(InputError, match=r"'a/\\udcff\.png' has characters that are no text"):
        open_source(root)


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_methods_that_unpack_without_bounds_are_refused(tmp_path, method):
    with zipfile.ZipFile(tmp_path / "a.zip", "w", method) as archive:
        archive.writestr("a.png", b"1")
    with pytest.raises(InputError, match=f"packed by method {method}; expected stored or deflated"):
        open_source(tmp_path / "a.zip")


def test_a_member_that_unpacks_to_more_than_it_declares_takes_no_memory(tmp_path):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.png", bytes(64 << 20))
    path.write_bytes(path.read_bytes().replace(struct.pack("<I", 64 << 20), struct.pack("<I", 1000)))
    source = open_source(path)
    assert source.size("a.png") == 1000
    tracemalloc.start()
    with pytest.raises(READ_ERRORS, match=r"Bad CRC|declared"):
        source.read("a.png")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 << 20


def test_two_members_of_one_name(tmp_path):
    with warnings.catch_warnings(), zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        warnings.simplefilter("ignore")
        for content in (b"1", b"1", b"2"):
            archive.writestr("a.png", content)
    with pytest.raises(InputError, match=r"two different members are called 'a\.png'"):
        open_source(tmp_path / "a.zip")


def test_a_member_without_a_name_is_refused(tmp_path):
    path = pack(tmp_path / "a.zip", {"x": b"1"})
    raw = bytearray(path.read_bytes())
    directory = raw.index(b"PK\x01\x02")
    raw[directory + 28 : directory + 30] = bytes(2)
    del raw[directory + 46]
    end = raw.index(b"PK\x05\x06")
    raw[end + 12 : end + 16] = struct.pack("<I", end - directory)
    path.write_bytes(raw)
    with pytest.raises(InputError, match="refused, its member ''"):
        open_source(path)


def tar_header(kind: bytes, size: bytes = b"00000000000\0") -> bytes:
    entry = tarfile.TarInfo("a.png")
    entry.type = kind
    raw = bytearray(entry.tobuf(tarfile.USTAR_FORMAT))
    raw[124:136] = size
    raw[148:156] = b" " * 8
    raw[148:156] = b"%06o\0 " % sum(raw)
    return bytes(raw)


@pytest.mark.parametrize("kind", [b"0", b"x", b"L", b"g"])
def test_a_negative_size_in_a_tar_comes_to_an_end(tmp_path, kind):
    header = tar_header(kind, b"\xff" * 10 + b"\xfe\x00")
    first = as_tar(tmp_path / "b.tar", {"a.png": b"1"}).read_bytes()[:1024]
    (tmp_path / "a.tar").write_bytes(first + header + bytes(1024))
    with pytest.raises(InputError, match="not a readable tar"):
        open_source(tmp_path / "a.tar")


def test_thousands_of_tar_headers_about_nothing(tmp_path):
    (tmp_path / "a.tar").write_bytes(tar_header(b"x") * 5000 + bytes(1024))
    with pytest.raises(InputError, match="neither a folder nor a zip nor a tar"):
        open_source(tmp_path / "a.tar")


def test_a_tar_that_becomes_shorter(tmp_path):
    source = open_source(as_tar(tmp_path / "a.tar", {"a.png": b"x" * 900}))
    os.truncate(tmp_path / "a.tar", 1000)
    with pytest.raises(EOFError, match=r"ends after 488 of 900 bytes"):
        source.read("a.png")


def test_what_cannot_be_opened(tmp_path, monkeypatch):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match="is neither a file nor a folder"):
        open_source(tmp_path / "pipe")
    with pytest.raises(InputError, match=r"source not found: .*File name too long"):
        open_source(tmp_path / ("a" * 300))
    root = write(tmp_path / "tree", {"a/1.png": b"1"})
    (root / "loop.png").symlink_to(root / "loop.png")
    assert open_source(root).members == ["a/1.png"]

    def refuse(path):
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(InputError, match=r"a folder cannot be read: .*Permission denied"):
        open_source(root)
