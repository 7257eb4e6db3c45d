"""A visit to a GPU, rehearsed: figures are kept at once, and what hangs, crashes or is killed costs itself alone."""

import dataclasses
import importlib
import importlib.util
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from jaxpix.bench import __main__ as bench
from jaxpix.bench.agenda import IN_SMALL, ON_GPU, agenda_of, chosen, with_limits
from jaxpix.bench.limits import RESTART_STATUS, OverLimit, within
from jaxpix.bench.results import Results
from jaxpix.bench.rows import Comparison, Forward, Ratio, Standing, Timing
from jaxpix.bench.subjects import Subject, hardest, repeated
from jaxpix.bench.tables import figure_of
from jaxpix.bench.visit import Measurement, Visit
from jaxpix.errors import InputError

pytestmark = pytest.mark.usefixtures("kept_programs")

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "JAX_PLATFORMS": "cpu"}

ROW = Forward(
    model="toy",
    image_size=8,
    evaluator="dense",
    num_pixels=1,
    precision="float32",
    batch=30,
    group=3,
    population=10,
    compile_seconds=1.5,
    timing=Timing((0.1, 0.2, 0.3)),
    candidates_per_second=150.0,
    operations_per_candidate=None,
    written_operations_per_candidate=2.5,
    fraction_of_matrix_rate=None,
    memory_bytes=None,
    base_seconds=None,
)


def content_of(folder: Path, name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / f"{name}.json").read_text())
    return content


def statuses(content: dict[str, Any]) -> dict[str, str]:
    return {entry["name"]: entry["status"] for entry in content["visit"]}


