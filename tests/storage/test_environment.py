"""What a run writes about where it ran."""

import json
import platform
import subprocess
from pathlib import Path

import jax
import pytest

from jaxpix.storage import environment
from jaxpix.version import __version__


def test_versions_devices_and_date_are_json() -> None:
    facts = json.loads(json.dumps(environment.describe_environment()))
    assert facts["jaxpix"] == __version__
    assert facts["python"] == platform.python_version()
    assert facts["packages"]["jax"] == jax.__version__
    assert len(facts["devices"]) == jax.local_device_count()
    assert facts["date"].endswith("+00:00")


def test_the_commit_says_when_files_differ(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def git(*arguments: str) -> None:
        identity = ("-c", "user.name=a", "-c", "user.email=a@b")
        subprocess.run(["git", "-C", str(tmp_path), *identity, *arguments], check=True, capture_output=True)

    package = tmp_path / "jaxpix" / "storage" / "environment.py"
    package.parent.mkdir(parents=True)
    package.write_text("")
    monkeypatch.setattr(environment, "__file__", str(package))
    assert environment.describe_environment()["commit"] is None
    git("init")
    assert environment.describe_environment()["commit"] is None
    git("add", ".")
    git("commit", "-m", "x")
    commit = environment.describe_environment()["commit"]
    assert len(commit) == 40
    package.write_text("changed")
    assert environment.describe_environment()["commit"] == commit + "+"


def test_a_package_that_is_absent_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "_PACKAGES", ("jax", "surely-not-installed"))
    assert environment.describe_environment()["packages"]["surely-not-installed"] is None
