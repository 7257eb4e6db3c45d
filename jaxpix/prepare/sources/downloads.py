"""Files fetched once and checked against their publisher's MD5 sums."""

import shutil
import sys
import tempfile
from pathlib import Path

import pooch

from ...errors import InputError

# Seconds until a connection, and between two pieces of a file.
_PATIENCE = (6.0, 30.0)
_MORE_TRIES = 2
_CHUNK_BYTES = 1 << 18


def download(url: str, file_name: str, md5: str, folder: Path) -> Path:
    """Fetch a file, once, and check it.

    Raises:
        InputError: it cannot be fetched (the message names file and place), or its MD5 sum is wrong.
    """
    path = folder / file_name
    prefix = f"incomplete.{file_name}."
    if not path.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        # What a killed download of the same file left.
        for stale in folder.glob(f"{prefix}*"):
            shutil.rmtree(stale)
        with tempfile.TemporaryDirectory(dir=folder, prefix=prefix) as fresh:
            fetched = _fetched(url, Path(fresh), path)
            _check_md5(fetched, md5, url)
            fetched.replace(path)
    _check_md5(path, md5, str(path))
    return path


def _fetched(url: str, fresh: Path, path: Path) -> Path:
    pooch.get_logger().setLevel("WARNING")
    # Without the sum: a wrong file would be fetched three times.
    files = pooch.create(
        fresh, "", registry={path.name: None}, urls={path.name: url}, retry_if_failed=_MORE_TRIES
    )
    fetch = pooch.HTTPDownloader(sys.stderr.isatty(), _CHUNK_BYTES, timeout=_PATIENCE)
    try:
        return Path(files.fetch(path.name, downloader=fetch))
    # Every library below has its own errors for "no network".
    except Exception as error:
        raise InputError(
            f"{path.name} cannot be downloaded ({type(error).__name__}: {error}). Get it from {url} "
            f"and give it with --source {path.name}, or put it at {path}"
        ) from None


def _check_md5(path: Path, expected: str, origin: str) -> None:
    found = pooch.file_hash(path, "md5")
    if found != expected:
        raise InputError(
            f"{origin}: expected the MD5 sum {expected}, got {found}; "
            f"delete it, or give a copy you trust with --source"
        )
