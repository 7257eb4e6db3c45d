"""The command line as a person meets it: real processes, exit codes, messages."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def run(*arguments, folder):
    return subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "100"},
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_the_doors_are_listed(tmp_path):
    listing = run("jaxpix", folder=tmp_path)
    assert listing.returncode == 0
    for door in ("prepare", "train", "attack", "report", "study", "bench"):
        assert door in listing.stdout
    assert run("jaxpix", "atack", folder=tmp_path).returncode == 2
    assert run("jaxpix", "--version", folder=tmp_path).stdout.strip() == "0.1.0"


@pytest.mark.parametrize(
    ("door", "flags"),
    [
        ("prepare", ["--source", "--split", "--allow-missing", "--max-corrupt"]),
        ("train", ["--learning-rate", "--init", "--class-weights"]),
        ("attack", ["--fitness", "--num-pixels", "--target", "--per-class", "--preset", "--bounds"]),
        ("study", ["--list", "--data-dir", "--run", "--victim", "--set", "--plan"]),
        ("bench", ["--measure", "--peers", "--precision", "--batches", "--quick", "bench dataset"]),
    ],
)
def test_help_names_the_options_and_both_ways_in_agree(tmp_path, door, flags):
    direct, through = (
        run(f"jaxpix.{door}", "--help", folder=tmp_path),
        run("jaxpix", door, "--help", folder=tmp_path),
    )
    assert direct.returncode == through.returncode == 0
    assert direct.stdout == through.stdout
    for flag in flags:
        assert flag in direct.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["jaxpix.prepare", "pneumonia", "--source", "nowhere.zip"], "nowhere.zip"),
        (["jaxpix.prepare", "x-rays", "--source", "."], "unknown data set"),
        (["jaxpix.train", "pneumonia"], "python -m jaxpix.prepare pneumonia"),
        (["jaxpix.attack", "--victim", "nowhere"], "no victim in nowhere"),
        (["jaxpix.study", "nowhere.toml"], "configuration file not found: nowhere.toml"),
        (["jaxpix.study", "pneumona"], "did you mean pneumonia"),
        (["jaxpix.attack", "--config", "nowhere.toml"], "configuration file not found: nowhere.toml"),
    ],
)
def test_what_a_user_can_mend_is_one_line_and_status_2(tmp_path, arguments, message):
    finished = run(*arguments, folder=tmp_path)
    assert finished.returncode == 2
    assert "Traceback" not in finished.stderr
    assert finished.stderr.startswith("error: ")
    assert message in finished.stderr


def test_the_traceback_is_there_for_those_who_ask(tmp_path):
    finished = subprocess.run(
        [sys.executable, "-m", "jaxpix.attack", "--victim", "nowhere"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "JAXPIX_TRACEBACK": "1"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert "Traceback" in finished.stderr
