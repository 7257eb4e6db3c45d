"""Compiled programs kept between processes: where, when, and what is refused."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ATTACK = """
import jax, numpy as np
from jaxpix.terminal.programs import keep_programs
keep_programs()
hits = []
jax.monitoring.register_event_listener(lambda name, **_: hits.append(name))
jax.jit(lambda x: (x @ x).sum())(np.ones((8, 8), np.float32)).block_until_ready()
print("hits", sum(name == "/jax/compilation_cache/cache_hits" for name in hits))
print("kept in", jax.config.jax_compilation_cache_dir)
"""


def run(cache: str | None, home: Path, **more: str) -> subprocess.CompletedProcess[str]:
    names = ("JAXPIX_CACHE", "JAX_COMPILATION_CACHE_DIR", "XDG_CACHE_HOME")
    environment = {name: value for name, value in os.environ.items() if name not in names}
    environment |= {"HOME": str(home), **more} | ({} if cache is None else {"JAXPIX_CACHE": cache})
    return subprocess.run(
        [sys.executable, "-c", ATTACK], env=environment, capture_output=True, text=True, check=False
    )


def test_a_second_process_finds_what_the_first_one_compiled(tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    first, second = (run(str(folder), tmp_path) for _ in range(2))
    assert "compiled programs are kept in" in first.stdout
    assert "hits 0" in first.stdout
    assert "compiled programs are kept in" not in second.stdout, "it is told once"
    if "hits 0" in second.stdout:
        pytest.skip("this processor's programs are not loaded again (jax#38445)")
    assert list(folder.iterdir())


@pytest.mark.parametrize("cache", [None, "off"])
def test_nothing_is_kept_on_a_cpu_or_where_it_is_off(cache: str | None, tmp_path: Path) -> None:
    done = run(cache, tmp_path)
    assert "kept in None" in done.stdout, done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_cache_of_jax_itself_is_left_alone(tmp_path: Path) -> None:
    own = tmp_path / "own"
    done = run(str(tmp_path / "ours"), tmp_path, JAX_COMPILATION_CACHE_DIR=str(own))
    assert f"kept in {own}" in done.stdout
    assert not (tmp_path / "ours").exists()


@pytest.mark.parametrize("kind", ["a file", "writable by all"])
def test_a_folder_that_is_not_to_be_trusted_is_refused(kind: str, tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    if kind == "a file":
        folder.write_text("")
    else:
        folder.mkdir()
        folder.chmod(0o777)
    done = run(str(folder), tmp_path)
    said = {"a file": "it is not a folder|File exists", "writable by all": "others may write into it"}[kind]
    assert done.returncode != 0
    assert any(text in done.stderr for text in said.split("|")), done.stderr
    assert "or 'off'" in done.stderr
