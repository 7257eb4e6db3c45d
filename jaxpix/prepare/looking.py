"""A look over all files before any is stored: how deep their values are, how many images they hold, of whom."""

import dataclasses
import hashlib
import hmac
import json
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from ..config import PrepareConfig
from ..data import dicom
from ..data.images import Look, UnreadableImageError, look
from ..errors import InputError
from ..terminal.console import Meter
from .depth import settle_values
from .listing import Item, Listing, Members
from .sources.trees import READ_ERRORS, Source
from .storing import num_threads

_HASH_DIGITS = 16


def look_over(listing: Listing, config: PrepareConfig, quiet: bool) -> None:
    """Settle what the values of all images become, which images there are, and what is known of patients.

    Changes the listing: `values`, `items` (more, where files hold several images), their groups, `notes` and
    `dicom_tags`. Nothing changes for images of 8 bits a channel that lie in files of their own.

    Args:
        listing: what the source holds.
        config: `window` and `frames` count.
        quiet: show no progress.

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
    looks: dict[str, Look] = {}
    headers: dict[str, dicom.Header] = {}
    with (
        ThreadPoolExecutor(num_threads()) as pool,
        Meter("looking at values", len(listing.items), quiet=quiet) as bar,
    ):
        for item, found in zip(listing.items, pool.map(see, listing.items), strict=True):
            if found:
                looks[item.member], header = found
                if header:
                    headers[item.member] = header
            bar.advance()
    listing.values, notes = settle_values(looks, config.window, str(source.path))
    listing.notes += notes
    if headers:
        _name_patients(listing, headers)
        listing.dicom_tags = list(dicom.TAGS)
    frames = {member: one.frames for member, one in looks.items() if one.frames > 1}
    _take_frames(listing, frames, config.frames == "all", str(source.path))


def _see(source: Source, item: Item, all_frames: bool) -> tuple[Look, dicom.Header | None] | None:
    """None where the file is no image; that is told when it is stored."""
    try:
        if not _may_be_special(source.head(item.member)):
            return Look("plain"), None
        content = source.read(item.member)
        header = dicom.header(content) if dicom.is_dicom(content) else None
        return look(content, all_frames), header
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
    held = f"{len(frames):,} files hold {sum(frames.values()):,} images"
    if not frames:
        listing.notes += ["--frames all: no file holds several images"] if take_all else []
        return
    if not take_all:
        listing.notes.append(f"{held}; the first of each is stored (--frames all)")
        return
    items: list[Item] = []
    for item in listing.items:
        if item.member not in frames:
            items.append(item)
            continue
        # Images of one file are of one patient, known or not.
        group = item.group or f"file {item.image_id}"
        for frame in range(frames[item.member]):
            image_id = f"{item.image_id}__frame{frame + 1:04}"
            items.append(dataclasses.replace(item, image_id=image_id, group=group, frame=frame))
    if len({item.image_id for item in items}) != len(items):
        raise InputError(
            f"{where}: a file is called as the image of another one would be (…__frame0001); rename it"
        )
    listing.items = items
    listing.notes.append(f"{held}; all of them are stored")
