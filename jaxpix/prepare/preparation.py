"""From a source as users have it to a prepared data set: list, split, store, account for everything."""

import contextlib
import dataclasses
import errno
import itertools
import shutil
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

from ..config import PrepareConfig
from ..data.prepared import PreparedDataset, read_prepared
from ..data.prepared_files import VERSION, Settings, folder_name, write_summary
from ..data.registry import PHANTOMS, DatasetInfo, lookup
from ..errors import InputError
from ..storage.locks import hold
from . import accounts
from .formats import formats
from .listing import Listing
from .splits import assign
from .storing import Outcome, Task, store_one

_THREADS = 4
_LOOK_AHEAD = 64


class Counter(Protocol):
    """Shows how far a piece of work is."""

    def advance(self, count: int = 1, note: str = "") -> None:
        """Count `count` more things as done."""


class Report(Protocol):
    """Who is told what goes on. The module `jaxpix.terminal.console` is one."""

    def say(self, message: str) -> None:
        """Show a line."""

    def Meter(self, description: str, total: int | None, unit: str = ...) -> AbstractContextManager[Counter]:
        """Open a progress bar."""


class Silent:
    """Tells nobody."""

    def say(self, message: str) -> None:
        """Nothing."""

    @contextlib.contextmanager
    def Meter(self, description: str, total: int | None, unit: str = "images") -> Iterator["Silent"]:
        """Nothing."""
        yield self

    def advance(self, count: int = 1, note: str = "") -> None:
        """Nothing."""


@dataclasses.dataclass(frozen=True)
class Request:
    """What is asked for, every default filled in."""

    info: DatasetInfo
    name: str
    scheme: str
    image_size: int
    config: PrepareConfig

    @property
    def home(self) -> Path:
        """Folder of this scheme and size; the finished data set is its subfolder `VERSION`."""
        return self.config.data_dir / folder_name(self.name) / f"{self.scheme}-{self.image_size}"

    @property
    def note(self) -> str | None:
        """What shall be said with every figure, on one line; not part of the settings."""
        return " ".join((self.config.note or "").split()) or None

    @property
    def settings(self) -> Settings:
        """All that decides what is stored."""
        source = self.config.source
        return {
            "source": source.resolve().name if source else None,
            "source_bytes": source.stat().st_size if source and source.is_file() else None,
            "labels": self.config.labels.name if self.config.labels else None,
            "channels": self.config.channels,
            "normal_classes": list(self.config.normal_classes) if self.config.normal_classes else None,
            "num_images": self.config.num_images,
            "seed": self.config.seed,
        }


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


def resolve(name: str, config: PrepareConfig) -> Request:
    """Fill in defaults and check the options against the data set.

    Raises:
        InputError: unknown data set or split scheme, or an option that this data set has no use for.
    """
    info = lookup(name)
    _check_options(info, config)
    stored_as = formats.stored_name(info, config)
    scheme = config.split or formats.default_scheme(info, config)
    if scheme not in info.split_schemes:
        raise InputError(f"{name}: unknown split {scheme!r}; allowed: {', '.join(info.split_schemes)}")
    size = config.image_size or formats.default_size(info, config)
    return Request(info, stored_as, scheme, size, dataclasses.replace(config, split=scheme))


def _check_options(info: DatasetInfo, config: PrepareConfig) -> None:
    for option, only_for in (("name", "folder"), ("channels", "folder"), ("normal_classes", "folder")):
        if getattr(config, option) is not None and info.name != only_for:
            raise InputError(f"{info.name}: --{option.replace('_', '-')} is only for '{only_for}'")
    if config.num_images is not None and not info.synthetic:
        raise InputError(f"{info.name}: --num-images is only for {', '.join(PHANTOMS)}")
    if info.synthetic and config.source is not None:
        raise InputError(f"{info.name} is drawn by jaxpix and takes no --source")


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
    differing = [key for key in asked if asked[key] != stored[key]]
    if differing:
        what = ", ".join(f"{key} {stored[key]!r} (asked for: {asked[key]!r})" for key in differing)
        raise InputError(
            f"{target} was prepared with other settings: {what}. Delete it or choose another --data-dir"
        )
    report.say(f"{request.name} is prepared already: {target}")
    if request.config.note is not None and request.note != dataset.note:
        write_summary(target, {**dataset.summary, "note": request.note})
        report.say(f"note: {request.note}" if request.note else "its note was removed")
    return dataset


def _store(request: Request, report: Report) -> None:
    if request.config.source:
        report.say(f"{request.name}: looking through {request.config.source}")
    elif request.info.is_downloaded:
        report.say(f"{request.name}: no --source, so it is downloaded")
    listing = formats.read(request.info, request.config, request.image_size)
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
    # TensorFlow Datasets is slow to import, and a wrong path should fail at once.
    from ..data.builders import build

    ledger = accounts.Ledger(listing.info, list(parts), request.config.max_corrupt)
    total = sum(map(len, parts.values()))
    with report.Meter(f"storing {request.name}", total, "images") as meter:

        def stream(split_name: str) -> Iterator[dict[str, Any]]:
            tasks = (
                Task(item, load, listing.info, request.image_size)
                for item, load in zip(parts[split_name], listing.load(parts[split_name]), strict=True)
            )
            for outcome in _in_order(store_one, tasks):
                meter.advance()
                if ledger.enter(split_name, outcome):
                    yield outcome.example(listing.info)

        def finish(folder: Path) -> None:
            ledger.close(folder, request.scheme, request.image_size, request.settings, listing, request.note)

        build(
            dataset=listing.info,
            image_size=request.image_size,
            home=request.home,
            splits=list(parts),
            stream=stream,
            finish=finish,
        )


def _in_order(function: Callable[[Task], Outcome], tasks: Iterable[Task]) -> Iterator[Outcome]:
    """Map in threads, results in order, at most `_LOOK_AHEAD` of them held."""
    tasks = iter(tasks)
    with ThreadPoolExecutor(_THREADS) as pool:
        waiting: deque[Future[Outcome]] = deque(
            pool.submit(function, task) for task in itertools.islice(tasks, _LOOK_AHEAD)
        )
        try:
            while waiting:
                outcome = waiting.popleft().result()
                waiting.extend(pool.submit(function, task) for task in itertools.islice(tasks, 1))
                yield outcome
        finally:
            for future in waiting:
                future.cancel()


__all__ = ["Listing", "Report", "Silent", "prepare_dataset", "resolve"]
