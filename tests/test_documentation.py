"""What the documentation tells people to type: it runs, and says what it should."""

import ast
import re
import tomllib
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen, nnx

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
    frameworks = ("from_torch", "from_flax", "from_keras", "from_onnx")
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


def victims_of(door: str, **names: Any) -> list[jaxpix.Victim]:
    """What each call of a door on the page makes, typed with these names at hand."""
    (block,) = (block for block in blocks("docs/python.md", "python") if f"Victim.{door}(" in block)
    names = {"jaxpix": jaxpix, "names": ["a", "b", "c"], **names}
    victims = []
    for statement in ast.parse(block).body:
        exec(compile(ast.Module([statement], []), "docs/python.md", "exec"), names)
        if isinstance(statement, ast.Assign) and statement.targets[0].id == "victim":  # type: ignore[attr-defined]
            victims.append(names["victim"])
    return victims


def test_flax_modules() -> None:
    class Small(linen.Module):
        @linen.compact
        def __call__(self, images: jax.Array) -> jax.Array:
            return linen.Dense(3)(linen.Conv(2, (3, 3))(images).mean((1, 2)))

    class SmallNnx(nnx.Module):
        def __init__(self) -> None:
            self.head = nnx.Linear(3, 3, rngs=nnx.Rngs(0))

        def __call__(self, images: jax.Array) -> jax.Array:
            return self.head(images.mean((1, 2)))

    variables = Small().init(jax.random.key(0), jnp.zeros((1, 64, 64, 3)))
    made = victims_of("from_flax", linen_module=Small(), variables=variables, nnx_module=SmallNnx())
    assert [victim.name for victim in made] == ["Small", "SmallNnx"]


@pytest.mark.torch
def test_a_torch_module() -> None:
    pytest.importorskip("torch", reason="needs the torch extra")
    (victim,) = victims_of("from_torch")
    assert victim.provenance["route"] == "translated into JAX"


@pytest.mark.torch
@pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning")
def test_a_keras_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    keras = pytest.importorskip("keras", reason="Keras is not installed")
    layers = [keras.layers.Input((64, 64, 3)), keras.layers.GlobalAveragePooling2D()]
    layers += [keras.layers.Rescaling(1 / 255), keras.layers.Dense(3, activation="softmax")]
    # Keras itself broadcasts a bias.
    with jax.numpy_rank_promotion("allow"):
        keras.Sequential(layers).save("model.keras")
        (victim,) = victims_of("from_keras")
    assert victim.provenance["framework"].startswith("keras 3")


@pytest.mark.torch
def test_an_onnx_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    pytest.importorskip("onnxruntime", reason="needs the onnx extra")
    onnx = pytest.importorskip("onnx", reason="the file is made by onnx")
    info, batch = onnx.helper.make_tensor_value_info, "batch"
    images = info("images", onnx.TensorProto.FLOAT, [batch, 3, 64, 64])
    scores = info("scores", onnx.TensorProto.FLOAT, [batch, 3])
    nodes = [onnx.helper.make_node("ReduceMax", ["images", "axes"], ["scores"], keepdims=0)]
    axes = onnx.numpy_helper.from_array(np.array([2, 3]), "axes")
    graph = onnx.helper.make_graph(nodes, "largest", [images], [scores], [axes])
    opset = [onnx.helper.make_opsetid("", 20)]
    onnx.save(onnx.helper.make_model(graph, opset_imports=opset, ir_version=10), "model.onnx")
    (victim,) = victims_of("from_onnx")
    assert victim.provenance["module"] == "model.onnx"


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
