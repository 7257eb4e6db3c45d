"""The examples for clusters: parsed, and their commands are those that the door understands."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from jaxpix.attack.options import SharedAttackOptions
from jaxpix.terminal.options import parse

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"


def asked(command: list[str]) -> SharedAttackOptions:
    """What the door takes a command for."""
    assert command[:3] == ["python", "-m", "jaxpix.attack"]
    options: SharedAttackOptions = parse(SharedAttackOptions, "attack", "", command[3:])
    return options


def test_slurm(tmp_path: Path) -> None:
    """Run as SLURM would on its first node, by a Ray that ends with an error though the command has not."""
    pytest.importorskip("ray", reason="workers need the extra ray")
    script = SCRIPTS / "slurm.sh"
    example = re.search(r"^#   sbatch --nodes=8 scripts/slurm.sh (.*)$", script.read_text(), re.MULTILINE)
    assert example
    stand_ins = {
        "scontrol": "seq -f node%.0f 100000",
        "srun": 'shift; echo "$@" > started; while [ "$1" != -- ]; do shift; done; shift; "$@"; exit 1',
        "python": 'printf "%s\n" python "$@" > asked; exit ${STATUS:-0}',
    }
    (tmp_path / "bin").mkdir()
    for name, text in stand_ins.items():
        (tmp_path / "bin" / name).write_text(f"#!/usr/bin/env bash\n{text}\n")
        (tmp_path / "bin" / name).chmod(0o755)
    (tmp_path / "bin" / "activate").write_text(f"PATH={tmp_path / 'bin'}:$PATH")
    told = {
        **os.environ,
        "SLURM_SUBMIT_DIR": str(tmp_path),
        "SLURM_JOB_NODELIST": "node[1-2]",
        "SLURM_JOB_NUM_NODES": "2",
        "JAXPIX_ENVIRONMENT": str(tmp_path),
        "RAY_AUTH_TOKEN": "a" * 64,
    }
    for status in ("0", "2"):
        ended = subprocess.run(["bash", script, *shlex.split(example[1])], env={**told, "STATUS": status})
        assert ended.returncode == int(status)
    options = asked((tmp_path / "asked").read_text().split("\n")[:-1])
    assert options.ray.ray
    assert options.all
    # Ray's own command knows the options that come before the dashes.
    started = (tmp_path / "started").read_text().partition(" -- ")[0]
    assert started.startswith("ray symmetric-run --address node1:6379 --min-nodes 2")
    ray = Path(sys.executable).with_name("ray")
    known = subprocess.run(
        [ray, "symmetric-run", "--help"], capture_output=True, text=True, check=True
    ).stdout
    assert all(flag in known for flag in re.findall(r"--[a-z-]+", started))


def test_kubernetes() -> None:
    job = yaml.safe_load((SCRIPTS / "kubernetes.yaml").read_text())
    assert (job["apiVersion"], job["kind"]) == ("ray.io/v1", "RayJob")
    shell = shlex.split(job["spec"]["entrypoint"])
    assert shell[:2] == ["sh", "-c"]
    options = asked(shlex.split(shell[2].partition("&& ")[2]))
    assert options.ray.ray
    assert options.all
    cluster = job["spec"]["rayClusterSpec"]
    pinned = re.search(r"^ray==(.*)$", (SCRIPTS.parent / "constraints.txt").read_text(), re.MULTILINE)
    assert pinned
    assert cluster["rayVersion"] == pinned[1]
    assert cluster["authOptions"] == {"mode": "token"}
    [workers] = cluster["workerGroupSpecs"]
    places = set()
    for group in (cluster["headGroupSpec"], workers):
        [container] = group["template"]["spec"]["containers"]
        [volume] = group["template"]["spec"]["volumes"]
        claim = volume["persistentVolumeClaim"]["claimName"]
        places.add((container["image"], container["workingDir"], claim))
    assert len(places) == 1, "workers see what the driver sees"
    assert workers["template"]["spec"]["containers"][0]["resources"]["limits"]["nvidia.com/gpu"] == 1
