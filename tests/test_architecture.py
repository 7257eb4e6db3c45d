"""The picture of the house: what it says of a made package, and that a stale one is noticed."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SCRIPT = ROOT / "scripts" / "architecture.py"
CODE = {
    "__init__.py": "",
    "__main__.py": "import importlib\nDOORS = {'attack': 'attacks'}\nimportlib.import_module('.attack', 'house')\n",
    "errors.py": "class InputError(ValueError): ...\n",
    "attack/__init__.py": "",
    "attack/__main__.py": "from ..search.engine import run\nfrom ..errors import InputError\n",
    "search/__init__.py": "",
    "search/engine.py": "def run():\n    from house.errors import InputError\n    from . import genome\n",
    "search/genome.py": "import math\n",
}


@pytest.fixture
def house(tmp_path: Path) -> Path:
    for name, text in CODE.items():
        path = tmp_path / "house" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path / "house"


def run(house: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SCRIPT), "--package", str(house), "--out", str(house.parent / "house.svg")]
    return subprocess.run([*command, *arguments], capture_output=True, text=True, check=False, timeout=60)


def test_rooms_and_their_imports(house: Path) -> None:
    assert run(house).returncode == 0
    picture = (house.parent / "house.svg").read_text()
    for told in (
        "__main__ imports attack",
        "attack imports errors, search",
        "search imports errors",
        "errors imports no other room",
        "3 modules · 4 lines",
        "5 rooms, 8 modules",
    ):
        assert told in picture, told
    # attack → errors follows from attack → search → errors.
    assert picture.count('class="arrow"') == 3
    assert 'class="circle"' not in picture


def test_a_stale_picture_fails(house: Path) -> None:
    assert run(house, "--check").returncode == 1
    run(house)
    assert run(house, "--check").returncode == 0
    (house / "errors.py").write_text("from .search import genome\n")
    stale = run(house, "--check")
    assert stale.returncode == 1
    assert "python scripts/architecture.py" in stale.stderr
    run(house)
    assert 'class="circle"' in (house.parent / "house.svg").read_text()
