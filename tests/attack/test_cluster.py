"""Processes that meet: real ones, on the loopback address."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from support.ports import free_port

from jaxpix.attack.cluster import ALONE, join
from jaxpix.attack.options import SharedAttackOptions
from jaxpix.config import ClusterConfig
from jaxpix.errors import InputError
from jaxpix.terminal.options import parse

ROOT = Path(__file__).resolve().parents[2]

# What each process does once it is a member; then it uses JAX, as if it were alone.
MEMBER = """
import sys, jax
from jaxpix.attack.cluster import join
from jaxpix.config import ClusterConfig
from jaxpix.errors import InputError

process_id, fails, flags = int(sys.argv[1]), sys.argv[2] == "fails", sys.argv[3:]
config = ClusterConfig(cluster=True) if not flags else ClusterConfig(
    coordinator=flags[0], num_processes=int(flags[1]), process_id=process_id
)
try:
    with join(config) as member:
        if member.is_leader:
            jax.numpy.zeros(3).block_until_ready()
            if fails:
                raise InputError("no such victim")
            member.begin()
        print("member", member.process_id, member.num_processes, member.start)
        print("devices", jax.process_count(), len(jax.devices()), jax.numpy.ones(3).sum())
except InputError as error:
    print("error", error)
"""


def meet(num_processes, *, fails=False, flags=True, environments=None):
    """What each of the processes printed, once all have ended well."""
    given = [f"127.0.0.1:{free_port()}", str(num_processes)] if flags else []
    started = [
        subprocess.Popen(
            [sys.executable, "-c", MEMBER, str(number), "fails" if fails else "", *given],
            env={**os.environ, "PYTHONPATH": str(ROOT), **(environments or [{}] * num_processes)[number]},
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(num_processes)
    ]
    printed = [process.communicate(timeout=120)[0] for process in started]
    assert [process.returncode for process in started] == [0] * num_processes
    return [text.splitlines()[1:] for text in printed]


def test_processes_meet_agree_and_then_are_ordinary_ones():
    lines = meet(3)
    start = lines[0][0].split()[3]
    assert len(start) == 16
    assert [text[0] for text in lines] == [f"member {number} 3 {start}" for number in range(3)]
    assert {text[1] for text in lines} == {"devices 1 1 3.0"}


def test_everybody_is_told_why_the_leader_could_not_begin():
    leader, other = meet(2, fails=True)
    assert leader == ["error no such victim"]
    assert other == ["error process 0 could not begin: no such victim"]


def test_jax_finds_the_cluster_in_what_slurm_says():
    # SLURM's job number gives the port.
    shared = {"SLURM_JOB_ID": str(free_port()), "SLURM_STEP_NODELIST": "localhost", "SLURM_NTASKS": "2"}
    own = [{"SLURM_PROCID": str(number), "SLURM_LOCALID": str(number)} for number in range(2)]
    lines = meet(2, flags=False, environments=[{**shared, **one} for one in own])
    assert [text[0].split()[:3] for text in lines] == [["member", "0", "2"], ["member", "1", "2"]]
    assert lines[0][0].split()[3] == lines[1][0].split()[3]


def test_who_is_asked_for_nothing_is_alone():
    with join(ClusterConfig()) as member:
        assert member is ALONE
        assert (member.process_id, member.num_processes, member.is_leader) == (0, 1, True)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (ClusterConfig(num_processes=2, process_id=0), "--coordinator missing; give all three, or --cluster"),
        (ClusterConfig(coordinator="host:1"), "--num-processes, --process-id missing"),
        (
            ClusterConfig(coordinator="host:1", num_processes=2, process_id=2),
            "--process-id: expected 0 to 1 of 2 processes, got 2",
        ),
        (ClusterConfig(cluster=True), "--cluster: found no cluster that JAX knows"),
    ],
)
def test_what_is_missing_is_named(config, message, monkeypatch):
    for name in [name for name in os.environ if name.startswith("SLURM_")]:
        monkeypatch.delenv(name)
    with pytest.raises(InputError, match=message), join(config):
        pass


def test_an_address_that_somebody_else_uses():
    with socket.socket(socket.AF_INET6) as other:
        other.bind(("::", 0))
        other.listen()
        address = f"127.0.0.1:{other.getsockname()[1]}"
        config = ClusterConfig(coordinator=address, num_processes=1, process_id=0)
        with pytest.raises(InputError, match=f"--coordinator {address}: cannot listen"), join(config):
            pass


def test_the_examples_are_commands_that_the_door_understands():
    subprocess.run(["bash", "-n", str(ROOT / "scripts" / "slurm.sh")], check=True)
    _, job = yaml.safe_load_all((ROOT / "scripts" / "kubernetes.yaml").read_text())
    container = job["spec"]["template"]["spec"]["containers"][0]
    assert container["command"] == ["python", "-m", "jaxpix.attack"]
    arguments = [text.replace("$(JOB_COMPLETION_INDEX)", "3") for text in container["args"]]
    options = parse(SharedAttackOptions, "attack", "", arguments)
    assert options.all
    assert options.processes.process_id == 3
    assert options.processes.num_processes == job["spec"]["completions"] == job["spec"]["parallelism"]
    options = parse(SharedAttackOptions, "attack", "", ["--cluster", "--victim", "v", "--all"])
    assert options.processes.cluster
