"""The command line as a person meets it: exit codes and messages, of real processes and of the same code in this one.

A process needs two seconds to import what it needs; so only one of a kind is a real one.
"""

import importlib
import os
import re
import runpy
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from jaxpix.__main__ import DOORS
from jaxpix.terminal.options import parse

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


@pytest.fixture
def here(tmp_path, monkeypatch, capsys):
    """Does what `run` does, in this process."""

    def run_here(module, *arguments):
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("COLUMNS", "100")
        monkeypatch.setattr(sys, "argv", [module, *arguments])
        # A package is run by its door, which may have been imported before.
        monkeypatch.delitem(sys.modules, f"{module}.__main__", raising=False)
        try:
            runpy.run_module(module, run_name="__main__", alter_sys=True)
            status = 0
        except SystemExit as ended:
            status = ended.code or 0
        out, err = capsys.readouterr()
        return subprocess.CompletedProcess(arguments, status, out, err)

    return run_here


def test_a_process_and_the_same_code_in_this_one_say_the_same(tmp_path, here):
    for arguments in (["jaxpix.check", "--help"], ["jaxpix.study", "nowhere.toml"], ["jaxpix", "atack"]):
        # Frames are drawn as the encoding of the output allows.
        (there, said), (same, also) = (
            (done, re.findall(r"\w[\w.=:'()-]*", done.stdout))
            for done in (run(*arguments, folder=tmp_path), here(*arguments))
        )
        assert (there.returncode, said, there.stderr) == (same.returncode, also, same.stderr)


def test_the_doors_are_listed(here):
    listing = here("jaxpix")
    assert listing.returncode == 0
    for door in ("prepare", "train", "attack", "report", "study", "defend", "check", "bench", "doctor"):
        assert door in listing.stdout
    refused = here("jaxpix", "atack")
    assert refused.returncode == 2
    assert "error: unknown door 'atack' (did you mean attack?); there are prepare, train" in refused.stderr
    assert here("jaxpix", "--version").stdout.strip() == "0.1.0"


@pytest.mark.parametrize(
    ("door", "flags"),
    [
        ("prepare", ["--source", "--split", "--allow-missing", "--max-corrupt"]),
        ("train", ["--learning-rate", "--init", "--class-weights"]),
        ("attack", ["--fitness", "--num-pixels", "--target", "--per-class", "--preset", "--bounds"]),
        ("study", ["--list", "--data-dir", "--run", "--victim", "--set", "--plan"]),
        ("report", ["--out"]),
        (
            "defend",
            [
                "--defences",
                "--victims",
                "--ensembles",
                "--attacks",
                "--checks",
                "--per-class",
                "--num-pixels",
            ],
        ),
        ("check", ["--dangerous-rate", "--success-rate", "--junit", "exit status is 0"]),
        ("doctor", ["--data-dir", "--runs", "--full", "exit status is 1"]),
        ("bench", ["--measure", "--peers", "--precision", "--batches", "--quick", "bench dataset"]),
    ],
)
def test_help_names_the_options_and_both_ways_in_agree(here, door, flags):
    direct, through = here(f"jaxpix.{door}", "--help"), here("jaxpix", door, "--help")
    assert direct.returncode == through.returncode == 0
    assert direct.stdout == through.stdout
    for flag in flags:
        assert flag in direct.stdout
    # No `None` among the choices, and two examples at the end.
    assert not re.search(r"[{|]None[}|,]|,None[},]", direct.stdout)
    assert direct.stdout.splitlines()[-3] == "examples:"
    assert all(line.startswith(f"  jaxpix {door}") for line in direct.stdout.splitlines()[-2:])


@pytest.mark.parametrize("door", [*DOORS])
def test_examples_can_be_typed(door):
    module = importlib.import_module(f"jaxpix.{door}.__main__")
    assert len(module.EXAMPLES) == 2
    for example in module.EXAMPLES:
        words = shlex.split(example)
        if words[:1] == ["dataset"]:
            parse(module.DatasetOptions, "attack", "", words[1:])
        else:
            parse(module.OPTIONS, door, "", words)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["jaxpix.prepare", "pneumonia", "--source", "nowhere.zip"], "nowhere.zip"),
        (["jaxpix.prepare", "x-rays", "--source", "."], "unknown data set"),
        (["jaxpix.prepare", "derna"], "unknown data set 'derna' (did you mean derma?)"),
        (["jaxpix.prepare", "--channels", "2", "derma"], "--channels: expected one of 1, 3, got '2'"),
        (["jaxpix.prepare", "phantom-xray", "--split=drwan"], "unknown split 'drwan' (did you mean drawn?)"),
        (
            ["jaxpix.attack", "--fitness", "cosin"],
            "confidence, margin, cosine, got 'cosin' (did you mean cosine?)",
        ),
        (["jaxpix.train", "--model", "Resnet5"], "got 'Resnet5' (did you mean resnet50?)"),
        (["jaxpix.bench", "--measure", "train", "forwards"], "got 'forwards' (did you mean forward?)"),
        (["jaxpix", "doktor"], "unknown door 'doktor' (did you mean doctor?)"),
        (["jaxpix", "--install-completion"], "needs the name of a shell: bash, zsh, fish"),
        (["jaxpix.train", "pneumonia"], "python -m jaxpix.prepare pneumonia"),
        (["jaxpix.attack", "--victim", "nowhere"], "no victim in nowhere"),
        (["jaxpix.study", "nowhere.toml"], "configuration file not found: nowhere.toml"),
        (["jaxpix.study", "pneumona"], "did you mean pneumonia"),
        (["jaxpix.attack", "--config", "nowhere.toml"], "configuration file not found: nowhere.toml"),
    ],
)
def test_what_a_user_can_mend_is_one_line_and_status_2(here, arguments, message):
    finished = here(*arguments)
    assert finished.returncode == 2
    assert "Traceback" not in finished.stderr
    assert finished.stderr.startswith("error: ")
    assert message in finished.stderr


def test_a_value_out_of_range_is_explained_without_a_link(here):
    for flags in (
        ["--population", "3"],
        ["--differential-weight", "5"],
        ["--num-pixels", "0"],
        ["--seed", "-1"],
    ):
        finished = here("jaxpix.attack", *flags)
        assert finished.returncode == 2
        assert f"{flags[0].strip('-').replace('-', '_')}" in finished.stderr
        assert "Input should be" in finished.stderr
        assert "pydantic" not in finished.stderr
    finished = here("jaxpix.attack", "--fitnes", "cosine")
    assert (finished.returncode, "--fitness {confidence,margin,cosine}" in finished.stderr) == (2, True)


def test_the_traceback_is_there_for_those_who_ask(tmp_path, monkeypatch):
    monkeypatch.setenv("JAXPIX_TRACEBACK", "1")
    finished = run("jaxpix.attack", "--victim", "nowhere", folder=tmp_path)
    assert "Traceback" in finished.stderr
