"""What a run ran on: versions, devices, commit, date."""

import datetime
import os
import platform
import subprocess
from pathlib import Path
from typing import Any

import jax

from ..version import __version__, version_of

_PACKAGES = (
    "jax",
    "jaxlib",
    "flax",
    "optax",
    "evosax",
    "orbax-checkpoint",
    "tensorflow-datasets",
    "grain",
    "numpy",
    "pillow",
)


def describe_environment() -> dict[str, Any]:
    """JSON-able facts for a run folder. A package that is not installed is None, and so is an unknown commit."""
    devices = jax.local_devices()
    return {
        "jaxpix": __version__,
        "commit": _commit(),
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "system": platform.platform(),
        "cpu_cores": os.cpu_count(),
        "backend": jax.default_backend(),
        "devices": [device.device_kind for device in devices],
        "processes": jax.process_count(),
        "packages": {name: version_of(name) for name in _PACKAGES},
    }


def usable_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _commit() -> str | None:
    """Commit of the source tree that runs, `+` where files differ from it.

    Without a repository: what `JAXPIX_COMMIT` says, None for an installed package.
    """
    root = Path(__file__).resolve().parents[2]
    if not (root / ".git").exists():
        return os.environ.get("JAXPIX_COMMIT")
    try:
        commit = _git(root, "rev-parse", "HEAD")
        return commit + ("+" if _git(root, "status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.SubprocessError):
        return None


def _git(root: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(root), *arguments], capture_output=True, text=True, check=True, timeout=10
    )
    return done.stdout.strip()
