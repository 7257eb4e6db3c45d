"""Checkpoints: exact round trips, atomic replacement, and errors that name what does not fit."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest

from jaxpix.errors import InputError
from jaxpix.storage.checkpoints import has_checkpoint, restore_tree, save_tree


def example_tree() -> dict:
    random = np.random.default_rng(0)
    return {
        "params": {"layer1": [{"kernel": random.normal(size=(3, 3, 2, 4)).astype(np.float32)}]},
        "half": jnp.asarray([1.5, -2.0], jnp.bfloat16),
        "epoch": np.asarray(7, np.int64),
    }


def test_round_trip_is_exact(tmp_path: Path) -> None:
    tree = example_tree()
    save_tree(tmp_path / "last", tree)
    restored = restore_tree(tmp_path / "last", tree)
    kernel = tree["params"]["layer1"][0]["kernel"]
    np.testing.assert_array_equal(restored["params"]["layer1"][0]["kernel"], kernel)
    assert restored["half"].dtype == jnp.bfloat16
    np.testing.assert_array_equal(np.asarray(restored["half"], np.float32), [1.5, -2.0])
    assert restored["epoch"].dtype == np.int64
    assert restored["epoch"] == 7


def test_saving_again_replaces_and_leaves_one_save(tmp_path: Path) -> None:
    for value in (1.0, 2.0, 3.0):
        save_tree(tmp_path / "last", {"a": np.full(4, value, np.float32)})
    assert restore_tree(tmp_path / "last", {"a": np.zeros(4, np.float32)})["a"][0] == 3.0
    assert len(list((tmp_path / "last").iterdir())) == 1


def test_an_unfinished_save_is_neither_read_nor_kept(tmp_path: Path) -> None:
    tree = {"a": np.ones(2, np.float32)}
    save_tree(tmp_path / "last", tree)
    (tmp_path / "last" / "unfinished-1").mkdir()
    assert restore_tree(tmp_path / "last", tree)["a"][0] == 1.0
    save_tree(tmp_path / "last", tree)
    assert [entry.name for entry in (tmp_path / "last").iterdir()] == ["00000001"]


def test_a_killed_writer_leaves_a_complete_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "last"
    script = (
        "import sys, numpy as np; from pathlib import Path; from jaxpix.storage.checkpoints import save_tree\n"
        "for i in range(10_000): save_tree(Path(sys.argv[1]), {'a': np.full(100_000, i, np.float32)})"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "JAX_PLATFORMS": "cpu"}
    process = subprocess.Popen([sys.executable, "-c", script, str(path)], env=environment)
    try:
        deadline = time.monotonic() + 60
        while not (has_checkpoint(path) and int(max(p.name for p in path.glob("0*"))) >= 3):
            assert time.monotonic() < deadline, "the writer has not written"
            time.sleep(0.01)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    values = restore_tree(path, {"a": np.zeros(100_000, np.float32)})["a"]
    assert values.min() == values.max() >= 2


@pytest.mark.parametrize(
    ("like", "message"),
    [
        ({"a": np.zeros(3, np.float32)}, r"a: expected float32\[3\], got float32\[2\]"),
        ({"a": np.zeros(2, np.int32)}, r"a: expected int32\[2\], got float32\[2\]"),
        ({"a": np.zeros(2, np.float32), "b": np.zeros(1)}, "missing b, not expected nothing"),
        ({"c": np.zeros(2, np.float32)}, "missing c, not expected a"),
    ],
)
def test_what_does_not_fit_is_named(tmp_path: Path, like: dict, message: str) -> None:
    save_tree(tmp_path / "x", {"a": np.zeros(2, np.float32)})
    with pytest.raises(InputError, match=message):
        restore_tree(tmp_path / "x", like)


def test_no_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no checkpoint at .*nowhere"):
        restore_tree(tmp_path / "nowhere", {"a": np.zeros(1)})


def test_damage_is_found(tmp_path: Path) -> None:
    tree = {"a": np.arange(5000, dtype=np.float32)}
    save_tree(tmp_path / "x", tree)
    data = max((tmp_path / "x").rglob("d/*"), key=lambda file: file.stat().st_size)
    data.write_bytes(data.read_bytes()[: data.stat().st_size // 2])
    with pytest.raises(InputError, match=r"x/00000000 is damaged"):
        restore_tree(tmp_path / "x", tree)


def test_missing_files_are_found(tmp_path: Path) -> None:
    tree = {"a": np.arange(5, dtype=np.float32)}
    save_tree(tmp_path / "x", tree)
    (tmp_path / "x" / "00000000" / "manifest.json").unlink()
    with pytest.raises(InputError, match="damaged: files are missing"):
        restore_tree(tmp_path / "x", tree)


def test_changed_content_is_found(tmp_path: Path) -> None:
    tree = {"a": np.arange(5, dtype=np.float32)}
    save_tree(tmp_path / "x", tree)
    manifest = tmp_path / "x" / "00000000" / "manifest.json"
    content = json.loads(manifest.read_text())
    content["a"]["sha256"] = "0" * 64
    manifest.write_text(json.dumps(content))
    with pytest.raises(InputError, match="the content of a has changed"):
        restore_tree(tmp_path / "x", tree)


def test_arrays_that_are_larger_than_the_manifest_says_are_not_read(tmp_path: Path) -> None:
    """A few bytes of zeros can claim gigabytes."""
    tree = {"a": np.arange(5, dtype=np.float32)}
    save_tree(tmp_path / "x", tree)
    save_tree(tmp_path / "y", {"a": np.zeros(1_000_000, np.float32)})
    shutil.rmtree(tmp_path / "x" / "00000000" / "arrays")
    (tmp_path / "y" / "00000000" / "arrays").rename(tmp_path / "x" / "00000000" / "arrays")
    with pytest.raises(InputError, match=r"damaged: a: expected shape \[5\], got \[1000000\]"):
        restore_tree(tmp_path / "x", tree)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[" * 100_000, "is damaged: .*manifest.json is damaged"),
        ('{"a": 3}', "is damaged: manifest.json: a is no array"),
        (
            '{"a": {"shape": 5, "dtype": "float32", "sha256": ""}}',
            r"does not fit: a: expected float32\[5\], got",
        ),
        (None, "is damaged: .*manifest.json cannot be read: Is a directory"),
    ],
    ids=["deep", "number", "shape", "folder"],
)
def test_a_manifest_that_is_none(tmp_path: Path, content: str | None, message: str) -> None:
    tree = {"a": np.arange(5, dtype=np.float32)}
    save_tree(tmp_path / "x", tree)
    manifest = tmp_path / "x" / "00000000" / "manifest.json"
    manifest.unlink()
    if content is None:
        manifest.mkdir()
    else:
        manifest.write_text(content)
    with pytest.raises(InputError, match=message):
        restore_tree(tmp_path / "x", tree)


def test_other_entries_are_no_saves(tmp_path: Path) -> None:
    tree = {"a": np.arange(5, dtype=np.float32)}
    save_tree(tmp_path / "x", tree)
    (tmp_path / "x" / "²").mkdir()
    restore_tree(tmp_path / "x", tree)
    (tmp_path / "x" / "00000001").write_text("a file")
    with pytest.raises(InputError, match="damaged: files are missing"):
        restore_tree(tmp_path / "x", tree)


def test_a_path_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot write the checkpoint"):
        save_tree(tmp_path / "file" / "x", {"a": np.zeros(1)})
