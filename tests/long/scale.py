"""Measures prepare, attack and report on many images as users run them: seconds, start-up, memory.

bash scripts/long_tests.sh scale --sizes 25000 50000 100000 --folder runs/scale --out benchmarks/results/scale.json
bash scripts/long_tests.sh scale --sizes 500 1000 --folder small --out small.json

Everything is drawn (synthetic): phantom-xray at 32x32 pixels. The victim is a resnet14, trained on a small set of its
own. A size is a number of prepared images; attacked is the training part, three quarters of them, as far as the
victim classifies it correctly, with a search of 20 candidates: the number of images is what matters here. Each door
is a process of its own; memory is what it and its children have resident, looked at five times a second.
"""

import argparse
import dataclasses
import itertools
import json
import os
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

from jaxpix.storage.environment import describe_environment

DOORS = ("prepare", "attack", "report")
DATA = "phantom-xray"
DRAWN = shlex.split(f"{DATA} --image-size 32 --num-images")
RECIPE = shlex.split("--model resnet14 --epochs 12 --batch-size 32 --learning-rate 0.02 --stop-accuracy 1")
SEARCH = shlex.split("--all --subset train --population 10 --generations 1")
VICTIM_IMAGES = 3_000
SECONDS_BETWEEN = 0.2
SHARES = (0.1, 0.5, 1.0)


@dataclasses.dataclass(frozen=True)
class Sample:
    """A look at a running door: seconds since its start, bytes resident, experiments in its journals."""

    seconds: float
    resident: int
    experiments: int


class Journals:
    """Counts the experiments in a run folder's journals, reading only what is new."""

    def __init__(self, folder: Path):
        self._folder, self._read, self._experiments = folder, dict[Path, int](), 0

    def count(self) -> int:
        """Experiments so far."""
        for path in self._folder.glob("journal*.jsonl"):
            with path.open("rb") as stream:
                stream.seek(self._read.get(path, 0))
                new = stream.read()
            self._read[path] = self._read.get(path, 0) + len(new)
            self._experiments += new.count(b"\n") - new.count(b'{"passed_over"')
        return self._experiments


