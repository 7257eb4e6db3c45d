"""The notebooks of examples/: they run from beginning to end, and nothing that ran is kept in them."""

import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
NOTEBOOKS = sorted(path.name for path in EXAMPLES.glob("*.ipynb"))


def executed(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the cells put out, as text and HTML, of a notebook that was run in `folder`."""
    monkeypatch.setenv("PYTHONPATH", str(EXAMPLES.parent))
    monkeypatch.setenv("JAX_PLATFORMS", "cpu")
    notebook = nbformat.read(EXAMPLES / name, as_version=4)
    client = NotebookClient(
        notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(folder)}}
    )
    client.execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    assert not [one for one in outputs if one.output_type == "error" or one.get("name") == "stderr"]
    return [str(one.get("text") or dict(one.get("data", {}))) for one in outputs]


def test_both_notebooks_are_here() -> None:
    assert NOTEBOOKS == ["quickstart.ipynb", "your_own_torch_model.ipynb"]


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_outputs_are_stripped(name: str) -> None:
    notebook = nbformat.read(EXAMPLES / name, as_version=4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell for cell in code if cell.outputs or cell.execution_count is not None] == []


def test_quickstart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "\n".join(executed("quickstart.ipynb", tmp_path, monkeypatch))
    assert "PreparedDataset('phantom-derma', 'drawn'" in text
    assert re.search(r"attack ━{28} (\d+)/\1 .* successes", text)
    assert re.search(r"<Records: [1-9]\d* experiments, \d+ successes; \d+ images passed over>", text)
    assert "image/png" in text
    assert (tmp_path / "runs" / "quickstart" / "report" / "index.html").is_file()


@pytest.mark.torch
def test_a_torch_model_of_ones_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch")
    text = "\n".join(executed("your_own_torch_model.ipynb", tmp_path, monkeypatch))
    assert "attack ━━━━━━━━━━━━━━━━━━━━━━━━━━━━ 8/8" in text
    assert re.search(r"<Records: [1-8] experiments, \d successes", text)
