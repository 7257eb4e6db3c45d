"""The examples for clusters: parsed, and their commands are those that the door understands."""

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


def test_slurm() -> None:
    pytest.importorskip("ray", reason="workers need the extra ray")
    script = SCRIPTS / "slurm.sh"
    subprocess.run(["bash", "-n", str(script)], check=True)
    text = script.read_text().replace("\\\n", " ")
    [line] = [line for line in text.splitlines() if line.startswith("srun ")]
    started, _, command = line.partition(" -- ")
    example = re.search(r"^#   sbatch --nodes=8 scripts/slurm.sh (.*)$", text, re.MULTILINE)
    assert example
    options = asked(shlex.split(command.replace('"$@"', example[1])))
    assert options.ray.ray
    assert options.all
    # Ray's own command knows the options that come before the dashes.
    ray = Path(sys.executable).with_name("ray")
    known = subprocess.run(
        [ray, "symmetric-run", "--help"], capture_output=True, text=True, check=True
    ).stdout
    assert all(flag in known for flag in re.findall(r"--[a-z-]+", started.partition("symmetric-run")[2]))


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