def resident_bytes(process: psutil.Process) -> int:
    """Resident memory of a process and its children; pages that they share count for each of them."""
    total = 0
    try:
        members = [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return 0
    for member in members:
        try:
            total += member.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return total


def run_door(name: str, arguments: list[str], count: Callable[[], int] = int) -> list[Sample]:
    """Run a door to its end; what was seen of it, the last sample when it had ended."""
    began, samples = time.monotonic(), []
    with tempfile.TemporaryFile("w+") as said:
        door = subprocess.Popen(
            [sys.executable, "-m", f"jaxpix.{name}", *arguments],
            env={**os.environ, "JAX_PLATFORMS": "cpu"},
            stdout=subprocess.DEVNULL,
            stderr=said,
        )
        process = psutil.Process(door.pid)
        while door.poll() is None:
            samples.append(Sample(time.monotonic() - began, resident_bytes(process), count()))
            time.sleep(SECONDS_BETWEEN)
        ended = Sample(time.monotonic() - began, 0, count())
        if door.returncode != 0:
            said.seek(0)
            sys.exit(f"{name} {shlex.join(arguments)} ended with status {door.returncode}:\n{said.read()}")
    # A process on its way out holds nothing, and says nothing of what it held.
    return [*(sample for sample in samples if sample.resident), ended]


def measured(samples: list[Sample]) -> dict[str, Any]:
    """Seconds, most memory, and the memory after a tenth, half and all of the time."""
    *alive, ended = samples
    return {
        "seconds": round(ended.seconds, 1),
        "peak_mib": _mib(max(sample.resident for sample in alive)),
        "mib_by_time": [
            _mib(next(one.resident for one in alive if one.seconds >= share * alive[-1].seconds))
            for share in SHARES
        ],
    }


def measured_attack(samples: list[Sample]) -> dict[str, Any]:
    """`measured`, and start-up, seconds per experiment by thirds of them, and memory after shares of them."""
    *alive, ended = samples
    total = ended.experiments
    thirds = [_when(samples, 1), *(_when(samples, round(total * part / 3)) for part in (1, 2, 3))]
    return {
        **measured(samples),
        "experiments": total,
        "start_up_seconds": round(thirds[0], 1),
        "seconds_per_experiment_by_thirds": [
            round(3 * (later - earlier) / total, 5) for earlier, later in itertools.pairwise(thirds)
        ],
        "mib_by_experiments": [
            _mib(next((one for one in alive if one.experiments >= share * total), alive[-1]).resident)
            for share in SHARES
        ],
    }


def _when(samples: list[Sample], experiments: int) -> float:
    return next(sample.seconds for sample in samples if sample.experiments >= experiments)


def _mib(size: int) -> int:
    return round(size / 2**20)


def victim_of(folder: Path) -> Path:
    """The victim of all attacks, trained if it is not there yet."""
    home, data = folder / "victim", folder / "victim-data"
    if not (home / "victim").exists():
        run_door("prepare", [*DRAWN, str(VICTIM_IMAGES), "--data-dir", str(data)])
        run_door("train", [DATA, "--data-dir", str(data), *RECIPE, "--run", str(home)])
    return home


def measure(folder: Path, size: int, doors: tuple[str, ...]) -> dict[str, Any]:
    """Figures of each of `doors` at one size; what the earlier doors left in `folder` is used."""
    data, run, report = (folder / part / str(size) for part in ("data", "runs", "reports"))
    found: dict[str, Any] = {}
    if "prepare" in doors:
        _expect_absent(data)
        found["prepare"] = measured(run_door("prepare", [*DRAWN, str(size), "--data-dir", str(data)]))
    if "attack" in doors:
        _expect_absent(run)
        victim = ["--victim", str(victim_of(folder)), "--data-dir", str(data)]
        samples = run_door("attack", [*victim, *SEARCH, "--run", str(run)], Journals(run).count)
        found["attack"] = measured_attack(samples)
    if "report" in doors:
        found["report"] = measured(run_door("report", [str(run), "--out", str(report)]))
        found["report"]["page_mib"] = round((report / "index.html").stat().st_size / 2**20, 1)
    return found


def _expect_absent(folder: Path) -> None:
    if folder.exists():
        sys.exit(
            f"{folder} is there already; leave its door out of --doors, delete it, or choose another --folder"
        )


def show(sizes: dict[str, dict[str, Any]]) -> None:
    """A line for each size and door, as a table in Markdown."""
    print(
        "| images | door | seconds | start-up s | ms per experiment, by thirds | MiB at 10, 50, 100 % | peak MiB |"
    )
    print("|---|---|---|---|---|---|---|")
    for size, doors in sizes.items():
        for name, figures in doors.items():
            thirds = figures.get("seconds_per_experiment_by_thirds", [])
            memory = figures.get("mib_by_experiments", figures["mib_by_time"])
            cells = [
                f"{int(size):,}",
                name,
                f"{figures['seconds']:,.1f}",
                str(figures.get("start_up_seconds", "–")),
                ", ".join(f"{1000 * value:.2f}" for value in thirds) or "–",
                ", ".join(f"{value:,}" for value in memory),
                f"{figures['peak_mib']:,}",
            ]
            print(f"| {' | '.join(cells)} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[25_000, 50_000, 100_000])
    parser.add_argument("--doors", nargs="+", choices=DOORS, default=list(DOORS))
    parser.add_argument("--folder", type=Path, required=True, help="where to work; what is in it is kept")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/scale.json"))
    options = parser.parse_args()
    sizes: dict[str, dict[str, Any]] = {}
    for size in options.sizes:
        sizes[str(size)] = measure(options.folder, size, tuple(options.doors))
        print(size, json.dumps(sizes[str(size)]), flush=True)
    content = {"environment": describe_environment(), "command": ["python", *sys.argv], "sizes": sizes}
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    show(sizes)


if __name__ == "__main__":
    main()
