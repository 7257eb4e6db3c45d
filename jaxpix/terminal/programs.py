"""Compiled programs, kept from one process to the next on GPUs, where compiling an attack takes most of its start."""

import os
import stat
from pathlib import Path

import jax

from ..errors import InputError
from .console import say

OFF = "off"
_MOST_BYTES = 4 << 30


def keep_programs() -> None:
    """Use JAX's persistent compilation cache from here on, and say so when its folder is made.

    On CPUs only where `JAXPIX_CACHE` names a folder: some refuse to load what JAX has kept (jax#38445). A cache that
    was set up for JAX itself (`JAX_COMPILATION_CACHE_DIR`) is left alone. The kernels that a GPU's compiler chose by
    timing them are kept with the programs, so that later processes compute with the same ones.

    Raises:
        InputError: `JAXPIX_CACHE` names a folder that cannot be used.
    """
    chosen, folder = os.environ.get("JAXPIX_CACHE", ""), programs_folder()
    if folder is None or jax.config.jax_compilation_cache_dir:  # type: ignore[attr-defined]
        return
    is_new = not folder.exists()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        problem = _problem(folder)
    except OSError as error:
        problem = str(error)
    if problem:
        if chosen:
            raise InputError(f"JAXPIX_CACHE={chosen}: {problem}; expected a folder of your own, or {OFF!r}")
        say(f"compiled programs are not kept in {folder}: {problem}")
        return
    jax.config.update("jax_compilation_cache_dir", str(folder.resolve()))
    jax.config.update("jax_compilation_cache_max_size", _MOST_BYTES)
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", 0)
    if is_new:
        most = f"at most {_MOST_BYTES >> 30} GiB"
        say(f"compiled programs are kept in {folder}, {most}; JAXPIX_CACHE={OFF} turns that off")


def programs_folder() -> Path | None:
    """Where compiled programs are kept here: where JAX was told, or `JAXPIX_CACHE`, or GPUs are; None: nowhere."""
    chosen = os.environ.get("JAXPIX_CACHE", "")
    if jax.config.jax_compilation_cache_dir:  # type: ignore[attr-defined]
        return Path(jax.config.jax_compilation_cache_dir)  # type: ignore[attr-defined]
    if chosen == OFF or (not chosen and jax.default_backend() == "cpu"):
        return None
    return Path(chosen) if chosen else default_folder()


def default_folder() -> Path:
    """The folder of the user's cache directory that holds compiled programs."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "jaxpix" / "programs"


def _problem(folder: Path) -> str | None:
    """Why a folder is not to be trusted: whoever writes into it runs code here."""
    if not folder.is_dir():
        return "it is not a folder"
    status = folder.stat()
    if hasattr(os, "getuid") and status.st_uid != os.getuid():
        return "it belongs to somebody else"
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        return "others may write into it, and what is loaded from it is run"
    if not os.access(folder, os.W_OK):
        return "it cannot be written to"
    return None
