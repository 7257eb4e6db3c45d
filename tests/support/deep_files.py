"""16-bit files as other programs write them and Pillow does not."""

import struct
import zlib

import numpy as np


def png16(values: np.ndarray, colour_type: int) -> bytes:
    """A PNG of uint16 [H, W, C]: C is 1 (colour type 0), 2 (4), 3 (2) or 4 (6)."""

    def chunk(name: bytes, content: bytes) -> bytes:
        return (
            struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
        )

    height, width, _ = values.shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    header = struct.pack(">IIBBBBB", width, height, 16, colour_type, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


def tiff(values: np.ndarray, order: str, photometric: int | None = None, planes: int = 1) -> bytes:
    """An uncompressed TIFF of [H, W] or [H, W, 3], in byte order "<" or ">".

    Args:
        values: uint16 or uint32.
        order: byte order.
        photometric: 0 where zero is white.
        planes: 2 where each channel lies in a piece of its own.
    """
    height, width = values.shape[:2]
    channels = values.shape[2] if values.ndim == 3 else 1
    laid = np.moveaxis(values, 2, 0) if planes == 2 else values
    pixels = laid.astype(values.dtype.newbyteorder(order)).tobytes()
    pieces = channels if planes == 2 else 1
    colour = 2 if channels == 3 else 1
    head, room = 8 + 2 + 12 * 11 + 4, 64
    entries: dict[int, list[int]] = {
        256: [width],
        257: [height],
        258: [8 * values.dtype.itemsize] * channels,
        259: [1],
        262: [colour if photometric is None else photometric],
        273: [head + room + piece * len(pixels) // pieces for piece in range(pieces)],
        277: [channels],
        278: [height],
        279: [len(pixels) // pieces] * pieces,
        284: [planes],
        339: [1] * channels,
    }
    extra, table = b"", b""
    for tag, numbers in entries.items():
        content = struct.pack(f"{order}{len(numbers)}H", *numbers)
        if len(content) > 4:
            place = struct.pack(f"{order}I", head + len(extra))
            extra += content
        else:
            place = content.ljust(4, b"\0")
        table += struct.pack(f"{order}HHI", tag, 3, len(numbers)) + place
    begin = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}IH", 8, len(entries))
    return (begin + table + bytes(4) + extra).ljust(head + room, b"\0") + pixels
