"""A look over all files before any is stored: how deep their values are, how many images they hold, of whom."""

from __future__ import annotations

import dataclasses
import hashlib
import hmac
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from functools import partial
from typing import TYPE_CHECKING, Any

from ..data import dicom
from ..data.images import Look, UnreadableImageError, look
from ..errors import InputError
from .depth import settle_values
from .listing import Item, Listing, Members
from .sources.trees import READ_ERRORS, Source
from .storing import num_threads

if TYPE_CHECKING:
    from ..config import PrepareConfig

_HASH_DIGITS = 16


@dataclasses.dataclass(frozen=True, slots=True)
class _Seen:
    look: Look
    header: dicom.Header | None = None


def look_over(
    listing: Listing, config: PrepareConfig, meter: Callable[..., AbstractContextManager[Any]]
) -> None:
    """Settle what the values of all images become, which images there are, and what is known of patients.

    Changes the listing: `values`, `items` (more, where files hold several images), their groups, `notes` and
    `dicom_tags`. Nothing changes for images of 8 bits a channel that lie in files of their own.

    Args:
        listing: what the source holds.
        config: `window` and `frames` count.
        meter: opens a progress bar, as `Report.Meter`.

    Raises:
        InputError: values that can be read in two ways, a window for images that need none, no pydicom.
    """
    if not isinstance(listing.load, Members):
        for name, given in (("window", config.window is not None), ("frames all", config.frames == "all")):
            if given:
                raise InputError(
                    f"{listing.info.name}: --{name}: these images have 8 bits, one to each entry"
                )
        return
    source = listing.load.source
    see = partial(_see, source, all_frames=config.frames == "all")
    seen: dict[str, _Seen | None] = {}
    with (
        ThreadPoolExecutor(num_threads()) as pool,
        meter("looking at values", len(listing.items), "images") as bar,
    ):
        for item, found in zip(listing.items, pool.map(see, listing.items), strict=True):
            seen[item.member] = found
            bar.advance()
    listing.values, notes = settle_values(
        {member: one.look for member, one in seen.items() if one}, config.window, str(source.path)
    )
    listing.notes += notes
    headers = {member: one.header for member, one in seen.items() if one and one.header}
    if headers:
        _name_patients(listing, headers)
        listing.dicom_tags = list(dicom.TAGS)
    frames = {member: one.look.frames for member, one in seen.items() if one and one.look.frames > 1}
    _take_frames(listing, frames, config.frames == "all", str(source.path))


def _see(source: Source, item: Item, all_frames: bool) -> _Seen | None:
    """None where the file is no image; that is told when it is stored."""
    try:
        if not _may_be_special(source.head(item.member)):
            return _Seen(Look("plain"))
        content = source.read(item.member)
        header = dicom.header(content) if dicom.is_dicom(content) else None
        return _Seen(look(content, all_frames), header)
    except FileNotFoundError:
        raise
    except (UnreadableImageError, *READ_ERRORS):
        return None


def _may_be_special(head: bytes) -> bool:
    """Whether a file may be deeper than 8 bits or hold several images, by its first bytes."""
    if head.startswith(b"\x89PNG"):
        return head[24:25] == b"\x10" or b"acTL" in head
    if head[:4] == b"RIFF":
        return head[8:16] == b"WEBPVP8X"
    return head.startswith((b"II", b"MM", b"GIF8")) or dicom.is_dicom(head)


def _name_patients(listing: Listing, headers: dict[str, dicom.Header]) -> None:
    """Groups from DICOM's patient ids, where the source's own tables name none.

    An id is hashed with a key made of all ids and instance numbers of the source. So the same source gives the same
    groups, and whoever holds the prepared data alone can neither compute the key nor try out likely ids.
    """
    known = sorted({(one.patient, one.instance) for one in headers.values()})
    key = hashlib.sha256(json.dumps(known).encode()).digest()
    groups = {
        member: hmac.new(key, one.patient.encode(), hashlib.sha256).hexdigest()[:_HASH_DIGITS]
        for member, one in headers.items()
        if one.patient
    }
    listing.items = [
        item if item.group else dataclasses.replace(item, group=groups.get(item.member, ""))
        for item in listing.items
    ]
    unknown = len(headers) - len(groups)
    listing.notes.append(
        f"DICOM: {len(headers):,} files of {len(set(groups.values())):,} patients (PatientID, stored as a keyed hash "
        f"for splits only)" + (f"; {unknown:,} do not say whose they are" if unknown else "")
    )


def _take_frames(listing: Listing, frames: dict[str, int], take_all: bool, where: str) -> None:
    """The first image of each file, which is said, or an item for every one."""
    if not take_all:
        if frames:
            listing.notes.append(
                f"{len(frames):,} files hold {sum(frames.values()):,} images; the first of each is stored "
                f"(--frames all)"
            )
        return
    if not frames:
        listing.notes.append("--frames all: no file holds several images")
        return
    items: list[Item] = []
    for item in listing.items:
        count = frames.get(item.member, 1)
        # Images of one file are of one patient, known or not.
        group = item.group or f"file {item.image_id}"
        items += (
            [item]
            if count == 1
            else [
                dataclasses.replace(
                    item, image_id=f"{item.image_id}__frame{frame + 1:04}", group=group, frame=frame
                )
                for frame in range(count)
            ]
        )
    if len({item.image_id for item in items}) != len(items):
        raise InputError(
            f"{where}: a file is called as the image of another one would be (…__frame0001); rename it"
        )
    listing.items = items
    listing.notes.append(
        f"{len(frames):,} files hold {sum(frames.values()):,} images; all of them are stored"
    )
