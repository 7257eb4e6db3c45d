"""The one place that states the version, and what is installed beside it."""

import importlib.metadata

__version__ = "0.1.0"


def version_of(package: str) -> str | None:
    """What is installed of a package; None: nothing."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None
