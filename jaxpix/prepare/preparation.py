"""From a source as users have it to a prepared data set: list, split, store, account for everything."""

import contextlib
import errno
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..config import PrepareConfig
from ..data.prepared import PreparedDataset, read_prepared
from ..data.prepared_files import VERSION, write_summary
from ..errors import InputError
from ..storage.locks import hold
from ..terminal.console import Meter, print_table, say
from .accounts import Ledger
from .listing import Item, Listing
from .looking import look_over
from .overview import ContactSheet
from .request import Request, resolve
from .splits import assign
from .storing import store_all
from .understanding import classes, understood


def prepare_dataset(name: str, config: PrepareConfig, *, quiet: bool = True) -> PreparedDataset:
    """Prepare a data set, or open it where the same was prepared before.

    Killed at any moment, it leaves nothing that counts as a data set; started again, it gives the same one.

    Args:
        name: as on the command line.
        config: the options.
        quiet: say nothing, and show no progress.

    Raises:
        InputError: everything a user can mend; no half data set is left behind.
    """
    request = resolve(name, config)
    data_dir, home = config.data_dir, request.home
    lock = data_dir / f".{home.parent.name}-{home.name}.lock"
    with hold(lock, f"--data-dir {data_dir}", f"another process is preparing {home}; wait for it"):
        _remove_incomplete(home)
        if (home / VERSION).exists():
            return _reuse(request, home / VERSION, quiet)
        try:
            _store(request, quiet)
        except OSError as error:
            raise _explained(error, request) or error from None
        finally:
            _remove_incomplete(home)
            for folder in (home, home.parent):
                with contextlib.suppress(OSError):
                    folder.rmdir()
        return read_prepared(home / VERSION)


def understand_source(name: str, config: PrepareConfig) -> None:
    """Say what a source is taken for; nothing is stored.

    Raises:
        InputError: as `prepare_dataset`, as far as that depends on names, folders and tables.
    """
    _understand(resolve(name, config), quiet=False)


def _understand(request: Request, quiet: bool) -> tuple[Listing, dict[str, list[Item]]]:
    source = request.config.source
    if source and not quiet:
        say(f"{request.name}: looking through {source}")
    elif request.info.is_downloaded and not quiet:
        say(f"{request.name}: no --source, so it is downloaded")
    listing = request.listing()
    look_over(listing, request.config, quiet)
    parts = _parts(request, listing)
    if source and not quiet:
        rows = understood(listing, parts, request.scheme)
        print_table(f"{request.name}: {source}", ["", "taken for"], rows, text=(0, 1))
        print_table("", *classes(listing.info, parts), text=(0, 1 + len(parts)))
    return listing, parts


def _explained(error: OSError, request: Request) -> InputError | None:
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return InputError(f"the disk is full: {error}; nothing was left behind in {request.home}")
    source = request.config.source
    if (
        isinstance(error, FileNotFoundError)
        and source is not None
        and not Path(error.filename or "").exists()
    ):
        return InputError(
            f"the source {source} changed while it was read: {error.filename} is gone; nothing was stored. "
            "Is a disk or a network folder disconnected?"
        )
    return None


def _remove_incomplete(home: Path) -> None:
    """What a run left that was killed, or this one when it is over: TFDS writes beside the final folder."""
    for stale in home.glob("incomplete.*"):
        shutil.rmtree(stale)


def _reuse(request: Request, target: Path, quiet: bool) -> PreparedDataset:
    dataset = read_prepared(target)
    stored, asked = dict(dataset.summary["settings"]), dict(request.settings)
    if request.config.source is None and not request.info.synthetic:
        asked |= {key: stored[key] for key in ("source", "source_bytes", "labels")}
    # Data of before files were asked how many images they hold.
    stored.setdefault("frames", "first")
    keys = [*stored, *(key for key in asked if key not in stored)]
    differing = [key for key in keys if asked.get(key) != stored.get(key)]
    if differing:
        what = ", ".join(f"{key} {stored.get(key)!r} (asked for: {asked.get(key)!r})" for key in differing)
        raise InputError(
            f"{target} was prepared with other settings: {what}. Delete it or choose another --data-dir"
        )
    said = [f"{request.name} is prepared already: {target}"]
    if request.config.note is not None and request.note != dataset.note:
        write_summary(target, {**dataset.summary, "note": request.note})
        said.append(f"note: {request.note}" if request.note else "its note was removed")
    for line in said if not quiet else ():
        say(line)
    return dataset


def _store(request: Request, quiet: bool) -> None:
    listing, parts = _understand(request, quiet)
    # TensorFlow Datasets is slow to import, and a wrong path should fail at once.
    from ..data.builders import build

    ledger = Ledger(listing, list(parts), request.config.max_corrupt)
    sheet = ContactSheet(listing.info, list(parts), request.image_size)
    with Meter(f"storing {request.name}", sum(map(len, parts.values())), quiet=quiet) as meter:

        def stream(split_name: str) -> Iterator[dict[str, Any]]:
            for outcome in store_all(listing, parts[split_name], request.image_size):
                meter.advance()
                if ledger.enter(split_name, outcome):
                    sheet.enter(split_name, outcome)
                    yield outcome.example(listing.info)

        def finish(folder: Path) -> None:
            ledger.close(folder, request.scheme, request.image_size, request.settings, request.note)
            sheet.save(folder, f"split '{request.scheme}', as stored")

        build(listing.info, request.image_size, request.home, {name: stream(name) for name in parts}, finish)


def _parts(request: Request, listing: Listing) -> dict[str, list[Item]]:
    """Images of each split; those that belong to none are noted in the listing."""
    know_patients = any(item.group for item in listing.items)
    if request.scheme == "patient" and not know_patients:
        raise InputError(
            f"{request.name}: split 'patient' needs images whose patients are known, and no image says whose it is; "
            f"choose another of {', '.join(request.info.split_schemes)}"
        )
    if request.scheme == "random" and know_patients:
        listing.notes.append("patients are known: --split patient keeps the images of each on one side")
    parts = assign(listing.items, request.scheme, request.config.seed, request.info.synthetic)
    unplaced = len(listing.items) - sum(map(len, parts.values()))
    if unplaced:
        listing.notes.append(f"{unplaced:,} images belong to no split of '{request.scheme}'")
    if "train" not in parts or "test" not in parts:
        raise InputError(
            f"{request.name}: split '{request.scheme}' leaves no images for "
            f"{'train' if 'train' not in parts else 'test'}; got "
            + ", ".join(f"{name} {len(items):,}" for name, items in parts.items())
        )
    return parts
