"""Kills doors at random moments, starts them again, and compares with undisturbed runs.

bash scripts/long_tests.sh faults --kills 60 --seed 0 --out benchmarks/results/faults.json
bash scripts/long_tests.sh faults --doors study --kills 12 --num-images 200 --out benchmarks/results/faults-study.json

SIGKILL, SIGTERM and SIGINT, at moments drawn from the time that an undisturbed run takes. Everything is drawn: no
data are needed. Equal means: the prepared data's fingerprint, the metrics and the victim's hash, the records but for
their seconds, every saved picture, and the report's tables. A study is all of these together.
"""

import argparse
import dataclasses
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from long.faults_doors import Door, doors_of

from jaxpix.storage.environment import describe_environment

DOORS = ("prepare", "train", "attack", "report", "study")

# Compiling ends five seconds after a signal; the machine may be busy.
LATEST_STOP = 12.0
SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
# While Python still loads its libraries, a signal ends it in the ordinary way; nothing has begun then.
STATUS = {
    signal.SIGKILL: {-9: "killed"},
    signal.SIGTERM: {143: "stopped", -15: "before the door opened"},
    signal.SIGINT: {130: "stopped", -2: "before the door opened", 1: "before the door opened"},
}


@dataclasses.dataclass
class Account:
    """What happened to one door."""

    undisturbed_seconds: float
    kills: dict[str, int] = dataclasses.field(default_factory=dict)
    slowest_stop_seconds: float = 0.0
    completed: int = 0
    differences: list[str] = dataclasses.field(default_factory=list)


def start(door: Door, folder: Path) -> subprocess.Popen[str]:
    """The door at work in `folder`."""
    return subprocess.Popen(
        [sys.executable, "-m", f"jaxpix.{door.name}", *door.arguments(folder)],
        env={**os.environ, "JAX_PLATFORMS": "cpu"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(door: Door, folder: Path) -> Any:
    """Run a door to its end; what it made."""
    process = start(door, folder)
    _, err = process.communicate()
    if process.returncode != 0:
        sys.exit(f"{door.name} in {folder} ended with status {process.returncode}:\n{err}")
    return door.outcome(folder)


def disturb(door: Door, folder: Path, moment: float, number: signal.Signals, account: Account) -> bool:
    """Send a signal `moment` seconds after the start; False: the door had ended before."""
    process = start(door, folder)
    try:
        process.wait(moment)
    except subprocess.TimeoutExpired:
        process.send_signal(number)
    else:
        if process.returncode != 0:
            account.differences.append(f"status {process.returncode}: {process.stderr.read()[-400:]}")
        return False
    began = time.monotonic()
    _, err = process.communicate()
    took = time.monotonic() - began
    if process.returncode == 0 and took < LATEST_STOP:
        return False
    account.slowest_stop_seconds = max(account.slowest_stop_seconds, took)
    if took > LATEST_STOP:
        account.differences.append(f"{number.name} after {moment:.2f} s was heeded after {took:.1f} s")
    how = STATUS[number].get(process.returncode)
    if how is None or (how == "stopped" and "the same command goes on" not in err):
        account.differences.append(f"{number.name} gave status {process.returncode}: {err[-400:]}")
    key = f"{number.name} {how or 'unexpected'}"
    account.kills[key] = account.kills.get(key, 0) + 1
    return True


def torture(
    door: Door, scratch: Path, expected: Any, kills: int, draw: random.Random, account: Account
) -> None:
    """Kill a door `kills` times; whenever it comes to its end, compare and begin anew."""
    folder = scratch / door.name
    done = 0
    while done < kills:
        moment, number = draw.uniform(0.0, account.undisturbed_seconds), draw.choice(SIGNALS)
        if disturb(door, folder, moment, number, account):
            done += 1
        else:
            compare(door, folder, expected, account)
    compare(door, folder, expected, account)


def compare(door: Door, folder: Path, expected: Any, account: Account) -> None:
    """Let the door end, and look for differences; the folder is removed."""
    account.completed += 1
    if finish(door, folder) != expected:
        kept = folder.with_name(f"{folder.name}-differs-{account.completed}")
        folder.rename(kept)
        account.differences.append(f"another result than undisturbed, kept in {kept}")
    shutil.rmtree(folder, ignore_errors=True)


def write_accounts(out: Path, kind: str, accounts: Mapping[str, Any], began: float) -> int:
    """Keep what was done to each of a `kind`, and what became of it; how many kills that were."""
    kills = sum(sum(account.kills.values()) for account in accounts.values())
    content = {
        "environment": describe_environment(),
        "command": ["python", *sys.argv],
        "kills": kills,
        "seconds": time.monotonic() - began,
        kind: {name: dataclasses.asdict(account) for name, account in accounts.items()},
    }
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    return kills


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--kills", type=int, default=60, help="of all doors together")
    parser.add_argument("--doors", nargs="+", choices=DOORS, default=DOORS[:4], help="default: all but study")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--num-images", type=int, default=400)
    parser.add_argument("--folder", type=Path, help="where to work; default: a temporary folder")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/faults.json"))
    options = parser.parse_args()
    # A shell that starts this in the background has SIGINT ignored, and what is ignored is inherited.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    folder = options.folder or Path(tempfile.mkdtemp(prefix="jaxpix-faults-"))
    draw = random.Random(options.seed)
    accounts: dict[str, Account] = {}
    began = time.monotonic()
    doors = doors_of(folder / "undisturbed", options.num_images)
    chosen = [door.name for door in doors if door.name in options.doors]
    needed = {name for door in doors if door.name in chosen for name in door.needs}
    for door in doors:
        if door.name not in {*chosen, *needed}:
            continue
        start_of_door = time.monotonic()
        expected = finish(door, folder / "undisturbed" / door.name)
        if door.name not in chosen:
            continue
        account = accounts[door.name] = Account(time.monotonic() - start_of_door)
        kills = options.kills // len(chosen) + (chosen.index(door.name) < options.kills % len(chosen))
        torture(door, folder / "disturbed", expected, kills, draw, account)
        print(door.name, json.dumps(dataclasses.asdict(account)), flush=True)
    kills = write_accounts(options.out, "doors", accounts, began)
    differences = [line for account in accounts.values() for line in account.differences]
    print(f"{kills} kills survived" if not differences else "\n".join(differences))
    sys.exit(bool(differences))


if __name__ == "__main__":
    main()
