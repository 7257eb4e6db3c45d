"""What jaxpix runs on: versions, devices, the compilation cache, free disk."""

import shutil
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from ..storage.environment import describe_environment
from ..terminal.programs import programs_folder
from ..version import version_of

# Beside those of every environment.
_ALSO = ("array_record", "scipy", "pyarrow", "pydantic", "tyro", "matplotlib")
_OPTIONAL = (
    "torch",
    "torchvision",
    "keras",
    "pydicom",
    "openpyxl",
    "pandas",
    "jax-cuda13-plugin",
    "jax-cuda12-plugin",
)
_UNITS = ("bytes", "KiB", "MiB", "GiB", "TiB")


def machine_lines(folders: Iterable[Path]) -> Iterator[str]:
    """One line for each thing; `folders` are those whose free disk counts.

    Raises:
        RuntimeError: JAX finds no device.
    """
    about = describe_environment()
    commit = f" (commit {about['commit']})" if about["commit"] else ""
    yield f"jaxpix {about['jaxpix']}{commit}, Python {about['python']}, {about['system']}, {about['cpu_cores']} cores"
    versions = {**about["packages"], **{name: version_of(name) for name in _ALSO}}
    yield "packages: " + ", ".join(f"{name} {version or 'MISSING'}" for name, version in versions.items())
    optional = {name: version_of(name) for name in _OPTIONAL}
    there = [f"{name} {version}" for name, version in optional.items() if version]
    absent = [name for name, version in optional.items() if not version]
    yield f"optional: {', '.join(there) or 'none'}; not installed: {', '.join(absent) or 'none'}"
    counts = Counter(about["devices"])
    yield f"devices ({about['backend']}): " + ", ".join(f"{count} x {kind}" for kind, count in counts.items())
    yield f"compilation cache: {_cache()}"
    for folder in folders:
        yield f"free disk at {shown_path(folder)}: {_free(folder)}"


def _cache() -> str:
    folder = programs_folder()
    if folder is None:
        return "off (on CPUs it is on only where JAXPIX_CACHE names a folder)"
    try:
        sizes = [path.stat().st_size for path in folder.rglob("*") if path.is_file()]
    except OSError as error:
        return f"{shown_path(folder)}, which cannot be read: {error.strerror}"
    return f"{shown_path(folder)}, {len(sizes):,} files, {size_text(sum(sizes))}"


def _free(folder: Path) -> str:
    # Of a folder that is not there yet, the disk that it would lie on.
    there = next(place for place in (folder.absolute(), *folder.absolute().parents) if place.exists())
    try:
        return size_text(shutil.disk_usage(there).free)
    except OSError as error:
        return f"unknown: {error.strerror}"


def shown_path(path: Path) -> str:
    """A path as it may be pasted into a report: without the name of a home folder."""
    home = str(Path.home())
    text = str(path)
    return f"~{text.removeprefix(home)}" if text == home or text.startswith(f"{home}/") else text


def size_text(count: float) -> str:
    """Bytes as people read them."""
    for unit in _UNITS:
        if count < 1024 or unit == _UNITS[-1]:
            break
        count /= 1024
    return f"{count:,.0f} {unit}" if unit == "bytes" else f"{count:,.1f} {unit}"
