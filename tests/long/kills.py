"""Kills workers, drivers and nodes of Ray in the middle of attacks, and compares with undisturbed runs.

bash scripts/long_tests.sh kills --kills 20 --seed 0 --out benchmarks/results/kills.json

At random moments one of three things happens: a worker gets SIGKILL; the driver gets it and is started again, with
another number of workers, on another cluster or without Ray; a node leaves with its workers, and another one comes.
One attack evolves, one searches exhaustively. Everything is drawn: no data are needed. Equal means: the records in
order but for their seconds, every picture, every map, and each image once in the journal.
"""

import argparse
import contextlib
import dataclasses
import os
import random
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psutil
from long.faults import finish, write_accounts
from long.faults_doors import doors_of
from long.kills_parts import Nodes, num_finished, outcome, workers_here

ATTACKS = {
    "evolution": "--all --subset train --num-pixels 20 --population 20 --generations 10 --slots 2 --evaluator dense",
    "exhaustive": "--search exhaustive --values 3 --subset train --per-class 5 --evaluator dense",
}
SHAPES = (
    "alone",
    "own cluster, 1 worker",
    "own cluster, 2 workers",
    "two nodes, 2 workers",
    "two nodes, 3 workers",
)
# What can happen where, and how often.
KINDS = {
    "alone": ("driver",),
    "own cluster": ("worker", "worker", "driver"),
    "two nodes": ("worker", "worker", "node", "driver"),
}
# Losses without a result in between end an attack with this line; the same command goes on.
GIVES_UP = "what is finished is kept"


@dataclasses.dataclass
class Account:
    """What happened to one attack."""

    images: int
    records: int
    undisturbed_seconds: float
    within_seconds: float
    kills: Counter[str] = dataclasses.field(default_factory=Counter)
    started: Counter[str] = dataclasses.field(default_factory=Counter)
    done_at_kills: list[int] = dataclasses.field(default_factory=list)
    said_lost: int = 0
    gave_up: int = 0
    completed: int = 0
    differences: list[str] = dataclasses.field(default_factory=list)


