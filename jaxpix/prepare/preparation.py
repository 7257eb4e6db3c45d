"""From a source as users have it to a prepared data set: list, split, store, account for everything."""

import contextlib
import errno
import shutil
from collections.abc import Collection, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

from ..config import PrepareConfig
from ..data.prepared import PreparedDataset, read_prepared
from ..data.prepared_files import VERSION, write_summary
from ..errors import InputError
from ..storage.locks import hold
from .accounts import Ledger
from .listing import Item, Listing
from .looking import look_over
from .overview import ContactSheet
from .request import Request, resolve
from .splits import assign
from .storing import store_all
from .understanding import classes, understood


class Counter(Protocol):
    """Shows how far a piece of work is."""

    def advance(self, count: int = 1, note: str = "") -> None:
        """Count `count` more things as done."""


class Report(Protocol):
    """Who is told what goes on. The module `jaxpix.terminal.console` is one."""

    def say(self, message: str) -> None:
        """Show a line."""

    def print_table(
        self, title: str, header: list[str], rows: list[list[str]], *, text: Collection[int]
    ) -> None:
        """Show a table; `text` are its columns of words."""

    def Meter(self, description: str, total: int | None, unit: str = ...) -> AbstractContextManager[Counter]:
        """Open a progress bar."""


class Silent:
    """Tells nobody."""

    def say(self, message: str) -> None:
        """Nothing."""

    def print_table(
        self, title: str, header: list[str], rows: list[list[str]], *, text: Collection[int]
    ) -> None:
        """Nothing."""

    @contextlib.contextmanager
    def Meter(self, description: str, total: int | None, unit: str = "images") -> Iterator["Silent"]:
        """Nothing."""
        yield self

    def advance(self, count: int = 1, note: str = "") -> None:
        """Nothing."""


def prepare_dataset(name: str, config: PrepareConfig, report: Report | None = None) -> PreparedDataset:
    """Prepare a data set, or open it where the same was prepared before.

    Killed at any moment, it leaves nothing that counts as a data set; started again, it gives the same one.

    Raises:
        InputError: everything a user can mend; no half data set is left behind.
    """
    report = report or Silent()
    request = resolve(name, config)
    target = request.home / VERSION
    with _locked(request):
        _remove_incomplete(request.home)
        if target.exists():
            return _reuse(request, target, report)
        try:
            _store(request, report)
        except OSError as error:
            raise _explained(error, request) or error from None
        finally:
            _remove_incomplete(request.home)
            for folder in (request.home, request.home.parent):
                with contextlib.suppress(OSError):
                    folder.rmdir()
        return read_prepared(target)


def understand_source(name: str, config: PrepareConfig, report: Report | None = None) -> Listing:
    """Say what a source is taken for; nothing is stored.

    Raises:
        InputError: as `prepare_dataset`, as far as that depends on names, folders and tables.
    """
    return _understand(resolve(name, config), report or Silent())[0]


def _understand(request: Request, report: Report) -> tuple[Listing, dict[str, list[Item]]]:
    if request.config.source:
        report.say(f"{request.name}: looking through {request.config.source}")
    elif request.info.is_downloaded:
        report.say(f"{request.name}: no --source, so it is downloaded")
    listing = request.listing()
    look_over(listing, request.config, report.Meter)
    parts = _parts(request, listing)
    if request.config.source:
        rows = understood(listing, parts, request.scheme)
        report.print_table(f"{request.name}: {request.config.source}", ["", "taken for"], rows, text=(0, 1))
        report.print_table("", *classes(listing.info, parts), text=(0, 1 + len(parts)))
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


@contextlib.contextmanager
def _locked(request: Request) -> Iterator[None]:
    data_dir, home = request.config.data_dir, request.home
    path = data_dir / f".{home.parent.name}-{home.name}.lock"
    with hold(path, f"--data-dir {data_dir}", f"another process is preparing {home}; wait for it"):
        yield


def _reuse(request: Request, target: Path, report: Report) -> PreparedDataset:
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
    report.say(f"{request.name} is prepared already: {target}")
    if request.config.note is not None and request.note != dataset.note:
        write_summary(target, {**dataset.summary, "note": request.note})
        report.say(f"note: {request.note}" if request.note else "its note was removed")
    return dataset


def _store(request: Request, report: Report) -> None:
    listing, parts = _understand(request, report)
    # TensorFlow Datasets is slow to import, and a wrong path should fail at once.
    from ..data.builders import build

    ledger = Ledger(listing.info, list(parts), request.config.max_corrupt)
    sheet = ContactSheet(listing.info, list(parts), request.image_size)
    with report.Meter(f"storing {request.name}", sum(map(len, parts.values())), "images") as meter:

        def stream(split_name: str) -> Iterator[dict[str, Any]]:
            for outcome in store_all(listing, parts[split_name], request.image_size):
                meter.advance()
                if ledger.enter(split_name, outcome):
                    sheet.enter(split_name, outcome)
                    yield outcome.example(listing.info)

        def finish(folder: Path) -> None:
            ledger.close(folder, request.scheme, request.image_size, request.settings, listing, request.note)
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
