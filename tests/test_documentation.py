"""What the documentation tells people to type: it runs, and says what it should."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

import jaxpix
from jaxpix.study.file import read_study

ROOT = Path(__file__).resolve().parents[1]


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", (ROOT / page).read_text(), re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("page", ["README.md", "docs/python.md"])
def test_a_classifier_of_ones_own(page: str, capsys: pytest.CaptureFixture[str]) -> None:
    exec(compile(blocks(page, "python")[0], page, "exec"), {"__name__": "example"})
    assert "8 of 8" in capsys.readouterr().out


def test_attacks_and_records_in_python(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The blocks of the page that need no file of weights, one after the other, as somebody would type them."""
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {"__name__": "example"}
    frameworks = ("from_torch", "from_flax")
    every = blocks("docs/python.md", "python")
    wanted = [block for block in every if not any(word in block for word in frameworks)]
    for block in wanted[:3]:
        exec(compile(block, "docs/python.md", "exec"), names)
    printed = capsys.readouterr().out
    assert "<Records: " in printed
    assert "reason='misclassified'" in printed
    assert "attack: 8/8 images" in printed
    assert "PixelChange(x=" in printed
    assert names["changed"].shape == (32, 32, 1)
    assert (tmp_path / "runs" / "mine" / "records.parquet").is_file()


def test_a_study_of_ones_own(tmp_path: Path) -> None:
    (text,) = blocks("docs/study.md", "toml")
    assert tomllib.loads(text)["study"]["num_pixels"] == [1, 3]
    (tmp_path / "own.toml").write_text(text)
    study = read_study(tmp_path / "own.toml")
    assert [attack.folder_name for attack in study.attacks] == [
        "clip-k1",
        "clip-k3",
        "redraw-k1",
        "redraw-k3",
    ]


def test_every_public_name_is_described() -> None:
    page = (ROOT / "docs" / "python.md").read_text()
    assert [name for name in jaxpix.__all__ if f"`{name}`" not in page] == []
