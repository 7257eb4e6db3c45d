"""What the documentation tells people to type: it runs, and says what it should."""

import re
import tomllib
from pathlib import Path

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
