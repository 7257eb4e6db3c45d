"""The script that compiles for GPUs: what it names, and what it makes of a compiler that dies or is not there."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SCRIPT = ROOT / "scripts" / "compile_for_gpu.py"


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(SCRIPT), *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def test_everything_that_attack_and_training_run_is_listed() -> None:
    done = run("--list")
    assert done.returncode == 0, done.stderr
    programs = done.stdout.splitlines()
    assert len(programs) == len(set(programs))
    for what in ("fill", "advance", "read", "refute", "judge", "predict", "train", "evaluate"):
        assert any(line.startswith(f"{what} densenet121") for line in programs), what
    for search in ("bfloat16 incremental K=3", "tfloat32 dense K=1", "float32 incremental K=1"):
        assert f"advance resnet50 224 px x1 {search}" in programs
    quick = run("--list", "--quick").stdout.splitlines()
    assert set(quick) < set(programs)


def test_without_the_packages_it_says_so(tmp_path: Path) -> None:
    # pip finds nothing: no index, and an empty folder.
    offline = {
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(tmp_path),
        "JAXPIX_GPU_COMPILER": str(tmp_path / "none"),
    }
    done = run("--quick", **offline)
    assert (done.returncode, done.stdout.splitlines()[-1][:8]) == (0, "skipped:"), done.stdout
    assert run("--quick", "--required", **offline).returncode == 1


def test_a_compiler_that_dies_fails_its_program_and_no_other(tmp_path: Path) -> None:
    """A real process that aborts, as XLA does on a pattern it cannot take."""
    plugin = tmp_path / "jax_plugins"
    plugin.mkdir()
    # Imported by every worker before it compiles; dies in the second one's first program only.
    marks = tmp_path / "begun"
    (tmp_path / "sitecustomize.py").write_text(
        "import os, pathlib, sys\n"
        f"marks = pathlib.Path({str(marks)!r})\n"
        "if '--worker' in sys.orig_argv:\n"
        "    print('Check failed: 784 vs. 56', file=sys.stderr, flush=True)\n"
        "    marks.write_text(marks.read_text() + 'x' if marks.exists() else 'x')\n"
        "    os.abort()\n"
    )
    done = run(
        "--models", "resnet14", "--programs", "read", "judge", "--precision", "float32",
        "--evaluators", "dense", "--num-pixels", "1", "--channels", "1",
        JAXPIX_GPU_COMPILER=str(tmp_path),
    )  # fmt: skip
    assert done.returncode == 1
    assert marks.read_text() == "xx", "each program got a process"
    assert done.stdout.count("FAILED, status -6") == 2
    assert done.stdout.count("Check failed: 784 vs. 56") == 2
    assert "0 of 2 programs compile" in done.stdout
    assert "does not compile: judge resnet14 224 px x1 float32" in done.stdout


@pytest.mark.parametrize("wrong", [["--models", "vgg"], ["--programs", "nothing"], ["--num-pixels", "one"]])
def test_wrong_arguments_are_refused(wrong: list[str]) -> None:
    done = run(*wrong)
    assert done.returncode == 2
    assert wrong[1] in done.stderr
