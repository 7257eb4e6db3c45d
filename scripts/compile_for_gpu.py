"""Compiles jaxpix's programs for an NVIDIA H100 on a machine without a GPU: what aborts here would abort there.

    python scripts/compile_for_gpu.py            everything: two networks, three precisions, K = 1, 3, grey and colour
    python scripts/compile_for_gpu.py --quick    what an attack and a training need, in two minutes, as CI does
    python scripts/compile_for_gpu.py --models resnet50 --programs advance --hlo out    keeps the optimised programs

XLA's compiler for GPUs runs to the end, Triton and ptxas included, but cannot try kernels out: those that are chosen
by timing may differ on a card. It needs two packages of JAX's own version, the extra `gpu-compile`; they are put into
a folder of their own, .venv-gpu, because every JAX process that sees them without a driver complains. Where they
cannot be had, one line says so and the exit status is 0; --required makes that a failure. JAXPIX_GPU_COMPILER names
another folder.
"""

import argparse
import dataclasses
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import jax
from gpu_kernels import kernels_of
from gpu_programs import PROGRAMS, Program, h100, lowered, wanted

from jaxpix.models.sizes import SIZES
from jaxpix.platforms import written_for

ROOT = Path(__file__).resolve().parents[1]


def compile_all(programs: list[Program], device: Any, hlo: Path | None) -> None:
    """Compile in this process, and print a line of JSON after each."""
    for program in programs:
        with written_for("gpu"):
            traced = lowered(program, device)
        began = time.perf_counter()
        compiled = traced.compile()
        text = compiled.as_text()
        report = {
            "done": str(program),
            "seconds": time.perf_counter() - began,
            "temporary_bytes": compiled.memory_analysis().temp_size_in_bytes,
            "kernels": {kind: dataclasses.astuple(found) for kind, found in kernels_of(text).items()},
        }
        print(json.dumps(report), flush=True)
        if hlo:
            (hlo / (str(program).replace(" ", "-") + ".txt")).write_text(text)


def install() -> Path | None:
    """The folder with the plugin of the installed JAX's version; None where it cannot be had."""
    python = f"python{sys.version_info.major}{sys.version_info.minor}"
    default = ROOT / ".venv-gpu" / f"jax-{jax.__version__}-{python}"
    folder = Path(os.environ.get("JAXPIX_GPU_COMPILER", default))
    if (folder / "jax_plugins").is_dir():
        return folder
    packages = [f"jax-cuda13-{part}=={jax.__version__}" for part in ("plugin", "pjrt")]
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    print(f"== {' '.join(packages)} into {folder} (once)", flush=True)
    partial = folder.with_name(folder.name + ".partial")
    done = subprocess.run([*pip, "--target", str(partial), "--upgrade", *packages], check=False)
    if done.returncode:
        return None
    partial.rename(folder)
    return folder


def supervise(programs: list[Program], folder: Path, hlo: Path | None) -> list[str]:
    """Compile in processes of their own and print what became of each; the programs that failed."""
    environment = {
        **os.environ,
        "JAX_PLATFORMS": "cpu",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "PYTHONPATH": os.pathsep.join([str(folder), str(ROOT), *sys.path[1:]]),
    }
    failed: list[str] = []
    left = list(programs)
    while left:
        request = json.dumps([dataclasses.asdict(program) for program in left])
        command = [sys.executable, __file__, "--worker", request, *(["--hlo", str(hlo)] if hlo else [])]
        with tempfile.TemporaryFile("w+") as errors:
            with subprocess.Popen(
                command, env=environment, stdout=subprocess.PIPE, stderr=errors, text=True
            ) as worker:
                assert worker.stdout
                for line in worker.stdout:
                    print(told(json.loads(line)), flush=True)
                    left.pop(0)
            errors.seek(0)
            said = errors.read()
        if left:
            program = left.pop(0)
            failed.append(str(program))
            print(f"{program}: FAILED, status {worker.returncode}\n{shortened(said)}", flush=True)
    return failed


def told(report: dict[str, Any]) -> str:
    """One line about a program that was compiled: time, memory, kernels by the bytes that they move."""
    kinds = sorted(report["kernels"].items(), key=lambda kind: -kind[1][1])
    kernels = ", ".join(
        f"{count} {kind} {moved / 1e9:.1f} GB" for kind, (count, moved) in kinds if moved > 1e8
    )
    moved = sum(moved for _, (_, moved) in kinds) / 1e9
    memory = report["temporary_bytes"] / 1e9
    return (
        f"{report['done']}: compiled in {report['seconds']:.1f} s; temporaries {memory:.2f} GB; "
        f"moves {moved:.1f} GB{f' ({kernels})' if kernels else ''}"
    )


def shortened(errors: str) -> str:
    """The lines of an error that say why."""
    lines = [line for line in errors.splitlines() if line.strip()]
    said = [line for line in lines if "Check failed" in line or "Error" in line]
    return "\n".join(f"    {line[:300]}" for line in (said or lines)[-4:])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="what an attack and a training need, as CI does")
    parser.add_argument("--required", action="store_true", help="fail where the packages cannot be had")
    parser.add_argument("--programs", nargs="+", choices=PROGRAMS, default=list(PROGRAMS))
    precisions, evaluators = ["bfloat16", "tfloat32", "float32"], ["incremental", "dense"]
    parser.add_argument("--models", nargs="+", choices=list(SIZES), default=["resnet50", "densenet121"])
    parser.add_argument("--precision", nargs="+", choices=precisions, default=precisions)
    parser.add_argument("--evaluators", nargs="+", choices=evaluators, default=evaluators)
    parser.add_argument("--num-pixels", nargs="+", type=int, default=[1, 3])
    parser.add_argument("--channels", nargs="+", type=int, default=[1, 3])
    parser.add_argument("--image-size", nargs="+", type=int, default=[224])
    parser.add_argument("--hlo", type=Path, help="folder for the optimised programs")
    parser.add_argument("--list", action="store_true", help="print the programs and do nothing")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.quick:
        parser.set_defaults(models=["resnet50"], precision=["bfloat16"], num_pixels=[1], channels=[3])
        options = parser.parse_args()
    if options.hlo:
        options.hlo.mkdir(parents=True, exist_ok=True)
    if options.worker:
        compile_all([Program(**each) for each in json.loads(options.worker)], h100(), options.hlo)
        return
    programs = wanted(options)
    if options.list:
        print("\n".join(map(str, programs)))
        return
    folder = install()
    if folder is None:
        print("skipped: no compiler for GPUs, its packages cannot be installed here (see the lines above)")
        sys.exit(1 if options.required else 0)
    began = time.perf_counter()
    failed = supervise(programs, folder, options.hlo)
    passed, seconds = len(programs) - len(failed), time.perf_counter() - began
    print(f"{passed} of {len(programs)} programs compile for an H100, {seconds:.0f} s")
    for program in failed:
        print(f"does not compile: {program}")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