class Disturbed:
    """One attack that is disturbed again and again.

    Args:
        command: of the door, without the run folder.
        folder: of the run.
        expected: what an undisturbed run leaves.
        draw: of what happens and when.
        account: of what has happened.
        nodes: the cluster for some of the drivers.
    """

    def __init__(
        self,
        command: Sequence[str],
        folder: Path,
        expected: Any,
        draw: random.Random,
        account: Account,
        nodes: Nodes,
    ):
        self._command, self._folder, self._expected = [*command, "--run", str(folder)], folder, expected
        self._draw, self._account, self._nodes = draw, account, nodes
        self._log = folder.with_suffix(".log")

    def kill(self, number: int) -> None:
        """Disturb the attack so often; whenever it ends by itself, compare and begin anew."""
        shape = self._draw.choice(SHAPES[1:])
        process = self._start(shape)
        while sum(self._account.kills.values()) < number:
            moment = self._draw.uniform(0.0, self._account.within_seconds)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(moment)
            kind = self._draw.choice(KINDS[shape.partition(", ")[0]])
            if process.poll() is None and not self._happens(kind, shape, process):
                continue
            if process.poll() is not None:
                self._ended(process)
                shape = self._draw.choice([one for one in SHAPES if one != shape])
                process = self._start(shape)
        process.wait()
        self._ended(process)
        while self._folder.exists():
            shape = self._draw.choice(SHAPES)
            process = self._start(shape)
            process.wait()
            self._ended(process)

    def _start(self, shape: str) -> subprocess.Popen[bytes]:
        self._account.started[shape] += 1
        where, _, workers = shape.partition(", ")
        more = ["--ray", "--workers", workers.split()[0], "--worker-cpus", "1"] if workers else []
        told = {"RAY_ADDRESS": self._nodes.address} if where == "two nodes" else {}
        with self._log.open("wb") as log:
            return subprocess.Popen(
                [*self._command, *more],
                env={**os.environ, "JAX_PLATFORMS": "cpu", **told},
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def _happens(self, kind: str, shape: str, process: subprocess.Popen[bytes]) -> bool:
        """Make it happen, where it can; whether it did."""
        if kind == "driver":
            found = list(workers_here())
            process.kill()
            process.wait()
            if left := psutil.wait_procs(found, timeout=60)[1]:
                self._account.differences.append(f"{len(left)} workers lived on without their driver")
        elif kind == "node":
            self._nodes.leave()
        elif kind == "worker" and (found := list(workers_here())):
            with contextlib.suppress(psutil.NoSuchProcess):
                self._draw.choice(found).kill()
        else:
            return False
        self._account.kills[f"{kind}, {shape.partition(', ')[0]}"] += 1
        self._account.done_at_kills.append(count := num_finished(self._folder))
        print(f"{sum(self._account.kills.values())}: {kind}, {shape}, {count} finished", flush=True)
        return True

    def _ended(self, process: subprocess.Popen[bytes]) -> None:
        """Look at how a driver has ended; after its own end, compare and remove the folder."""
        printed = self._log.read_text(encoding="utf-8", errors="replace")
        self._account.said_lost += printed.count(" is lost (")
        if process.returncode == -9:
            return
        if process.returncode == 2 and GIVES_UP in printed:
            self._account.gave_up += 1
            return
        self._account.completed += 1
        if process.returncode != 0:
            self._account.differences.append(f"status {process.returncode}: {printed[-600:]}")
        elif (found := outcome(self._folder)) != self._expected:
            parts = [name for name in found if found[name] != self._expected[name]]
            kept = self._folder.with_name(f"{self._folder.name}-differs-{self._account.completed}")
            self._folder.rename(kept)
            self._account.differences.append(f"{', '.join(parts)} differ, kept in {kept}")
        shutil.rmtree(self._folder, ignore_errors=True)


def disturb(
    name: str, options: argparse.Namespace, inputs: Path, nodes: Nodes, draw: random.Random
) -> Account:
    """Run one attack undisturbed, then disturbed."""
    command = [
        *(sys.executable, "-m", "jaxpix.attack", "--victim", str(inputs / "train")),
        *("--data-dir", str(inputs / "prepare"), *shlex.split(ATTACKS[name])),
    ]
    whole = inputs / name
    file = inputs / f"{name}.seconds"
    if not file.exists():
        began = time.monotonic()
        subprocess.run([*command, "--run", str(whole)], check=True, stdout=subprocess.DEVNULL)
        file.write_text(str(time.monotonic() - began), encoding="utf-8")
    expected, seconds = outcome(whole), float(file.read_text(encoding="utf-8"))
    images, records = len(expected["images in the journal"]), len(expected["records"])
    account = Account(images, records, seconds, options.within or 2 * seconds)
    print(f"{name}: {records} records, {seconds:.0f} s undisturbed", flush=True)
    share = options.kills // 2 + (name == "evolution") * (options.kills % 2)
    Disturbed(command, inputs.parent / name, expected, draw, account, nodes).kill(share)
    return account


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--kills", type=int, default=20, help="of both attacks together")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--num-images", type=int, default=400)
    parser.add_argument(
        "--within", type=float, help="seconds; default: twice what an undisturbed attack takes"
    )
    parser.add_argument(
        "--folder", type=Path, help="where to work, and undisturbed runs are kept; default: a temporary one"
    )
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/kills.json"))
    options = parser.parse_args()
    inputs = (options.folder or Path(tempfile.mkdtemp(prefix="jaxpix-kills-"))) / "undisturbed"
    began = time.monotonic()
    for door in doors_of(inputs, options.num_images)[:2]:
        finish(door, inputs / door.name)
    nodes, draw = Nodes(), random.Random(options.seed)
    try:
        accounts = {name: disturb(name, options, inputs, nodes, draw) for name in ATTACKS}
    finally:
        nodes.end()
    left = [process.pid for process in workers_here()]
    differences = [line for account in accounts.values() for line in account.differences]
    differences += [f"workers that nobody ended: {left}"] * bool(left)
    kills = write_accounts(options.out, "attacks", accounts, began)
    show(accounts)
    print(f"{kills} kills survived" if not differences else "\n".join(differences))
    sys.exit(bool(differences))


def show(accounts: dict[str, Account]) -> None:
    """A table of what was killed, in Markdown."""
    print(f"| | {' | '.join(accounts)} |\n|---|{'---|' * len(accounts)}")
    for kind in sorted({kind for account in accounts.values() for kind in account.kills}):
        print(f"| {kind} | {' | '.join(str(one.kills[kind]) for one in accounts.values())} |")
    for field in ("said_lost", "gave_up", "completed"):
        print(f"| {field} | {' | '.join(str(getattr(one, field)) for one in accounts.values())} |")
    print(
        f"| differences | {' | '.join(str(len(one.differences)) for one in accounts.values())} |", flush=True
    )


if __name__ == "__main__":
    main()
