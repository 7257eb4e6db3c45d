"""The study for a borrowed GPU: rehearsed on a CPU, ended in the middle, ended before anything exists."""

import importlib.metadata
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from support.made_trees import pack, pneumonia

from jaxpix import read_records
from jaxpix.data.prepared import read_prepared
from jaxpix.data.prepared_files import finished
from jaxpix.study.file import read_study

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ["bash", str(ROOT / "scripts" / "study_gpu.sh"), "--small"]
CARRIED = {"study.tar.gz", "summary.json", "report.html", "study.log"}
ONE, THREE = "untargeted-k1", "untargeted-k3"


def environment(world, home, run="run", **more):
    places = {"OUT": world / home, "RUN": world / run, "DATA": world / "data"}
    source = {"SOURCE": world / "chest_xray_224.zip", "JAXPIX_PYTHON": sys.executable}
    return os.environ | {name: str(value) for name, value in (places | source | more).items()}


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A folder with the downloaded zip, the run of a rehearsal and what it packed."""
    folder = tmp_path_factory.mktemp("world")
    pack(folder / "chest_xray_224.zip", pneumonia(24))
    done = subprocess.run(
        SCRIPT, env=environment(folder, "home"), capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def unpacked(home, to):
    with tarfile.open(home / "study.tar.gz") as archive:
        archive.extractall(to, filter="data")
    return to


def counts(home):
    """Experiments that the report carried home speaks of, by number of pixels."""
    summary = json.loads((home / "summary.json").read_text())
    found = {}
    for series in summary["series"]:
        for attack in series["attacks"]:
            found[attack["num_pixels"]] = found.get(attack["num_pixels"], 0) + attack["experiments"]
    return found


def test_a_rehearsal_brings_everything_home(world, tmp_path):
    home = world / "home"
    assert {path.name for path in home.iterdir()} == CARRIED
    assert all(path.stat().st_size < 16 << 20 for path in home.iterdir())
    packed = unpacked(home, tmp_path / "packed")
    for name in (ONE, THREE):
        assert read_records(packed / name) == read_records(world / "run" / name) != []
        assert json.loads((packed / name / "environment.json").read_text())["packages"]["jax"]
    assert json.loads((packed / "victim" / "test_metrics.json").read_text())["task"] == "multiclass"
    assert (packed / "report" / "index.html").read_bytes() == (home / "report.html").read_bytes()
    assert list((packed / "report" / "tables").glob("*.csv"))
    assert read_study(packed / "study.toml").train.model == "resnet14"
    names = {path.name for path in packed.rglob("*")}
    assert not names & {"weights", "checkpoints", "adversarial", "report-so-far", ".lock"}
    said = (home / "study.log").read_text()
    assert "note on the data: a copy (chest_xray_224.zip) that a third party had squeezed" in said
    assert "test images" in said
    assert re.search(
        r"prepare: status 0.*\nstudy: status 0.*\n== carry home, from .*:\nstudy\.tar\.gz: ", said
    )
    assert {path.name for path in home.iterdir()} == CARRIED


def test_a_study_that_is_ended_in_an_attack_reports_what_it_has(world):
    run, home = world / "ended", world / "home-ended"
    shutil.copytree(world / "run", run)
    shutil.rmtree(run / "report")
    # As if K = 3 had been interrupted before its last experiment.
    (run / THREE / "records.parquet").unlink()
    journal = run / THREE / "journal.jsonl"
    journal.write_text("".join(journal.read_text().splitlines(keepends=True)[:-1]))
    kept = {1: len(read_records(run / ONE)), 3: len(read_records(run / THREE))}
    assert kept[3] > 0
    script = subprocess.Popen(
        SCRIPT, env=environment(world, "home-ended", "ended"), stdout=subprocess.PIPE, text=True
    )
    assert script.stdout is not None
    for line in script.stdout:
        if line.startswith("attack 2 of 2"):
            script.send_signal(signal.SIGTERM)
            break
    began = time.monotonic()
    with script.stdout:
        rest = script.stdout.read()
    assert script.wait(timeout=120) == 128 + signal.SIGTERM, rest
    assert time.monotonic() - began < 60
    assert {path.name for path in home.iterdir()} == CARRIED
    assert counts(home) == kept
    assert re.search(r"study: status 143 .*, ended by a signal\nreport: status 0 ", rest)
    packed = unpacked(home, world / "packed-ended")
    assert {count: len(read_records(packed / f"untargeted-k{count}")) for count in kept} == kept


def test_a_study_without_time_packs_what_there_is(world):
    home = world / "home-none"
    settings = environment(world, "home-none", "none", DATA=world / "other", JAXPIX_SECONDS=1)
    done = subprocess.run(SCRIPT, env=settings, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 128 + signal.SIGTERM
    assert {path.name for path in home.iterdir()} == {"study.tar.gz", "study.log"}
    steps = (unpacked(home, world / "packed-none") / "steps.txt").read_text()
    assert re.fullmatch(
        r"prepare: status 143 after \d+ s, ended because the time is over\nreport: none.*\n", steps
    )
    assert "report.html: not written" in done.stdout
    # The signal may come when all is stored: then the data set is whole.
    for path in finished(world / "other", "*/*"):
        assert sum(read_prepared(path).num_examples.values()) > 0


def test_the_configuration_is_for_one_gpu_and_comes_to_the_point_first():
    study = read_study(ROOT / "configs" / "pneumonia-gpu.toml")
    assert (study.train.precision, study.train.init, study.train.stop_accuracy) == ("bfloat16", None, 1.0)
    assert [attack.folder_name for attack in study.attacks] == [ONE, THREE, "untargeted-k2"]
    assert {attack.options.config.precision for attack in study.attacks} == {"bfloat16"}


# What a machine with JAX has anyway, and what our imports never reach.
THERE = {"jax", "flax", "optax", "orbax-checkpoint", "matplotlib", "numpy", "pyarrow", "pillow", "rich"}
THERE |= {"safetensors", "huggingface-hub"}
NEVER_IMPORTED = {"dotmap", "einops", "simple-parsing", "termcolor", "requests", "googleapis-common-protos"}


def needed(names, leaving_out):
    """All distributions that these need, but `leaving_out` and what only those need."""
    found, waiting = set(), [canonicalize_name(name) for name in names]
    while waiting:
        name = waiting.pop()
        if name in found or name in leaving_out:
            continue
        found.add(name)
        for text in importlib.metadata.requires(name) or []:
            requirement = Requirement(text)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                waiting.append(canonicalize_name(requirement.name))
    return found


def test_the_wheels_for_a_gpu_machine_are_all_that_is_missing_there():
    text = (ROOT / "scripts" / "gpu_wheels.sh").read_text()
    listed = {
        canonicalize_name(name)
        for group in re.findall(r"^\w+=\(([^)]*)\)", text, re.MULTILINE)
        for name in group.split()
    }
    versions = {
        canonicalize_name(line.partition("==")[0])
        for line in (ROOT / "constraints.txt").read_text().splitlines()
        if "==" in line and ";" not in line
    }
    assert listed <= versions
    ours = {
        Requirement(text).name for text in importlib.metadata.requires("jaxpix") or [] if "extra" not in text
    }
    missing = needed(ours, THERE | NEVER_IMPORTED) - needed(THERE, set())
    assert missing <= listed
