"""Files fetched through TFDS's download manager and checked against their publisher's MD5 sums."""

import contextlib
import hashlib
import shutil
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import tensorflow_datasets as tfds

from ..errors import InputError

_PATIENCE_SECONDS = 20.0


def download(url: str, file_name: str, md5: str, folder: Path) -> Path:
    """Fetch a file through TFDS's download manager, once, and check it.

    Raises:
        InputError: it cannot be fetched (the message names file and place), or its MD5 sum is wrong.
    """
    path = folder / file_name
    prefix = f"incomplete.{file_name}."
    if not path.is_file():
        with (
            _bar_in_terminals(),
            tempfile.TemporaryDirectory(dir=_made(folder, prefix), prefix=prefix) as fresh,
        ):
            manager = tfds.download.DownloadManager(download_dir=fresh)
            try:
                _check_reachable(url)
                fetched = Path(manager.download(url))
            # Every library below has its own errors for "no network".
            except Exception as error:
                raise InputError(
                    f"{file_name} cannot be downloaded ({type(error).__name__}: {error}). Get it from {url} "
                    f"and give it with --source {file_name}, or put it at {path}"
                ) from None
            _check_md5(fetched, md5, url)
            fetched.replace(path)
    _check_md5(path, md5, str(path))
    return path


def _check_reachable(url: str) -> None:
    """Fail in seconds without a network, where TFDS would try again for minutes."""
    try:
        urllib.request.urlopen(url, timeout=_PATIENCE_SECONDS).close()
    except urllib.error.HTTPError:
        # The server is there; what it thinks of this request is for TFDS to find out.
        return


def _made(folder: Path, prefix: str) -> Path:
    """The folder, without what a killed download of the same file left."""
    folder.mkdir(parents=True, exist_ok=True)
    for stale in folder.glob(f"{prefix}*"):
        shutil.rmtree(stale)
    return folder


@contextlib.contextmanager
def _bar_in_terminals() -> Iterator[None]:
    if sys.stderr.isatty():
        tfds.enable_progress_bar()
    try:
        yield
    finally:
        tfds.disable_progress_bar()


def _check_md5(path: Path, expected: str, origin: str) -> None:
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "md5").hexdigest()
    if found != expected:
        raise InputError(
            f"{origin}: expected the MD5 sum {expected}, got {found}; "
            f"delete it, or give a copy you trust with --source"
        )
