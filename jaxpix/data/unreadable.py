"""Files that are no images, whatever their names say: what they are instead."""

import re

_HEAD = 1024
_ADDRESS = re.compile(r"<[\w. ]*object at 0x[0-9a-fA-F]+>")
_TEXTS = (
    (r"version https://git-lfs", "a git-lfs pointer, not the image: run `git lfs pull` where it came from"),
    (r".{0,200}annex/objects/", "a git-annex pointer, not the image: run `git annex get` where it came from"),
    (
        r"<!doctype html|.{0,500}<html",
        "an HTML page (a login or an error was saved in its place?): download it again",
    ),
    (r".{0,500}<svg", "an SVG drawing, which is not read: convert it to PNG"),
    (r"<\?xml|<\w+[ >]", "an XML page{said}: download it again"),
    (r"[{\[]", "a JSON text (a server's error?): download it again"),
)
_BARE_DICOM = "a DICOM file without the 128 bytes and DICM that begin one (pydicom can write it anew)"
_MAGIC = (
    (b"PK\3\4", "a zip archive"),
    (b"\x1f\x8b", "packed with gzip: unpack it"),
    (b"7z\xbc\xaf", "a 7z archive"),
    (b"Rar!", "a RAR archive"),
    (b"%PDF", "a PDF document"),
    (b"\0\0\0\x0cjP", "a JPEG 2000 image, which is not read: convert it to PNG"),
    (b"\xff\x4f\xff\x51", "a JPEG 2000 image, which is not read: convert it to PNG"),
    (b"\0\0\0\x0cJXL", "a JPEG XL image, which is not read: convert it to PNG"),
    (b"8BPS", "a Photoshop document"),
    (b"\x93NUMPY", "a NumPy array, which is not read: convert it to PNG"),
    (b"\x89HDF", "an HDF5 file"),
    (b"NRRD", "an NRRD volume"),
    (b"MATLAB 5.0", "a MATLAB file"),
    (b"SQLite format 3", "a database"),
    (b"\0\x05\x16\x07", "a file of macOS beside the real one"),
    (b"\xff\xd8\xff", "a damaged JPEG file"),
    (b"\x89PNG", "a damaged PNG file"),
    (b"GIF8", "a damaged GIF file"),
    (b"BM", "a damaged BMP file"),
    (b"RIFF", "a damaged WebP file"),
    (b"II*\0", "a damaged TIFF file"),
    (b"MM\0*", "a damaged TIFF file"),
    *((start, _BARE_DICOM) for start in (b"\x08\0\0\0", b"\x08\0\x05\0", b"\0\x08\0\0", b"\0\x08\0\x05")),
)


class UnreadableImageError(ValueError):
    """These bytes are no image that can be used; the message says why."""


def without_addresses(text: object) -> str:
    """A library's message without the addresses of its objects, which tell a user nothing."""
    return _ADDRESS.sub("the file", str(text))


def what_it_is(content: bytes) -> str:
    """What a file that no decoder knows is instead, for a message: "it is an HTML page (…)"."""
    if not content:
        return "it is empty"
    if not content.strip(b"\0"):
        return f"it holds {len(content):,} zeros and nothing else (a copy or download that broke off?)"
    unknown = f"of no known image format (it begins with {content[:8].hex(' ')})"
    return f"it is {_by_first_bytes(content) or _by_text(content[:_HEAD]) or unknown}"


def _by_first_bytes(content: bytes) -> str:
    for magic, name in _MAGIC:
        if content.startswith(magic):
            return name
    if content[4:8] == b"ftyp":
        brand = content[8:12].decode("latin-1").strip()
        return f"a {brand} file (HEIC, AVIF or a film), which is not read: convert it to PNG"
    if content[344:347] in (b"n+1", b"ni1"):
        return "a NIfTI volume, which is not read: convert its slices to PNG"
    return ""


def _by_text(head: bytes) -> str:
    try:
        # A character may be cut in two by the end.
        text = head.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "strict" if len(head) < _HEAD else "ignore")
    except UnicodeDecodeError:
        return ""
    start = text.lstrip().lower()
    for pattern, name in _TEXTS:
        if re.match(pattern, start, re.DOTALL):
            said = (
                re.search(r"<(?:message|code)>([^<]{1,80})", text, re.IGNORECASE) if "XML" in name else None
            )
            return name.format(said=f" that says {said[1]!r}" if said else "")
    if all(character.isprintable() or character in "\r\n\t\f" for character in text):
        return f"a text that begins with {' '.join(text.split())[:40]!r}"
    return ""


def broken_off(content: bytes) -> bool:
    """Whether a PNG or JPEG lacks its end mark, as a download has that broke off."""
    if content.startswith(b"\x89PNG"):
        return b"IEND" not in content[-64:]
    return content.startswith(b"\xff\xd8\xff") and b"\xff\xd9" not in content[-64:]
