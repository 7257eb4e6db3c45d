"""Files that only have an image's name are called what they are."""

import re

import pytest
from support.made_trees import encoded

from jaxpix.data.images import UnreadableImageError, channels_of, decode, look
from jaxpix.data.unreadable import what_it_is, without_addresses

LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 12345\n"
KINDS = {
    "it is empty": b"",
    "it is an HTML page": b"\n<!DOCTYPE html>\n<html><head><title>Sign in</title>",
    "HTML page ": b"<!-- saved --><HTML>",
    "git-lfs pointer, not the image: run `git lfs pull`": LFS,
    "git-annex pointer": b"../.git/annex/objects/xx/yy/SHA256E-s1.png\n",
    "an XML page that says 'NoSuchKey'": b'<?xml version="1.0"?><Error><Code>NoSuchKey</Code></Error>',
    "XML page that says 'Access Denied'": b"<Error><Message>Access Denied</Message></Error>",
    "a JSON text": b'{"error": "quota"}',
    "an SVG drawing": b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg">',
    "begins with 'Too many requests'": b"Too many\n requests",
    "4,096 zeros and nothing else": bytes(4096),
    "a zip archive": b"PK\x03\x04" + bytes(30),
    "packed with gzip": b"\x1f\x8b\x08" + bytes(30),
    "a PDF document": b"%PDF-1.7",
    "a JPEG 2000 image": b"\0\0\0\x0cjP  \r\n\x87\n",
    "a heic file": b"\0\0\0\x18ftypheic",
    "a NIfTI volume": bytes([92, 1]) + bytes(342) + b"n+1\0",
    "a NumPy array": b"\x93NUMPY\x01\0",
    "a damaged PNG file": b"\x89PNG\r\n\x1a\n\0\0",
    "a DICOM file without the 128 bytes": b"\x08\0\x05\0CS\n\0ISO_IR 100",
    "of no known image format (it begins with 01 02 fe ff)": b"\x01\x02\xfe\xff",
}


@pytest.mark.parametrize("said", KINDS)
def test_a_file_is_called_what_it_is(said):
    for read in (lambda content: decode(content, 1), channels_of, lambda content: look(content, False)):
        with pytest.raises(UnreadableImageError, match=re.escape(said)) as caught:
            read(KINDS[said])
        assert " at 0x" not in str(caught.value)


def test_a_long_text_may_be_cut_within_a_character():
    assert what_it_is("é".encode() * 700).startswith("it is a text that begins with 'éé")
    assert what_it_is(b"x" + "é".encode() * 700).startswith("it is a text that begins with 'xé")


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_a_download_that_broke_off(suffix):
    content = encoded(1, suffix)
    with pytest.raises(UnreadableImageError, match=r"not a readable image: .*its end is missing"):
        decode(content[: len(content) * 2 // 3], 1)


def test_no_address_of_an_object_is_shown():
    said = "cannot identify image file <_io.BytesIO object at 0x7f0dc61cee80>"
    assert without_addresses(said) == "cannot identify image file the file"