def test_the_script_measures_everything_in_small(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    environment = {**os.environ, "JAXPIX_PYTHON": sys.executable, "OUT": str(tmp_path)}
    names = [one.name for one in agenda_of(IN_SMALL, lambda precision: 1e9) if one.name != "peers"]
    done = subprocess.run(
        ["bash", str(ROOT / "scripts" / "bench_gpu.sh"), "--small", *names],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    [file] = tmp_path.glob("visit-*.json")
    content = json.loads(file.read_text())
    assert statuses(content) == dict.fromkeys(names, "measured")
    for entry in content["visit"]:
        assert f"{entry['name']}: {entry['figure']} " in done.stdout
    assert [len(content[kind]) for kind in ("attacks", "forward", "training")] == [4, 12, 1]
    for row in content["attacks"]:
        # Runs that took long enough are not repeated.
        assert row["timing"]["runs"] == 1
        assert row["efficiency"] == row["candidates_per_second"] / row["bare_candidates_per_second"]
    full = content["attacks"][2]
    assert (full["stopped_early"], full["candidates"]) == (0, full["images"] * full["population"] * 2)
    assert f"carry home: {file}" in done.stdout
    bench.main(["show", str(file)])
    shown = capsys.readouterr().out
    for text in ("Visit", "Bare evaluation", "Whole attacks", "Training step"):
        assert text in shown
    with Image.open(file.with_name(f"{file.stem}-candidates.png")) as picture:
        assert picture.size[0] > 500


@pytest.mark.torch
def test_peers_of_a_visit(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="comparing needs the peers extra")
    if importlib.util.find_spec("torchvision") is None:
        pytest.skip("comparing needs torchvision")
    with pytest.raises(SystemExit) as ended:
        bench.main(["visit", "--small", "peers", "--out", str(tmp_path), "--name", "p"])
    assert ended.value.code == 0
    [row] = content_of(tmp_path, "p")["comparisons"]
    assert [one["name"] for one in row["standings"]] == ["jaxpix incremental", "torch-forward"]
    assert [len(ratio["turns"]) for ratio in row["ratios"]] == [2]
    assert row["agreement"]["shipped"] < 1e-4


@pytest.mark.parametrize(
    ("deaths", "starts", "status"),
    [
        (["exit 75", "kill -ABRT $$", "exit 1"], 3, 1),
        (["exit 0"], 1, 0),
        (["exit 143"], 1, 143),
        (["kill -SEGV $$", "exit 2"], 2, 2),
    ],
)
def test_the_script_starts_again_where_that_helps(
    tmp_path: Path, deaths: list[str], starts: int, status: int
) -> None:
    """With an interpreter that only writes down its arguments and dies."""
    log = tmp_path / "log"
    cases = "".join(f"{number}) {death} ;;\n" for number, death in enumerate(deaths, 1))
    python = tmp_path / "python"
    python.write_text(f'#!/bin/bash\necho "$@" >> {log}\ncase "$(wc -l < {log})" in\n{cases}esac\n')
    python.chmod(0o755)
    environment = {**os.environ, "JAXPIX_PYTHON": str(python), "JAXPIX_SECONDS": "50"}
    command = ["bash", str(ROOT / "scripts" / "bench_gpu.sh"), "dense", "peers"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)
    calls = log.read_text().splitlines()
    assert (len(calls), done.returncode) == (starts, status)
    # A second may have gone by when the first process starts.
    assert all(re.match(r"-m jaxpix\.bench visit --seconds (50|4\d) --out ", call) for call in calls)
    assert ["--resume" in call for call in calls] == [False] + [True] * (starts - 1)
    assert all(call.endswith("dense peers") for call in calls)
    assert len({call.partition("--name ")[2].split()[0] for call in calls}) == 1


def test_killed_in_the_middle_and_gone_on(tmp_path: Path) -> None:
    steps = ["incremental", "dense", "tf32-incremental", "train", "incremental-small"]
    command = [
        sys.executable,
        "-m",
        "jaxpix.bench",
        "visit",
        "--small",
        "--out",
        str(tmp_path),
        "--name",
        "v",
    ]
    process = subprocess.Popen([*command, *steps], env=ENVIRONMENT, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        # Whenever it is read, it is whole.
        if (tmp_path / "v.json").exists() and "dense" in statuses(content_of(tmp_path, "v")):
            break
        time.sleep(0.02)
    process.kill()
    assert process.wait() == -signal.SIGKILL
    before = content_of(tmp_path, "v")
    assert statuses(before) == {"incremental": "measured", "dense": "running"}
    limits = ["--limits", "tf32-incremental=0.001", "train=0.001"]
    done = subprocess.run(
        [*command, *steps, "--resume", *limits], env=ENVIRONMENT, capture_output=True, text=True, check=False
    )
    after = content_of(tmp_path, "v")
    assert statuses(after) == {
        "incremental": "measured",
        "dense": "crashed",
        "tf32-incremental": "over its limit",
        "train": "over its limit",
        "incremental-small": "measured",
    }
    assert after["forward"][0] == before["forward"][0]
    assert len(after["forward"]) == 2
    assert after["options"]["began"] == before["options"]["began"]
    assert (done.returncode, "crashed or failed: dense" in done.stdout) == (1, True)


HARD = """
import dataclasses, hashlib, os, sys, time
from pathlib import Path
sys.path.insert(0, {tests!r})
from bench.test_visit import ROW, rehearsal
from jaxpix.bench.visit import Measurement
from jaxpix.terminal.console import run_door, say

def hang():
    # In C, where no signal's handler is run.
    yield ROW
    hashlib.pbkdf2_hmac("sha256", b"", b"", 2**31 - 1)

def abort():
    os.abort()
    yield

def slow():
    say("slow begins")
    time.sleep(0 if "quick" in sys.argv else 60)
    yield ROW

agenda = [Measurement("hang", 0.2, hang), Measurement("abort", 60, abort), Measurement("slow", 60, slow)]
def door(arguments):
    visit = rehearsal(Path(arguments[0]), agenda, "resume" in arguments, patience_seconds=0.2)
    sys.exit(visit.run())
run_door(door)
"""


def rehearsal(
    folder: Path, agenda: list[Measurement], resume: bool = False, seconds: float = 300, **options: float
) -> Visit:
    results = Results(folder, "v", "", {"began": time.time()})
    if resume:
        results.restore()
    return Visit(agenda, results, seconds, **options)


def test_what_python_cannot_stop_and_what_crashes(tmp_path: Path) -> None:
    code = HARD.format(tests=str(ROOT / "tests"))

    def start(*arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path), *arguments],
            env=ENVIRONMENT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def status_of(*arguments: str) -> int:
        with start(*arguments) as process:
            return process.wait(60)

    assert status_of() == RESTART_STATUS
    [entry] = content_of(tmp_path, "v")["visit"]
    assert (entry["status"], entry["figure"]) == ("over its limit", "150")
    assert content_of(tmp_path, "v")["forward"][0]["candidates_per_second"] == 150
    assert status_of("resume") == -signal.SIGABRT
    assert statuses(content_of(tmp_path, "v")) == {"hang": "over its limit", "abort": "running"}
    with start("resume") as waiting:
        assert waiting.stdout is not None
        assert "slow begins\n" in iter(waiting.stdout.readline, "")
        waiting.terminate()
        assert waiting.wait(60) == 128 + signal.SIGTERM
    assert statuses(content_of(tmp_path, "v"))["slow"] == "interrupted"
    assert status_of("resume", "quick") == 1
    assert statuses(content_of(tmp_path, "v")) == {
        "hang": "over its limit",
        "abort": "crashed",
        "slow": "measured",
    }


def test_every_end_is_written_down(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def improving() -> Iterator[Forward]:
        yield ROW
        yield dataclasses.replace(ROW, candidates_per_second=250.0)

    def over() -> Iterator[Forward]:
        yield ROW
        time.sleep(60)

    def broken() -> Iterator[Forward]:
        raise ZeroDivisionError("in [/a] kernel")
        yield

    def absent() -> Iterator[Forward]:
        raise InputError("no torch here")
        yield

    works = {"improving": improving, "over": over, "broken": broken, "absent": absent}
    limits = {"over": 0.05}
    agenda = [Measurement(name, limits.get(name, 10), work) for name, work in works.items()]
    agenda.append(Measurement("late", 1e6, improving))
    assert rehearsal(tmp_path, agenda).run() == 1
    content = content_of(tmp_path, "v")
    assert statuses(content) == {
        "improving": "measured",
        "over": "over its limit",
        "broken": "failed",
        "absent": "skipped",
        "late": "skipped",
    }
    assert [row["candidates_per_second"] for row in content["forward"]] == [250, 150]
    assert [entry["figure"] for entry in content["visit"]] == ["250", "150", "", "", ""]
    printed = capsys.readouterr().out
    for text in (
        "crashed or failed: broken",
        "absent: skipped: no torch here",
        "improving: 250 candidates/s",
    ):
        assert text in printed
    assert rehearsal(tmp_path, agenda[:2], resume=True).run() == 1
    assert rehearsal(tmp_path, agenda[:2], resume=False).run() == 0
    assert rehearsal(tmp_path, agenda[3:4]).run() == 1


def test_results_come_back_as_they_were(tmp_path: Path) -> None:
    first = Results(tmp_path, "r", "typed", {"seed": 3})
    first.rates.of("float32")
    first.add(ROW)
    first.add("too much")
    second = Results(tmp_path, "r", "", {})
    second.restore()
    assert (second.of("forward"), second.of("skipped"), second.options) == ([ROW], ["too much"], {"seed": 3})
    assert second.rates.of("float32") == first.rates.of("float32")
    (tmp_path / "r.json").write_text('{"schema_version": 1}')
    with pytest.raises(InputError, match=r"r\.json does not hold results of bench"):
        second.restore()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_limit_is_kept_and_leaves_no_alarm() -> None:
    class Deaf:
        def __del__(self) -> None:
            # An exception from here is lost.
            time.sleep(0.3)

    def work() -> None:
        Deaf()
        time.sleep(60)

    before = signal.getsignal(signal.SIGALRM)
    began = time.monotonic()
    with pytest.raises(OverLimit):
        within(0.1, work, lambda: None)
    assert time.monotonic() - began < 10
    within(0.2, lambda: None, lambda: None)
    time.sleep(0.3)
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
    assert signal.getsignal(signal.SIGALRM) == before


def test_a_limit_lets_an_import_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "slow_to_import.py").write_text("import time\ntime.sleep(0.5)\nWHOLE = True\n")
    monkeypatch.syspath_prepend(tmp_path)

    def work() -> None:
        importlib.import_module("slow_to_import")
        time.sleep(60)

    try:
        with pytest.raises(OverLimit):
            within(0.05, work, lambda: None)
        assert sys.modules["slow_to_import"].WHOLE
    finally:
        sys.modules.pop("slow_to_import", None)


def test_the_figure_that_counts() -> None:
    assert figure_of(ROW) == ("150", "candidates/s", "50 %")
    once = dataclasses.replace(ROW, timing=Timing((0.2,)))
    assert figure_of(once) == ("150", "candidates/s", "–")
    standing = Standing("jaxpix", "4 images", True, "float32", 5, 1, 10, Timing((0.1,)), 100.0, "", {})
    peer = dataclasses.replace(standing, name="art", setting="shipped", candidates_per_second=25.0)
    ratios = (Ratio("jaxpix", "art, shipped", 4.0, (3.0, 5.0)), Ratio("jaxpix", "x", 9.0, (9.0, 9.0)))
    row = Comparison("toy", 8, 1, "float32", "noise", {}, (standing, peer), ratios)
    assert figure_of(row) == ("4.00", "× art, shipped (candidates/s: jaxpix 100, art 25)", "25 %")


def test_the_hardest_images_are_those_of_most_contrast() -> None:
    images = np.stack([np.resize(np.array([128 - c, 128 + c], np.uint8), (2, 2, 3)) for c in (9, 90, 30)])
    victim: Any = None
    subject = Subject(victim, images, np.eye(3, dtype=bool), "noise")
    hard = hardest(subject, 2)
    np.testing.assert_array_equal(hard.images, images[[1, 2]])
    np.testing.assert_array_equal(hard.labels, subject.labels[[1, 2]])
    twice = repeated(hard, 2)
    np.testing.assert_array_equal(twice.images, images[[1, 2, 1, 2]])
    assert twice.source == "noise; the 2 of most contrast; 2 images, each 2 times"


def test_the_agenda() -> None:
    agenda = agenda_of(ON_GPU, lambda precision: 1e9)
    assert agenda[0].name == "attack"
    assert [one.name for one in chosen(agenda, ["peers", "dense"])] == ["dense", "peers"]
    longer = with_limits(agenda, ["attack=200.5"])
    assert (longer[0].seconds, longer[1]) == (200.5, agenda[1])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nothing"], "unknown step 'nothing'; allowed: attack, incremental"),
        (["--limits", "nothing=3"], "unknown step 'nothing'"),
        (["--limits", "dense=fast"], "expected NAME=SECONDS with seconds above 0, got 'dense=fast'"),
        (["--limits", "dense=nan"], "expected NAME=SECONDS"),
        (["--small", "--resume"], "--resume needs the --name"),
        (["--small", "--resume", "--name", "v"], r"v\.json cannot be read"),
        ([], "no GPU here: JAX found only the CPU; --small rehearses"),
    ],
)
def test_wrong_options(tmp_path: Path, arguments: list[str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        bench.main(["visit", "--out", str(tmp_path), *arguments])
    assert not list(tmp_path.iterdir())


def test_what_is_built_on_another_device_is_used_on_the_first() -> None:
    code = """
import jax, numpy as np
from jaxpix.bench import subjects, training
first, other = jax.local_devices()
subjects.host_device = training.host_device = lambda: other
subject = subjects.random_subject("resnet14", 16, 4)
assert {device for leaf in jax.tree.leaves(subject.victim.weights) for device in leaf.devices()} == {first}
np.testing.assert_array_equal(subject.victim.predict(subject.images).argmax(1), subject.labels.argmax(1))
"""
    environment = {**ENVIRONMENT, "XLA_FLAGS": "--xla_force_host_platform_device_count=2"}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True)
